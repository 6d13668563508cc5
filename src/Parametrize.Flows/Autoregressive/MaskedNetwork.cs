using Parametrize.CSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Parametrize.Flows;

/// <summary>
/// A fully connected network with ReLU whose outputs for a feature depend on the features before it only (MADE: Germain et al.
/// 2015). The weights are parametrized by masks, which a cached scope applies once for many passes. The last layer begins as
/// zeros.
/// </summary>
public sealed class MaskedNetwork : nn.Module<Tensor, Tensor>
{
    private readonly nn.Module<Tensor, Tensor> layers;

    /// <param name="features">How many features are in order.</param>
    /// <param name="count">How many outputs each has: `[N, features * count]`.</param>
    /// <param name="hidden">The sizes of the hidden layers.</param>
    /// <param name="contextSize">How many inputs behind the features all outputs may depend on.</param>
    public MaskedNetwork(long features, long count, long[] hidden, long contextSize = 0)
        : base(nameof(MaskedNetwork))
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(features);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        Networks.RequireSizes(hidden);
        ArgumentOutOfRangeException.ThrowIfNegative(contextSize);
        // A unit of this degree may depend on the features 1 to degree.
        long[] degrees = [.. Numbers(1, features), .. Enumerable.Repeat(0L, (int)contextSize)];
        var modules = new List<nn.Module<Tensor, Tensor>>();
        foreach (var size in hidden)
        {
            long[] next = [.. Numbers(0, size).Select(unit => DegreeOf(unit, size, features))];
            modules.Add(Masked(degrees, next));
            modules.Add(nn.ReLU());
            degrees = next;
        }
        long[] last = [.. Numbers(0, features).SelectMany(feature => Enumerable.Repeat(feature, (int)count))];
        modules.Add(Masked(degrees, last, startsAsZeros: true));
        layers = nn.Sequential(modules);
        RegisterComponents();
    }

    /// <summary>The degree of a unit. A layer with fewer units than features spreads its degrees over all features.</summary>
    private static long DegreeOf(long unit, long size, long features) =>
        size >= features ? unit % features : (unit + 1) * (features - 1) / size;

    private static IEnumerable<long> Numbers(long first, long count) =>
        Enumerable.Range((int)first, (int)count).Select(number => (long)number);

    /// <summary>A linear layer in which a unit reads only units whose degree is at most its own.</summary>
    private static Linear Masked(long[] from, long[] to, bool startsAsZeros = false)
    {
        var linear = nn.Linear(from.Length, to.Length);
        if (startsAsZeros)
        {
            using var _ = no_grad();
            linear.weight!.zero_();
            linear.bias!.zero_();
        }
        using var degrees = tensor(from);
        using var next = tensor(to);
        using var mask = next.unsqueeze(1).ge(degrees.unsqueeze(0)).to_type(linear.weight!.dtype);
        linear.register_parametrization("weight", Parametrizations.PrunedBy(mask));
        return linear;
    }

    /// <summary>From `[N, features + contextSize]` to `[N, features * count]`.</summary>
    public override Tensor forward(Tensor input) => layers.call(input);
}
