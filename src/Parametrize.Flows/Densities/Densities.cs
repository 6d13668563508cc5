using static TorchSharp.torch;

namespace Parametrize.Flows;

/// <summary>What densities have in common.</summary>
internal static class Densities
{
    private static readonly double LogNormal = Math.Log(2 * Math.PI) / 2;

    /// <summary>log density of a standard normal vector of that many numbers, by its squared length.</summary>
    public static Tensor Normal(Tensor squares, long count) =>
        squares * (-0.5).AsScalar() - (count * LogNormal).AsScalar();

    /// <summary>One log density for each datum.</summary>
    public static Tensor StandardNormal(Tensor data) =>
        Normal(Batches.Sum(Tensors.widen(data).Squared()), Batches.Count(data.shape[1..]));

    /// <summary>Registers the density as a part of its owner, if it is a module, so that it is trained and moved with
    /// it.</summary>
    public static void Register(nn.Module owner, string name, IDensity density)
    {
        if (density is nn.Module module)
            owner.register_module(name, module);
    }

    /// <summary>The log density. Throws if the density does not yield one number for each datum.</summary>
    public static Tensor LogProb(IDensity density, Tensor data, Tensor? context)
    {
        var found = density.log_prob(data, density.ReadsContext ? context : null);
        Batches.RequireMade(found, [data.size(0)], $"{density}.log_prob", "a number for each datum");
        return found;
    }

    /// <summary>Random tensors. Throws if the density yields another number of them.</summary>
    public static Tensor Sample(IDensity density, long count, Tensor? context)
    {
        var found = density.rsample(count, density.ReadsContext ? context : null);
        Batches.RequireMade(found, [count, .. density.Shape], $"{density}.rsample", "tensors");
        return found;
    }

    /// <summary>Random tensors and their log densities; those of a flow are computed from its own latent tensors.</summary>
    public static (Tensor Sample, Tensor LogDensity) SampleWithLogProb(IDensity density, long count, Tensor? context)
    {
        if (density is Flow flow)
            return flow.rsample_and_log_prob(count, flow.ReadsContext ? context : null);
        var sample = Sample(density, count, context);
        return (sample, LogProb(density, sample, context));
    }

    public static long[] Checked(long[] shape)
    {
        ArgumentNullException.ThrowIfNull(shape);
        return shape.Length > 0 && shape.All(size => size > 0)
            ? [.. shape]
            : throw new ArgumentException(
                $"Expected the shape of one tensor, sizes of at least 1; found {Batches.Shown(shape)}.",
                nameof(shape)
            );
    }
}
