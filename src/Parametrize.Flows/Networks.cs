using static TorchSharp.torch;

namespace Parametrize.Flows;

/// <summary>Makes a network, given how many features it reads and how many it yields.</summary>
/// <param name="inputs">The size of the second dimension of what it reads.</param>
/// <param name="outputs">The size of the second dimension of what it has to yield; all others stay.</param>
public delegate nn.Module<Tensor, Tensor> NetworkFactory(long inputs, long outputs);

/// <summary>Ordinary networks for layers. Their last layer begins as zeros, so that a flow begins as the identity.</summary>
public static class Networks
{
    /// <summary>A fully connected network with ReLU between its layers.</summary>
    /// <param name="hidden">The sizes of the hidden layers.</param>
    public static NetworkFactory Mlp(params long[] hidden)
    {
        RequireSizes(hidden);
        return (inputs, outputs) => Stacked(inputs, outputs, hidden, (from, to) => nn.Linear(from, to));
    }

    /// <summary>A network of 3 x 3 convolutions with ReLU between them.</summary>
    /// <param name="hidden">The channels of the hidden layers.</param>
    public static NetworkFactory Convolutions(params long[] hidden)
    {
        RequireSizes(hidden);
        return (inputs, outputs) =>
            Stacked(inputs, outputs, hidden, (from, to) => nn.Conv2d(from, to, kernel_size: 3, padding: 1));
    }

    internal static void RequireSizes(long[] hidden)
    {
        ArgumentNullException.ThrowIfNull(hidden);
        foreach (var size in hidden)
            ArgumentOutOfRangeException.ThrowIfNegativeOrZero(size, nameof(hidden));
    }

    private static nn.Module<Tensor, Tensor> Stacked(
        long inputs,
        long outputs,
        long[] hidden,
        Func<long, long, nn.Module<Tensor, Tensor>> layer
    )
    {
        long[] sizes = [inputs, .. hidden, outputs];
        var layers = new List<nn.Module<Tensor, Tensor>>();
        foreach (var (from, to) in sizes.Zip(sizes[1..]))
        {
            if (layers.Count > 0)
                layers.Add(nn.ReLU());
            layers.Add(layer(from, to));
        }
        using (no_grad())
            foreach (var parameter in layers[^1].parameters())
                parameter.zero_();
        return nn.Sequential(layers);
    }
}
