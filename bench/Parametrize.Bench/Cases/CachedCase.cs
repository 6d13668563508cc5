using Parametrize.CSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Parametrize.Bench.Cases;

/// <summary>A recurrence that uses one weight many times, forward and backward.</summary>
internal sealed class CachedCase
{
    public const int Uses = 64;

    private readonly int _size;
    private readonly Parametrization _value;
    private readonly Tensor _inputs;
    private readonly Linear _plain;
    private readonly Linear _parametrized;

    private CachedCase(int size, Parametrization value)
    {
        (_size, _value) = (size, value);
        _inputs = randn(16, size);
        _plain = nn.Linear(size, size);
        _parametrized = nn.Linear(size, size).register_parametrization("weight", value);
    }

    public static IEnumerable<CachedCase> All() =>
        from value in new[] { Parametrizations.Skew.Then(Parametrizations.Cayley()), Parametrizations.Orthogonal() }
        from size in new[] { 16, 128 }
        select new CachedCase(size, value);

    /// <summary>A value that computes nothing: what is left is what registering adds.</summary>
    public static CachedCase OfIdentity() => new(16, Parametrizations.Identity);

    public override string ToString() => $"{_value}, n = {_size}";

    public void Plain() => Recur(_plain);

    public void Computed() => Recur(_parametrized);

    public void Cached()
    {
        using var _ = parametrize.cached();
        Recur(_parametrized);
    }

    public void PlainCall() => Call(_plain);

    public void ParametrizedCall() => Call(_parametrized);

    private void Call(Linear layer)
    {
        using var _ = no_grad();
        layer.call(_inputs).Dispose();
    }

    private void Recur(Linear layer)
    {
        using var _ = NewDisposeScope();
        var state = _inputs;
        for (var use = 0; use < Uses; use++)
            state = layer.call(state).tanh();
        state.sum().backward();
    }
}
