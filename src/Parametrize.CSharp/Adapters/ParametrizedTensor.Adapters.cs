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
}
