using System.Collections;

namespace Parametrize.CSharp.Binding;

/// <summary>The places in which a managed module holds a tensor.</summary>
internal sealed class FieldSlot(nn.Module owner, string name, bool isBuffer, FieldPlace[] places)
    : Slot(owner, name, isBuffer)
{
    /// <summary>What was put here last, and how many elements there were then.</summary>
    private (Tensor? Tensor, int Count) _put;

    /// <summary>
    /// TorchSharp's own modules read the dtype and device of their fields when they are moved. For lists of parameters the proxy is
    /// moved instead.
    /// </summary>
    public override bool NeedsTensor { get; } =
        owner is not (ParameterList or ParameterDict)
        && places.Any(place => place.Field.DeclaringType!.Assembly == typeof(nn.Module).Assembly);

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

    /// <summary>
    /// Whether the tensor is at another position of the same collection now, or was taken out of it. In the second case the
    /// collection has fewer elements than when the tensor was put there.
    /// </summary>
    public override bool HasShifted(Tensor? tensor)
    {
        if (tensor is null || Owner is not { } owner)
            return false;
        var here = places.Count(place => ReferenceEquals(place.Get(owner), tensor));
        var everywhere = FieldPlace.Of(owner, tensor).Count(now => places.Any(place => place.Field == now.Field));
        return everywhere > here
            || everywhere == 0 && ReferenceEquals(tensor, _put.Tensor) && Count(owner) < _put.Count;
    }

    protected override void PutBack(nn.Module owner, Tensor tensor)
    {
        foreach (var place in places)
            place.Set!(owner, tensor);
        _put = (tensor, Count(owner));
    }

    /// <summary>The number of elements of the collections in which the tensor is.</summary>
    private int Count(nn.Module owner) =>
        IsReplacedAtOnce ? 0 : places.Sum(place => (place.Field.GetValue(owner) as ICollection)?.Count ?? 0);
}
