namespace Parametrize.CSharp;

/// <content>Leaving adapters out of the value.</content>
public sealed partial class ParametrizedTensor
{
    /// <summary>How often adapters are disabled: calls of `peft.disable_adapter` may be nested.</summary>
    private int _disabledAdapters;

    internal void DisableAdapter(bool isDisabled)
    {
        using var alone = Binding.Access.Writing();
        _disabledAdapters += isDisabled ? 1 : -1;
        Binding.Forget();
        Binding.ShowAgain();
    }

    /// <summary>Throws when adapters are disabled: a new node would read what they yield, or what they do not.</summary>
    private void RequireAdapters()
    {
        if (_disabledAdapters > 0)
            throw new InvalidOperationException(
                $"{Where} has an adapter that is disabled. Dispose what `peft.disable_adapter` returned before you register on it."
            );
    }

    /// <summary>Computes from the parts that yield the value: without adapters while these are disabled.</summary>
    private T FromPartsInUse<T>(Func<Parts, T> compute)
    {
        if (_disabledAdapters == 0)
            return compute(CurrentParts());
        using var scope = NewDisposeScope();
        var result = compute(Adapter.partsWithout(Parametrization, CurrentParts()));
        if (result is Tensor tensor)
            tensor.MoveToOuterDisposeScope();
        return result;
    }
}
