namespace Digits.Training;

/// <summary>What is known after an epoch.</summary>
/// <param name="Epoch">From 1.</param>
/// <param name="Loss">The mean cross entropy of the training images while they were learned from.</param>
/// <param name="TestAccuracy">The share of test images that are recognised.</param>
public sealed record EpochResult(int Epoch, double Loss, double TestAccuracy)
{
    public override string ToString() => $"loss {Loss:0.000}  test accuracy {TestAccuracy:0.0%}";
}
