using Parametrize.CSharp;
using Parametrize.Flows;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Parametrize.Bench.Cases;

/// <summary>A linear layer of a flow, with its log determinants, beside the plain layer; in a cached scope of the caller's.</summary>
internal sealed class FlowCase
{
    private const int Batch = 256;

    private readonly int _size;
    private readonly Parametrization _value;
    private readonly Tensor _data;
    private readonly Linear _plain;
    private readonly LinearFlow _flow;

    private FlowCase(int size, Parametrization value)
    {
        (_size, _value) = (size, value);
        _data = randn(Batch, size);
        _plain = nn.Linear(size, size);
        _flow = new(size, value);
    }

    public static IEnumerable<FlowCase> All() =>
        from value in new[] { Parametrizations.Nonsingular, Parametrizations.Orthogonal() }
        from size in new[] { 64, 256 }
        select new FlowCase(size, value);

    public override string ToString() => $"{_value}, n = {_size}";

    public void Plain()
    {
        using var _ = no_grad();
        _plain.call(_data).Dispose();
    }

    public void Flow()
    {
        using var _ = no_grad();
        var (latent, logDet) = _flow.ForwardWithLogDet(_data);
        latent.Dispose();
        logDet.Dispose();
    }
}
