using System.Diagnostics;
using Parametrize.CSharp;
using Samples.Training;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Showcase.Copying;

/// <summary>Trains one kernel as the other: the same sequences, optimizer and number of steps.</summary>
/// <param name="wait">How many steps lie between the last symbol and the sign to recall.</param>
/// <param name="steps">How long each is trained.</param>
/// <param name="seed">Draws initial weights and sequences.</param>
internal sealed class CopyingTrainer(int wait, int steps, int seed)
{
    private const int Hidden = 128;
    private const int Batch = 32;
    private const int TestSequences = 256;
    private const double LearningRate = 1e-2;
    private const double LargestGradient = 1;

    public CopyingResult Train(Kernel kernel, SideBySide.Report report)
    {
        using var generator = new Generator((ulong)seed);
        using var model = SideBySide.Draw(seed, () => new CopyingModel(Hidden, wait, kernel));
        using var optimizer = optim.Adam([
            new Adam.ParamGroup(model.other_parameters(), LearningRate),
            new Adam.ParamGroup(model.parametrized_parameters(), kernel.LearningRate),
        ]);
        var schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, steps);

        var losses = new List<double>();
        var watch = Stopwatch.StartNew();
        for (var step = 1; step <= steps; step++)
        {
            using var scope = NewDisposeScope();
            optimizer.zero_grad();
            var loss = Loss(model, CopyingData.Draw(Batch, generator)).Mean;
            loss.backward();
            nn.utils.clip_grad_norm_(model.parameters(), LargestGradient);
            optimizer.step();
            schedule.step();
            losses.Add(loss.item<float>());
            report(step, steps, $"cross entropy {losses[^1]:0.000}");
        }
        return Measure(kernel, model, generator) with
        {
            Losses = losses,
            MillisecondsPerStep = watch.Elapsed.TotalMilliseconds / steps,
        };
    }

    private CopyingResult Measure(Kernel kernel, CopyingModel model, Generator generator)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var symbols = CopyingData.Draw(TestSequences, generator);
        var (loss, scores) = Loss(model, symbols);
        var weight = model.Weight.Value.to(float64);
        // Singular values of what is not finite are an exception.
        var isFinite = weight.isfinite().all().item<bool>();
        return new(
            kernel,
            scores.argmax(-1).eq(symbols).mean([0L, 1L], type: ScalarType.Float64).item<double>(),
            loss.item<float>(),
            (weight.T.mm(weight) - eye(Hidden, dtype: float64)).abs().max().item<double>(),
            isFinite ? linalg.matrix_norm(weight.matrix_power(wait), 2).item<double>() : double.NaN
        );
    }

    private static (Tensor Mean, Tensor Scores) Loss(CopyingModel model, Tensor symbols)
    {
        var scores = model.call(symbols);
        return (nn.functional.cross_entropy(scores.flatten(0, 1), symbols.flatten()), scores);
    }
}
