using Parametrize;
using Samples.Data;
using Samples.Report;
using Samples.Training;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Showcase.Gan;

/// <summary>Trains a generator against a discriminator, by the hinge loss.</summary>
/// <param name="images">What is to be imitated.</param>
/// <param name="judge">Tells the digits of samples.</param>
/// <param name="steps">The number of training steps.</param>
/// <param name="seed">Draws initial weights, minibatches and noise.</param>
internal sealed class GanTrainer(LabelledImages images, nn.Module<Tensor, Tensor> judge, int steps, int seed)
{
    private const int BatchSize = 64;
    private const int Measurements = 20;
    private const int Samples = 2000;
    private const int Shown = 64;
    private const double LearningRate = 3e-4;

    // The discriminator learns faster and more often, so that it is always near its best.
    private const double OpponentLearningRate = 1e-3;
    private const int OpponentSteps = 2;

    public GanResult Train(string name, Parametrization weights, SideBySide.Report report)
    {
        using var random = new Generator((ulong)seed);
        var (generator, discriminator) = SideBySide.Draw(
            seed,
            () => (GanNets.Generator(), GanNets.Discriminator(weights))
        );
        using var _ = generator;
        using var __ = discriminator;
        using var steer = optim.Adam(generator.parameters(), LearningRate, beta1: 0.5);
        using var judgement = optim.Adam(discriminator.parameters(), OpponentLearningRate, beta1: 0.5);

        var distances = new List<(double, double)>();
        for (var step = 1; step <= steps; step++)
        {
            using (NewDisposeScope())
            {
                for (var turn = 0; turn < OpponentSteps; turn++)
                    Discriminate(generator, discriminator, judgement, random);
                Generate(generator, discriminator, steer, random);
            }
            if (step % Math.Max(1, steps / Measurements) != 0)
                continue;
            distances.Add((step, Distance(generator, random)));
            report(step, steps, $"distance {distances[^1].Item2:0.00}");
        }
        using var shown = Imagine(generator, Shown, random);
        return new(name, distances, Digits(generator, random), DigitsPanel.Of($"against {name}", shown));
    }

    private void Discriminate(
        Sequential generator,
        Sequential discriminator,
        optim.Optimizer optimizer,
        Generator random
    )
    {
        var real = images.Pixels.index_select(0, randint(0, images.Count, [BatchSize], generator: random));
        var imagined = Imagine(generator, BatchSize, random);
        optimizer.zero_grad();
        // One pass for both, as a spectral norm iterates in each.
        var scores = discriminator.call(cat([real, imagined])).chunk(2);
        ((1 - scores[0]).relu().mean() + (1 + scores[1]).relu().mean()).backward();
        optimizer.step();
    }

    private static void Generate(
        Sequential generator,
        Sequential discriminator,
        optim.Optimizer optimizer,
        Generator random
    )
    {
        optimizer.zero_grad();
        (-discriminator.call(generator.call(Noise(BatchSize, random))).mean()).backward();
        optimizer.step();
    }

    private double Distance(Sequential generator, Generator random)
    {
        using var scope = NewDisposeScope();
        return Moments.Of(images.Pixels).DistanceTo(Moments.Of(Imagine(generator, Samples, random)));
    }

    private double Digits(Sequential generator, Generator random)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var found = judge.call(Imagine(generator, Samples, random)).argmax(1);
        var shares = found.bincount(null, 10).to(float64) / Samples;
        return special.entr(shares).sum().exp().item<double>();
    }

    private static Tensor Imagine(Sequential generator, int count, Generator random)
    {
        using var _ = no_grad();
        using var noise = Noise(count, random);
        return generator.call(noise);
    }

    private static Tensor Noise(int count, Generator random) => randn([count, GanNets.Noise], generator: random);
}
