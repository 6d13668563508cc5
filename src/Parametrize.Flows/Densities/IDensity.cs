using static TorchSharp.torch;

namespace Parametrize.Flows;

/// <summary>
/// A density of tensors of one shape. A flow is made with one, and is one itself. If a density is a module, its parameters are
/// trained with the flow.
/// </summary>
public interface IDensity
{
    /// <summary>The shape of one tensor.</summary>
    long[] Shape { get; }

    /// <summary>Whether the density depends on a context; one that nothing in a flow reads is refused.</summary>
    bool ReadsContext => false;

    /// <summary>Whether the density is positive for all tensors of its shape, as far as that is known.</summary>
    internal bool IsEverywhere => false;

    /// <summary>The log density, in nats.</summary>
    /// <param name="data">`[N, ...]`.</param>
    /// <param name="context">`[N, size]` where the density depends on a context, else null.</param>
    /// <returns>A new tensor `[N]`, through which gradients flow.</returns>
    Tensor log_prob(Tensor data, Tensor? context = null);

    /// <summary>Random tensors, with gradients where the density has parameters and can tell them.</summary>
    /// <param name="count">How many.</param>
    /// <param name="context">`[count, size]` where the density depends on a context, else null.</param>
    /// <returns>A new tensor `[count, ...]`.</returns>
    Tensor rsample(long count, Tensor? context = null);
}
