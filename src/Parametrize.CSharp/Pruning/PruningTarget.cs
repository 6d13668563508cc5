using Parametrize.CSharp.Binding;
using TorchSharp;
using static TorchSharp.torch;
using Core = Parametrize.ParametrizationModule;

namespace Parametrize.CSharp;

/// <summary>One of several tensors that are pruned together.</summary>
/// <param name="path">Where it is.</param>
/// <param name="scores">What counts instead of its entries.</param>
internal sealed class PruningTarget(TensorPath path, Tensor? scores)
{
    public TensorPath Path => path;

    /// <summary>All of them, or none when one cannot be pruned.</summary>
    public static void PruneTogether(IReadOnlyList<PruningTarget> targets, Pruning pruning)
    {
        var values = Masks(targets, pruning).Select(mask => Values.pruned(Pruning.NewCustom(mask))).ToList();
        var pairs = targets.Zip(values).ToList();
        foreach (var (target, value) in pairs)
            target.Check(value);

        var done = new List<(PruningTarget Target, Tensor? Gradient)>();
        try
        {
            // Parametrized ones last: after the check they cannot fail, and could not be taken back so easily.
            foreach (var (target, value) in pairs.OrderBy(pair => pair.First.Path.Tensor is not null))
            {
                var fresh = target.Path.Tensor is null;
                var gradient = fresh ? target.Present().grad?.alias() : null;
                Registration.Register(target.Path, value, WhenNotAllowed.Project);
                if (fresh)
                    done.Add((target, gradient));
            }
        }
        catch
        {
            foreach (var (target, gradient) in done)
                target.TakeBack(gradient);
            throw;
        }
        foreach (var (_, gradient) in done)
            gradient?.Dispose();
    }

    /// <summary>The mask of each, chosen as if all tensors were one vector.</summary>
    private static IEnumerable<Mask> Masks(IReadOnlyList<PruningTarget> targets, Pruning pruning)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var scores = cat([.. targets.Select(target => target.Scores())]);
        var kept = cat([.. targets.Select(target => target.Kept())]);
        var mask = PruningMask.ofScores(scores, Mask.OfTensor(kept), pruning).Kept;

        var masks = new List<Mask>();
        var start = 0;
        foreach (var shape in targets.Select(target => target.Present().shape))
        {
            var length = (int)shape.Aggregate(1L, (product, size) => product * size);
            masks.Add(Mask.OfArray(shape, mask[start..(start + length)]));
            start += length;
        }
        return masks;
    }

    /// <summary>What a forward pass computes with, or the module's own tensor.</summary>
    private Tensor Present() => Path.Tensor?.Detached() ?? SlotFinder.Find(Path.Owner, Path.Name).Tensor;

    /// <summary>Moduli, so that tensors of any element type and device go together.</summary>
    private Tensor Scores()
    {
        var present = Present();
        if (scores is not null && !scores.shape.SequenceEqual(present.shape))
            throw new ArgumentException(
                $"The scores of '{Path.Name}' have shape [{string.Join(", ", scores.shape)}], "
                    + $"the tensor [{string.Join(", ", present.shape)}].",
                nameof(scores)
            );
        return (scores ?? present).detach().abs().to(ScalarType.Float64).cpu().flatten();
    }

    private Tensor Kept() =>
        Path.Tensor?.PruningMask is { } mask
            ? mask.ne(0).cpu().flatten()
            : ones(Present().numel(), dtype: ScalarType.Bool, device: CPU);

    /// <summary>Throws what registering would.</summary>
    private void Check(Parametrization value)
    {
        using var scope = NewDisposeScope();
        if (Path.Tensor is { } tensor)
            Core.tryAndThen(value, tensor.Parametrization).OrThrow(tensor.Where);
        StartingParts.For(value, Present(), WhenNotAllowed.Project, $"{Path.Owner.GetName()}.{Path.Name}").Dispose();
    }

    private void TakeBack(Tensor? gradient)
    {
        Registration.Remove(Path, leaveParametrized: false);
        Present().grad = gradient;
    }
}
