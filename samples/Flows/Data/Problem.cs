using Parametrize.Flows;
using static TorchSharp.torch;

namespace Flows.Data;

/// <summary>Data, a flow that learns them, and what it should reach.</summary>
/// <param name="Name">As it is shown.</param>
/// <param name="FileName">As it is typed and as its picture is called.</param>
/// <param name="Unit">In what the loss is measured.</param>
/// <param name="PerUnit">Nats in one unit of the loss.</param>
/// <param name="Goal">The loss on the test data that the flow should reach with the default options.</param>
/// <param name="Known">What others reach, or the least that can be reached.</param>
public abstract record Problem(string Name, string FileName, string Unit, double PerUnit, double Goal, string Known)
{
    /// <summary>Data to learn from, and others.</summary>
    public abstract (Tensor Train, Tensor Test) Load(int seed);

    public abstract Flow NewFlow();

    public abstract int Steps { get; }

    public abstract int BatchSize { get; }

    public abstract double LearningRate { get; }

    /// <summary>The mean loss, without gradients.</summary>
    public double Loss(Flow flow, Tensor data)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        return -flow.log_prob(data).mean().item<float>() / PerUnit;
    }

    /// <summary>Samples, and the density where it can be drawn, as a PNG file.</summary>
    public abstract void Draw(Flow flow, string path);
}
