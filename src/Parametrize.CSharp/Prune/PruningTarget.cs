using Parametrize.CSharp.Registration;
using Parametrize.CSharp.Threads;
using Parametrize.Values;

namespace Parametrize.CSharp.Prune;

/// <summary>One of several tensors that are pruned together.</summary>
/// <param name="Model">The model that has the tensor. Modules in it that share the tensor go on sharing it.</param>
/// <param name="Path">Where the tensor is.</param>
/// <param name="Scores">Scores by which entries are chosen, in place of the entries themselves; null for the entries.</param>
internal sealed record PruningTarget(nn.Module Model, TensorPath Path, Tensor? Scores)
{
    /// <summary>Prunes all targets, or none when one cannot be pruned.</summary>
    public static void PruneTogether(IReadOnlyList<PruningTarget> targets, Pruning pruning)
    {
        // Another thread that prunes must not choose from the same entries.
        using var alone = TensorAccess.WritingAll(() =>
            [.. targets.SelectMany(target => target.Path.Accesses).Distinct()]
        );
        foreach (var target in targets)
            target.Path.Tensor?.Binding.SyncWithModules();
        // A tensor that is named several times is pruned once; its scores may be given under any name.
        var tensors = targets
            .GroupBy(target => target.Identity())
            .Select(places => places.OrderBy(place => place.Scores is null ? 1 : 0).ToList())
            .ToList();
        if (Masks([.. tensors.Select(places => places[0])], pruning) is not { } masks)
            return;
        Prepared.CommitAll(
            targets.Select(target => target.Path),
            () =>
            {
                var ties = new TiedParameters(targets.Select(target => target.Model).Distinct());
                return tensors.Zip(
                    masks,
                    (places, mask) =>
                        ties.Prepare(
                            places[0].Path,
                            PrunedValues.pruned(Pruning.NewCustom(mask)),
                            WhenNotAllowed.Project
                        )
                );
            }
        );
    }

    /// <summary>The mask of each tensor, chosen as if all tensors were one vector; null when the pruning is done already.</summary>
    private static List<Mask>? Masks(IReadOnlyList<PruningTarget> targets, Pruning pruning)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var unpruned = cat([.. targets.Select(target => target.Unpruned())]);
        if (targets.All(target => target.Path.Tensor?.PruningMask is not null) && Pruned.isReached(pruning, unpruned))
            return null;

        var scores = cat([.. targets.Select(target => target.Ranked())]);
        var mask = PruningMask.ofScores(scores, Mask.OfTensor(unpruned), pruning).Kept;
        var masks = new List<Mask>();
        var start = 0;
        foreach (var shape in targets.Select(target => ShapeOf(target.Path)))
        {
            var length = (int)shape.Aggregate(1L, (product, size) => product * size);
            masks.Add(Mask.OfArray(shape, mask[start..(start + length)]));
            start += length;
        }
        return masks;
    }

    /// <summary>An object that is equal for all names of one tensor.</summary>
    private object Identity() =>
        (object?)Path.Tensor ?? (Path.Members.Count > 1 ? Path : NativeTensors.Identity(Present()));

    /// <summary>The value of a parametrized tensor, or the module's own tensor.</summary>
    private Tensor Present() => Path.Tensor?.Detached() ?? PlainTensor.Read(Path);

    /// <summary>Throws when scores are not of the tensor's shape.</summary>
    public static void RequireLike(TensorPath path, Tensor? importance_scores)
    {
        if (importance_scores is { shape: var found } && ShapeOf(path) is var shape && !found.SequenceEqual(shape))
            throw new ArgumentException(
                $"The scores of '{path.Name}' have shape {Form.Shown(found)}, the tensor {Form.Shown(shape)}.",
                nameof(importance_scores)
            );
    }

    /// <summary>The shape of the tensor, without computing a parametrized one. Throws when there is no such tensor.</summary>
    public static long[] ShapeOf(TensorPath path)
    {
        if (path.Tensor is { } present)
            return present.Shape;
        using var scope = NewDisposeScope();
        return PlainTensor.Read(path).shape;
    }

    /// <summary>
    /// The moduli of the scores, in float64 on the CPU, so that tensors of any element type and device can be ranked together.
    /// </summary>
    private Tensor Ranked()
    {
        RequireLike(Path, Scores);
        return (Scores ?? Present()).detach().abs().to(ScalarType.Float64).cpu().flatten();
    }

    private Tensor Unpruned() =>
        Path.Tensor?.PruningMask is { } mask
            ? mask.ne(Scalars.scalarOf(0)).cpu().flatten()
            : ones(Present().numel(), dtype: ScalarType.Bool, device: CPU);
}
