using Parametrize.CSharp.Registration;
using Parametrize.CSharp.Values;

namespace Parametrize.CSharp.Models;

/// <summary>The transfer of one parametrized tensor: the target is computed by the same value, from copies of the parts.</summary>
/// <param name="Name">Its name in messages.</param>
/// <param name="From">The source of the value and the parts.</param>
/// <param name="To">The target: a plain tensor, or a parametrized one.</param>
/// <param name="SharedWith">
/// For a further name of a shared tensor: returns the tensor of the target model to share. Null otherwise.
/// </param>
/// <param name="Appends">
/// Whether the value is composed behind a value that the target already has. If not, a value that is there must be equal.
/// </param>
internal sealed record Transfer(
    string Name,
    ParametrizedTensor From,
    TensorPath To,
    Func<ParametrizedTensor?>? SharedWith = null,
    bool Appends = false
)
{
    private ParametrizedTensor? Target => To.Tensor;

    private int Dimension => From.Binding.Layout?.Dimension ?? 1;

    /// <summary>Carries out all transfers, or none when a target cannot compute from the numbers of its source.</summary>
    public static void CarryOut(IReadOnlyList<Transfer> transfers)
    {
        Prepared.CommitAll(
            transfers.Select(transfer => transfer.To),
            () => transfers.Select(transfer => transfer.Prepare())
        );
        foreach (var transfer in transfers)
            transfer.Target!.TrainLike(transfer.From);
    }

    private IPrepared Prepare()
    {
        if (ReferenceEquals(From, Target))
            throw new ArgumentException(
                $"{Name} is the same tensor in the source and in the target. Name another target."
            );
        if (Target is not { } target)
            return SharedWith is null
                ? new PreparedBinding(To, From.Parametrization, CopiedFor, Dimension)
                : PreparedSharingOf(SharedWith);
        if (SharedWith is not null && !ReferenceEquals(target, SharedWith()))
            throw new InvalidOperationException(
                $"{Name} is shared in the source, but not in the target. Remove the parametrization of the target first."
            );
        if (!To.IsHeld)
            RequireAlikeJoined(target);
        if (Appends)
            RequireRoomBehind(target);
        else if (!target.Parametrization.Equals(From.Parametrization))
            throw new InvalidOperationException(
                $"{Name} is computed by {From.Code} in the source, but by {target.Code} in the target. "
                    + (target.IsMadeByUser ? "Let the module make it of the same value." : "Remove it first.")
            );
        RequireInputs(target);
        return SharedWith is null ? new PreparedParts(target, target.Copying(From, Appends)) : Prepared.All([]);
    }

    /// <summary>Copies of the parts, in place of a plain tensor of the target.</summary>
    private Parts CopiedFor(Tensor plain)
    {
        RequireLike(plain);
        return From.CopiedParts(plain.device);
    }

    private PreparedSharing PreparedSharingOf(Func<ParametrizedTensor?> shared)
    {
        using var plain = new PlainTensor(To, Dimension);
        RequireLike(plain.Value);
        return new(To, () => shared()!, Dimension);
    }

    private void RequireAlikeJoined(ParametrizedTensor target)
    {
        To.RequireWhole();
        if (target.Binding.Layout is { IsJoint: true } layout && layout.Dimension != Dimension)
            throw new InvalidOperationException(
                $"{Name} is joined along dimension {Dimension} in the source, but along {layout.Dimension} in the target. Remove it first."
            );
    }

    private void RequireRoomBehind(ParametrizedTensor target)
    {
        var longer = Core.tryAndThen(From.Parametrization, target.Parametrization).OrThrow(Name);
        var (nodes, own) = (Core.nodes(longer).Length, Core.nodes(target.Parametrization).Length);
        if (nodes != own + Core.nodes(From.Parametrization).Length)
            throw new InvalidOperationException(
                $"{Name}: {target.Code} and {From.Code} would merge to one node, whose parts belong to neither. "
                    + "Remove the parametrization of the target first."
            );
    }

    private void RequireInputs(ParametrizedTensor target)
    {
        target.Binding.SyncWithModules();
        foreach (var (own, other) in From.Inputs.Zip(target.Inputs))
            RequireForm(FormModule.ofTensor(own), other.shape, other.dtype);
    }

    private void RequireLike(Tensor plain) =>
        RequireForm(Core.form(From.Parametrization, From.CurrentParts()), plain.shape, plain.dtype);

    private void RequireForm(Form expected, long[] shape, ScalarType dtype)
    {
        if (!expected.Shape.SequenceEqual(shape) || expected.Dtype != dtype)
            throw new ArgumentException(
                $"{Name} is {Form.Shown(expected.Shape)} {expected.Dtype} in the source, but {Form.Shown(shape)} {dtype} in the target."
            );
    }
}
