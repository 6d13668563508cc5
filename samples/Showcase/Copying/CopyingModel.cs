using Parametrize.CSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Showcase.Copying;

/// <summary>
/// A linear recurrence `h = W h + u(x)` and a linear readout: what an orthogonal W keeps, it keeps for ever (Henaff, Szlam and
/// LeCun, Recurrent orthogonal networks and long-memory tasks, 2016). Nothing is read while it waits, so that `h = W h`.
/// </summary>
internal sealed class CopyingModel : nn.Module<Tensor, Tensor>
{
    private readonly Linear kernel;
    private readonly Parameter input;
    private readonly Parameter sign;
    private readonly Linear readout;
    private readonly int _wait;

    /// <param name="hidden">The size of the state.</param>
    /// <param name="wait">How many steps lie between the last symbol and the sign to recall.</param>
    /// <param name="chosen">How W is computed, and from where it starts.</param>
    public CopyingModel(int hidden, int wait, Kernel chosen)
        : base(nameof(CopyingModel))
    {
        _wait = wait;
        kernel = nn.Linear(hidden, hidden, hasBias: false);
        input = nn.Parameter(randn(CopyingData.Alphabet, hidden) / Math.Sqrt(hidden));
        sign = nn.Parameter(zeros(hidden));
        readout = nn.Linear(hidden, CopyingData.Alphabet);
        RegisterComponents();
        kernel.register_parametrization("weight", chosen.Value);
        if (!chosen.StartsOrthogonal)
            return;
        using var start = Rotations.Henaff([hidden, hidden]);
        kernel.parametrization("weight").Value = start;
    }

    /// <summary>W.</summary>
    public ParametrizedTensor Weight => kernel.parametrization("weight");

    /// <summary>Sequence by symbol to recall by class.</summary>
    public override Tensor forward(Tensor symbols)
    {
        using var scope = NewDisposeScope();
        // The kernel is computed once for all steps.
        using var cached = parametrize.cached();
        var inputs = input.index_select(0, symbols.T.flatten()).unflatten(0, CopyingData.Symbols, -1).unbind(0);
        var state = inputs[0];
        foreach (var next in inputs[1..])
            state = next + kernel.call(state);
        for (var step = 0; step < _wait; step++)
            state = kernel.call(state);
        state = kernel.call(state) + sign;
        var recalled = new List<Tensor> { state };
        while (recalled.Count < CopyingData.Symbols)
            recalled.Add(state = kernel.call(state));
        return readout.call(stack(recalled, 1)).MoveToOuterDisposeScope();
    }
}
