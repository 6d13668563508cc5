using Parametrize.CSharp.Bayes;
using static TorchSharp.torch;

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
    /// the map by which the tensor is computed. In a cached scope the cached values are taken; else each is computed, without
    /// learning and without noise.
    /// </remarks>
    /// <param name="model">The model.</param>
    /// <param name="priors">
    /// Names of parametrized tensors, or of parameters, with a density for each; or patterns with * and ?, each of which meets a
    /// tensor. A tensor's own name counts more than a pattern.
    /// </param>
    /// <returns>A new tensor of one number, through which gradients flow.</returns>
    /// <exception cref="ArgumentException">
    /// There is no tensor of a name or pattern, several patterns give a tensor different densities, or a density does not suit the tensor's value or shape. Nothing was computed.
    /// </exception>
    public static Tensor log_prior(this nn.Module model, params (string name, Prior prior)[] priors) =>
        model.log_prior(byParameters: false, priors);

    /// <summary>
    /// The same, as densities of the parameters if wanted: the log volumes of the maps are added, as in Stan. The maximum depends
    /// on the maps then; a sampler of the parameters needs it.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="byParameters">Whether the densities are to be ones of the parameters.</param>
    /// <param name="priors">Names or patterns, with a density for each.</param>
    /// <returns>A new tensor of one number, through which gradients flow.</returns>
    /// <exception cref="ArgumentException">As without, and where a map has no log volume in closed form.</exception>
    public static Tensor log_prior(this nn.Module model, bool byParameters, params (string name, Prior prior)[] priors)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(priors);
        return LogPriors.OfNamed(model, priors, byParameters);
    }

    /// <summary>The same for each tensor of a model, parametrized or a parameter, whose space is in that of the prior.</summary>
    /// <param name="model">The model.</param>
    /// <param name="prior">The density of all of them.</param>
    /// <param name="byParameters">Whether the densities are to be ones of the parameters.</param>
    /// <returns>A new tensor of one number, through which gradients flow.</returns>
    /// <exception cref="ArgumentException">There is none, or a shape does not suit. Nothing was computed.</exception>
    public static Tensor log_prior(this nn.Module model, Prior prior, bool byParameters = false)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(prior);
        return LogPriors.OfSuiting(model, prior, byParameters);
    }

    /// <summary>The same with a function that tells the density of each tensor, parametrized or a parameter.</summary>
    /// <param name="model">The model.</param>
    /// <param name="priorOf">Gets the name of each tensor, of a tied one the first; null leaves it out.</param>
    /// <param name="byParameters">Whether the densities are to be ones of the parameters.</param>
    /// <returns>A new tensor of one number, through which gradients flow.</returns>
    /// <exception cref="ArgumentException">
    /// All are left out, or a density does not suit the tensor's value or shape. Nothing was computed.
    /// </exception>
    public static Tensor log_prior(this nn.Module model, Func<string, Prior?> priorOf, bool byParameters = false)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(priorOf);
        return LogPriors.OfPicked(model, priorOf, byParameters);
    }
}
