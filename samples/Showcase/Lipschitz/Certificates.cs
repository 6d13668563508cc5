using Samples.Data;
using static TorchSharp.torch;

namespace Showcase.Lipschitz;

/// <summary>How far each image may be moved, in the Euclidean norm, with certainty that the answer stays the same.</summary>
internal static class Certificates
{
    /// <summary>
    /// The lead of the right class over the next, divided by how fast it can shrink: the difference of two outputs has sqrt 2 times
    /// the Lipschitz constant of all (Tsuzuku, Sato and Sugiyama, Lipschitz-margin training, 2018). Zero for wrong answers.
    /// </summary>
    /// <returns>One number for each image.</returns>
    public static Tensor Radii(RobustNet net, LabelledImages images)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        return (
            Lead(net.call(images.Pixels), images.Labels).relu() / (Math.Sqrt(2) * net.Bound())
        ).MoveToOuterDisposeScope();
    }

    /// <summary>Looks for another answer within given distances, along gradients of the lead.</summary>
    /// <param name="net">The classifier.</param>
    /// <param name="images">The images, with their labels.</param>
    /// <param name="radii">How far each may be moved.</param>
    /// <param name="steps">How many steps there are.</param>
    /// <returns>Which images are recognised still.</returns>
    public static Tensor Withstand(RobustNet net, LabelledImages images, Tensor radii, int steps)
    {
        using var scope = NewDisposeScope();
        var limit = radii.unsqueeze(1);
        var move = zeros_like(images.Pixels);
        for (var step = 0; step < steps; step++)
        {
            using var inner = NewDisposeScope();
            var start = move.detach().requires_grad_();
            var lead = Lead(net.call(images.Pixels + start), images.Labels).sum();
            var gradient = autograd.grad([lead], [start])[0];
            var next = start.detach() - Unit(gradient) * limit * (2.5 / steps);
            move = (Unit(next) * next.norm(1, keepdim: true, p: 2).minimum(limit)).MoveToOuterDisposeScope();
        }
        using var _ = no_grad();
        return (Lead(net.call(images.Pixels + move), images.Labels) > 0).MoveToOuterDisposeScope();
    }

    private static Tensor Unit(Tensor rows) => rows / rows.norm(1, keepdim: true, p: 2).clamp_min(1e-12);

    private static Tensor Lead(Tensor scores, Tensor labels)
    {
        var right = labels.unsqueeze(1);
        var others = scores.scatter(1, right, full_like(right, float.NegativeInfinity, dtype: ScalarType.Float32));
        return scores.gather(1, right).squeeze(1) - others.amax([1L]);
    }
}
