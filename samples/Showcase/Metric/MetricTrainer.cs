using Parametrize;
using Samples.Data;
using Samples.Training;
using static TorchSharp.torch;

namespace Showcase.Metric;

/// <summary>
/// Learns a metric from few images, in which neighbours have the same label (Weinberger and Saul, Distance metric learning for large margin
/// nearest neighbor classification, 2009).
/// </summary>
internal sealed class MetricTrainer(LabelledImages images)
{
    private const int FewImages = 300;
    private const int Neighbours = 3;
    private const double LearningRate = 1e-2;

    /// <param name="value">What the matrix is computed by.</param>
    /// <param name="steps">How long it is trained; 0 for the Euclidean metric.</param>
    /// <param name="seed">Draws the images to learn from; all others are those to recognise.</param>
    /// <param name="report">Shows how far it is.</param>
    public MetricResult Train(Parametrization value, int steps, int seed, SideBySide.Report report)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator((ulong)seed);
        var order = randperm(images.Count, generator: generator);
        var lit = Lighting.Uneven(images, generator);
        var few = lit.At(order.narrow(0, 0, FewImages));
        var others = lit.At(order.narrow(0, FewImages, images.Count - FewImages));

        var neighbours = SameNeighbours(few);
        using var model = new MetricModel(images.Pixels.shape[1], value);
        using var optimizer = optim.Adam(model.parameters(), LearningRate);
        for (var step = 1; step <= steps; step++)
        {
            using var inner = NewDisposeScope();
            optimizer.zero_grad();
            var loss = Loss(model, few, neighbours);
            loss.backward();
            optimizer.step();
            report(step, steps, $"loss {loss.item<float>():0.000}");
        }
        var result = Measure(model, few, others);
        report(1, 1, $"recognised {result.Accuracy:0.0%}");
        return result;
    }

    /// <summary>Pulls neighbours of the same label nearer, and pushes others away until they are by 1 farther than those.</summary>
    private static Tensor Loss(MetricModel model, LabelledImages few, Tensor neighbours)
    {
        var distances = model.call(few.Pixels, few.Pixels);
        var near = distances.gather(1, neighbours);
        var isOther = few.Labels.unsqueeze(0).not_equal(few.Labels.unsqueeze(1)).unsqueeze(1);
        var tooNear = (1 + near.unsqueeze(2) - distances.unsqueeze(1)).relu() * isOther;
        return near.mean() + tooNear.sum(2).mean();
    }

    /// <summary>The nearest images of the same label, in the Euclidean metric.</summary>
    private static Tensor SameNeighbours(LabelledImages few)
    {
        using var scope = NewDisposeScope();
        var isOther =
            few.Labels.unsqueeze(0).not_equal(few.Labels.unsqueeze(1)) | eye(few.Count, dtype: ScalarType.Bool);
        var distances = cdist(few.Pixels, few.Pixels).masked_fill(isOther, float.PositiveInfinity);
        return distances.topk(Neighbours, dim: 1, largest: false).indexes.MoveToOuterDisposeScope();
    }

    private static MetricResult Measure(MetricModel model, LabelledImages few, LabelledImages others)
    {
        using var _ = no_grad();
        var distances = model.call(others.Pixels, few.Pixels);
        var nearest = distances.topk(Neighbours, dim: 1, largest: false).indexes;
        var votes = nn.functional.one_hot(few.Labels[nearest], 10).sum(1);
        return new(
            votes.argmax(1).eq(others.Labels).to(float64).mean().item<double>(),
            linalg.eigvalsh(model.Matrix.to(float64)).data<double>().ToArray()
        );
    }
}
