namespace Digits.Training;

/// <summary>How to train. The kernel's parameters learn more slowly: a small turn of it acts 64 times.</summary>
public sealed record TrainingSettings(int Epochs, int Hidden, int Seed)
{
    public int BatchSize { get; init; } = 64;

    public double LearningRate { get; init; } = 2e-3;

    public double KernelLearningRate { get; init; } = 1e-3;
}
