using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Parametrize.CSharp.Binding;

/// <summary>One tensor of a module: a slot, and what stands in it instead of a tensor of the module's own.</summary>
internal sealed class Place(ParametrizedTensor computed, Slot slot)
{
    private Placeholder? _placeholder;
    private Tensor? _kept;

    public Slot Slot => slot;

    /// <summary>What the module computes with now; null outside a pass and a scope.</summary>
    public Shown? Shown { get; private set; }

    public bool Shows(Tensor tensor) =>
        ReferenceEquals(tensor, _placeholder) || ReferenceEquals(tensor, Shown) || slot.Shows(tensor);

    /// <summary>Takes the module's tensor out. It is kept, empty, unless something is computed from it.</summary>
    public void Take(Tensor tensor)
    {
        slot.Take(tensor);
        if (!computed.Inputs.Any(input => NativeTensors.AreOne(input, tensor)))
        {
            using var _ = no_grad();
            using var nothing = empty(0L, dtype: tensor.dtype, device: tensor.device);
            tensor.set_(nothing);
            tensor.grad = null;
            _kept = tensor;
        }
        Stand();
    }

    /// <summary>The module's own tensor with these numbers: the object that was kept, where there is one.</summary>
    public Tensor Own(Tensor value, bool isTrained)
    {
        if (_kept is null || !_kept.IsOfTheKindOf(value))
        {
            var copy = value.detach().clone();
            return (slot.IsBuffer ? copy : new Parameter(copy, isTrained)).DetachFromDisposeScope();
        }
        using var _ = no_grad();
        using var numbers = value.detach().clone();
        _kept.set_(numbers);
        return slot.IsBuffer ? _kept : _kept.requires_grad_(isTrained);
    }

    /// <summary>Gives the module a tensor of its own again.</summary>
    public void Restore(Tensor own)
    {
        Hide();
        slot.Restore(own);
        _placeholder?.Retire();
    }

    public void Show(Tensor value)
    {
        Shown = new Shown(slot, value);
        slot.Set(Shown);
    }

    public void Hide()
    {
        Stand();
        Shown?.Retire();
        Shown = null;
    }

    /// <summary>
    /// What is found instead of what had been put there, and taken out; null when all is in order. Assigning null to a
    /// parametrized tensor (`layer.bias = null`) has no meaning: it is undone.
    /// </summary>
    public Stray? TakeStray()
    {
        var found = slot.Get();
        if (found is null)
        {
            var spent = new StandIn?[] { _placeholder, Shown }
                .Where(one => one is { IsSpent: true })
                .ToList();
            spent.ForEach(one => one!.Restore());
            return spent.Count > 0 ? new(this, null, false) : null;
        }
        if (ReferenceEquals(found, _placeholder) || ReferenceEquals(found, Shown))
            return null;
        var moved = !found.IsOfTheKindOf(computed.Inputs[0]);
        slot.Unregister();
        return new(this, found, found.numel() > 0 && (Shown is null || !moved));
    }

    /// <summary>Puts the placeholder into the slot, a new one when the tensor has moved.</summary>
    private void Stand()
    {
        var input = computed.Inputs[0];
        if (input.IsInvalid)
            return; // The module was disposed before the scope that held its value.
        var isCurrent = _placeholder is { IsSpent: false } && (!slot.NeedsTensor || _placeholder.IsOfTheKindOf(input));
        if (!isCurrent)
        {
            _placeholder?.Retire();
            _placeholder = new Placeholder(slot, input.dtype, input.device);
        }
        slot.Set(_placeholder!);
    }
}

/// <summary>What was found in a module's slot instead of what had been put there: null when it was emptied.</summary>
internal readonly record struct Stray(Place Place, Tensor? Found, bool IsAssignment);
