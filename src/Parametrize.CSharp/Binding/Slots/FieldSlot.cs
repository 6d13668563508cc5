using Parametrize.CSharp.Torch;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Parametrize.CSharp.Binding;

/// <summary>The places in which a managed module holds a tensor.</summary>
internal sealed class FieldSlot(nn.Module owner, string name, bool isBuffer, FieldPlace[] places)
    : Slot(owner, name, isBuffer)
{
    /// <summary>
    /// TorchSharp's own modules read the dtype and device of their fields when they are moved. For lists of parameters the proxy is
    /// moved instead.
    /// </summary>
    public override bool NeedsTensor { get; } =
        owner is not (ParameterList or ParameterDict)
        && places.Any(one => one.Field.DeclaringType!.Assembly == typeof(nn.Module).Assembly);

    public override bool IsReplacedAtOnce { get; } = Array.TrueForAll(places, place => place.IsField);

    /// <summary>
    /// A tensor in the registry was assigned by a user, or registered under the name. In a collection the names are positions:
    /// after an insertion the name may belong to another tensor, so the registry is not asked.
    /// </summary>
    public override Tensor? Get() =>
        Owner is not { } owner ? null
        : IsReplacedAtOnce ? Registered(owner) ?? (Tensor?)places[0].Get(owner)
        : (Tensor?)places[0].Get(owner);

    public override void Set(Parameter tensor)
    {
        if (Owner is { } owner)
            PutBack(owner, tensor);
    }

    public override bool HasShifted(Tensor? tensor) =>
        tensor is not null
        && Owner is { } owner
        && FieldPlace.Of(owner, tensor).Count(now => places.Any(one => one.Field == now.Field))
            > places.Count(one => ReferenceEquals(one.Get(owner), tensor));

    protected override void PutBack(nn.Module owner, Tensor tensor)
    {
        foreach (var place in places)
            place.Set!(owner, tensor);
    }
}
