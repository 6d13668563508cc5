using Samples.Data;
using Samples.Training;
using static TorchSharp.torch;

namespace Showcase.Nets;

/// <summary>Trains by Adam, with a learning rate that falls to zero.</summary>
internal sealed record Training(int Epochs, double LearningRate, int Seed)
{
    private const int BatchSize = 64;

    /// <summary>The loss of outputs and labels; null for the cross entropy.</summary>
    public Func<Tensor, Tensor, Tensor>? Criterion { get; init; }

    /// <param name="model">What is trained, as far as its parameters require gradients.</param>
    /// <param name="images">What it learns from.</param>
    /// <param name="report">What is done after each epoch, with its number and the loss.</param>
    public void Run(nn.Module<Tensor, Tensor> model, LabelledImages images, Action<int, double>? report = null)
    {
        var random = new Random(Seed);
        using var optimizer = optim.Adam(model.parameters().Where(parameter => parameter.requires_grad), LearningRate);
        var schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, Epochs);
        for (var epoch = 1; epoch <= Epochs; epoch++)
        {
            var (loss, _) = Classification.Epoch(model, optimizer, images, BatchSize, random, Criterion);
            schedule.step();
            report?.Invoke(epoch, loss);
        }
    }
}
