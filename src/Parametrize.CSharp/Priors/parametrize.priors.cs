using Parametrize.CSharp.Bayes;

namespace Parametrize.CSharp;

/// <content>Densities of a model's tensors.</content>
public static partial class parametrize
{
    /// <summary>
    /// The sum of the log densities of tensors of a model, to be added to the log likelihood:
    /// `loss - model.log_prior(("0.weight", prior))`.
    /// </summary>
    /// <remarks>
    /// Each is a density of the constrained tensor, by the measure of the Frobenius norm, so that the maximum does not depend on
    /// the map by which the tensor is computed. In a cached scope the cached values are used. Outside, each value is computed,
    /// without learning and without noise.
    /// </remarks>
    /// <param name="priors">
    /// Names of parametrized tensors, or of parameters, with a density for each; or patterns with * and ?, each of which must match
    /// a tensor. A tensor's own name is preferred to a pattern.
    /// </param>
    /// <returns>A new tensor of one number, through which gradients flow.</returns>
    /// <exception cref="ArgumentException">
    /// There is no tensor of a name or pattern, several patterns give a tensor different densities, or a density does not suit the tensor's value or shape. Nothing was computed.
    /// </exception>
    public static Tensor log_prior(this nn.Module model, params (string name, Prior prior)[] priors) =>
        model.log_prior(byParameters: false, priors);

    /// <summary>
    /// The sum of the log densities, as densities of the parameters if asked for: the log volumes of the maps are added, as in
    /// Stan. A sampler of the parameters needs this; the maximum then depends on the maps.
    /// </summary>
    /// <param name="byParameters">Whether the densities are to be ones of the parameters.</param>
    /// <param name="priors">Names or patterns, with a density for each.</param>
    /// <returns>A new tensor of one number, through which gradients flow.</returns>
    /// <exception cref="ArgumentException">As without `byParameters`; or a map has no log volume in closed form.</exception>
    public static Tensor log_prior(this nn.Module model, bool byParameters, params (string name, Prior prior)[] priors)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(priors);
        return LogPriors.ByName(model, priors, byParameters);
    }

    /// <summary>
    /// The sum of one log density over all tensors of a model, parametrized ones and plain parameters, whose space lies in that of
    /// the prior.
    /// </summary>
    /// <inheritdoc cref="log_prior(nn.Module, bool, ValueTuple{string, Prior}[])"/>
    /// <exception cref="ArgumentException">There is none, or a shape does not suit. Nothing was computed.</exception>
    public static Tensor log_prior(this nn.Module model, Prior prior, bool byParameters = false)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(prior);
        return LogPriors.BySpace(model, prior, byParameters);
    }

    /// <summary>
    /// The sum of the log densities that a function returns for each tensor, parametrized ones and plain parameters.
    /// </summary>
    /// <param name="priorOf">
    /// Gets the name of each tensor (the first name of a tied one). Returns its density, or null to leave the tensor out.
    /// </param>
    /// <inheritdoc cref="log_prior(nn.Module, bool, ValueTuple{string, Prior}[])"/>
    /// <exception cref="ArgumentException">
    /// All are left out, or a density does not suit the tensor's value or shape. Nothing was computed.
    /// </exception>
    public static Tensor log_prior(this nn.Module model, Func<string, Prior?> priorOf, bool byParameters = false)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(priorOf);
        return LogPriors.ByFunction(model, priorOf, byParameters);
    }
}
