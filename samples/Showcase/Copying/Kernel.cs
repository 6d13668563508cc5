using Parametrize;

namespace Showcase.Copying;

/// <summary>A recurrent kernel that is compared.</summary>
/// <param name="Name">As it is shown.</param>
/// <param name="Value">What it is computed by.</param>
/// <param name="LearningRate">Of its parameters.</param>
/// <param name="StartsOrthogonal">Whether it starts from random rotations, or as layers usually do.</param>
internal sealed record Kernel(string Name, Parametrization Value, double LearningRate, bool StartsOrthogonal = true)
{
    /// <summary>The name, with the learning rate.</summary>
    public string Title => $"{Name}, {LearningRate:0e-0}";
}
