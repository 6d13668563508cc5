namespace Parametrize.CSharp;

/// <content>Its density.</content>
public sealed partial class ParametrizedTensor
{
    /// <summary>The log density of the value, to be added to that of data for maximum-a-posteriori training.</summary>
    /// <remarks>
    /// In a cached scope the cached value is used. Outside, the value is computed, without learning and without noise.
    /// </remarks>
    /// <param name="prior">A density of a space in which the value is.</param>
    /// <param name="byParameters">
    /// Whether to return a density of the parameters: <see cref="LogVolume"/> is added, and the maximum depends on the map.
    /// </param>
    /// <returns>A new tensor of one number, the sum over a batch, through which gradients flow.</returns>
    /// <exception cref="ArgumentException">The prior does not suit; nothing was computed.</exception>
    public Tensor LogPrior(Prior prior, bool byParameters = false)
    {
        ArgumentNullException.ThrowIfNull(prior);
        if (PriorFault(prior, byParameters) is { } fault)
            throw new ArgumentException($"{Title}: {fault}", nameof(prior));
        return LogPriorUnchecked(prior, byParameters);
    }

    /// <summary>Why the prior does not suit, or null.</summary>
    internal string? PriorFault(Prior prior, bool byParameters) =>
        FromParts(parts => PriorModule.faultOfParts(byParameters, prior, Parametrization, parts)?.Value);

    /// <summary>Whether the prior is a density of a space in which the value is.</summary>
    internal bool IsOn(Prior prior) => PriorModule.isOn(prior, Parametrization);

    /// <summary>The log density, for a prior that is known to suit.</summary>
    internal Tensor LogPriorUnchecked(Prior prior, bool byParameters)
    {
        using var cached = Binding.ReadIfCached();
        return FromParts(parts =>
            PriorModule.ofPresent(
                byParameters,
                prior,
                Parametrization,
                parts,
                () => cached ?? Core.forward(Parametrization, parts)
            )
        );
    }
}
