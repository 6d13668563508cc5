using Parametrize.CSharp.Registration;
using Parametrize.CSharp.Values;
using static TorchSharp.torch;
using Core = Parametrize.ParametrizationModule;

namespace Parametrize.CSharp.Models;

/// <summary>One tensor that is to be computed somewhere else as it is here, from numbers of its own.</summary>
/// <param name="Name">Its name in messages.</param>
/// <param name="From">Where the value and the numbers are from.</param>
/// <param name="To">Where they go: a plain tensor, or a parametrized one.</param>
/// <param name="SharedWith">What the target is to share when it is a further name of one tensor, else null.</param>
/// <param name="Appends">Whether the value goes behind one that is there, which else has to be the same.</param>
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

    /// <summary>All of them, or none. Each must have been found suitable.</summary>
    public static void CarryOut(IReadOnlyList<Transfer> transfers)
    {
        Prepared.CommitAll(transfers.Select(one => one.To), () => transfers.Select(one => one.Prepare()));
        foreach (var one in transfers)
            one.Target!.TrainLike(one.From);
    }

    /// <summary>Throws unless the target can compute from the numbers of the source.</summary>
    public void RequireSuitable()
    {
        if (ReferenceEquals(From, Target))
            throw new ArgumentException($"{Name} is the same tensor on both sides.");
        if (Target is not { } target)
        {
            using var plain = new PlainTensor(To, Dimension);
            var tensor = plain.Value;
            RequireForm(Core.form(From.Parametrization, From.CurrentParts()), tensor.shape, tensor.dtype);
            return;
        }
        if (SharedWith is not null && !ReferenceEquals(target, SharedWith()))
            throw new InvalidOperationException($"{Name} is shared here, but not there. Remove it first.");
        if (!To.IsHeld)
            RequireAlikeJoined(target);
        if (Appends)
            RequireRoomBehind(target);
        else if (!target.Parametrization.Equals(From.Parametrization))
            throw new InvalidOperationException(
                $"{Name} is computed by {From.Code} here, but by {target.Code} there. Remove it first."
            );
        RequireInputs(target);
    }

    private void RequireAlikeJoined(ParametrizedTensor target)
    {
        To.RequireWhole();
        if (target.Binding.Layout is { IsJoint: true } layout && layout.Dimension != Dimension)
            throw new InvalidOperationException(
                $"{Name} is joined along dimension {Dimension} here, but along {layout.Dimension} there. Remove it first."
            );
    }

    private void RequireRoomBehind(ParametrizedTensor target)
    {
        var longer = Core.tryAndThen(From.Parametrization, target.Parametrization).OrThrow(Name);
        var (nodes, own) = (Core.nodes(longer).Length, Core.nodes(target.Parametrization).Length);
        if (nodes != own + Core.nodes(From.Parametrization).Length)
            throw new InvalidOperationException(
                $"{Name}: {target.Code} and {From.Code} become one, whose parts are neither's. "
                    + "Remove the first before."
            );
    }

    private void RequireInputs(ParametrizedTensor target)
    {
        target.Binding.SyncWithModules();
        foreach (var (own, other) in From.Inputs.Zip(target.Inputs))
            RequireForm(FormModule.ofTensor(own), other.shape, other.dtype);
    }

    private void RequireForm(Form expected, long[] shape, ScalarType dtype)
    {
        if (!expected.Shape.SequenceEqual(shape) || expected.Dtype != dtype)
            throw new ArgumentException(
                $"{Name} is {Form.Shown(expected.Shape)} {expected.Dtype} here, but {Form.Shown(shape)} {dtype} there."
            );
    }

    private IPrepared Prepare() =>
        Target switch
        {
            null when SharedWith is not null => new PreparedSharing(To, () => SharedWith()!, Dimension),
            null => new PreparedBinding(To, From.Parametrization, tensor => From.CopiedParts(tensor.device), Dimension),
            _ when SharedWith is not null => Prepared.All([]),
            var target => new PreparedParts(target, target.Copying(From, Appends)),
        };
}
