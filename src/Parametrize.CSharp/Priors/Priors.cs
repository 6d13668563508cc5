using static Parametrize.CSharp.Parametrizations;
using Densities = Parametrize.PriorModule;

namespace Parametrize.CSharp;

/// <summary>
/// Densities of constrained tensors, by the measure of the Frobenius norm on their space (<see cref="Measure"/>). Immutable,
/// comparable. <see cref="parametrize.log_prior(nn.Module, ValueTuple{string, Prior}[])"/> sums them over a model.
/// </summary>
public static class Priors
{
    /// <summary>Independent normal entries of mean 0: weight decay of `1 / (2 scale^2)` times the squared norm.</summary>
    /// <exception cref="ArgumentException">The scale is not positive and finite.</exception>
    public static Prior Normal(double scale = 1) => Densities.normal(scale);

    /// <summary>Independent normal entries around another mean, the same for each entry.</summary>
    /// <exception cref="ArgumentException">The mean is not finite, or the scale not positive and finite.</exception>
    public static Prior Normal(double mean, double scale) => Densities.normalAround(mean, scale);

    /// <summary>Independent entries of density `exp(-|x| / scale) / (2 scale)`: an L1 penalty, as of the lasso.</summary>
    /// <exception cref="ArgumentException">The scale is not positive and finite.</exception>
    public static Prior Laplace(double scale = 1) => Densities.laplace(scale);

    /// <summary>Independent entries of Student's density, Cauchy's for one degree of freedom.</summary>
    /// <exception cref="ArgumentException">
    /// A number is not positive and finite, or the degrees of freedom are above 1e9.
    /// </exception>
    public static Prior StudentT(double freedom, double scale = 1) => Densities.studentT(freedom, scale);

    /// <summary>
    /// The density of a value whose parameters have a density, <see cref="Normal(double)"/> by default:
    /// `log p(W) = log q(x) - logVolume`, where x are the parameters of W.
    /// </summary>
    /// <exception cref="ArgumentException">
    /// The value has no log volume in closed form, or the parameters' density is not one of all tensors.
    /// </exception>
    public static Prior OfValue(Parametrization value, Prior? parameters = null) =>
        Densities.ofValue(NotNull(value), parameters ?? Normal());

    /// <summary>
    /// The constant density of a compact space: probability vectors, vectors of a norm, matrices with orthonormal columns or rows,
    /// rotations, unitary matrices, correlation matrices and their Cholesky factors, tensors between two numbers.
    /// </summary>
    /// <exception cref="ArgumentException">The value yields tensors of another space.</exception>
    public static Prior Uniform(Parametrization value) => Densities.uniform(NotNull(value));

    /// <summary>Dirichlet's density of probability vectors. A single concentration holds for all entries.</summary>
    /// <exception cref="ArgumentException">There is none, or one is not positive or above 1e9.</exception>
    public static Prior Dirichlet(params double[] concentrations) => Densities.dirichlet(NotNull(concentrations));

    /// <summary>
    /// Correlation matrices of density `det(W)^(shape - 1) / c` (Lewandowski, Kurowicka and Joe 2009): uniform for 1, nearer to the
    /// identity above.
    /// </summary>
    /// <exception cref="ArgumentException">The shape is not positive, or above 1e9.</exception>
    public static Prior Lkj(double shape = 1) => Densities.lkj(shape);

    /// <summary>Cholesky factors L of correlation matrices `L L^T` of the density <see cref="Lkj"/>.</summary>
    /// <exception cref="ArgumentException">The shape is not positive, or above 1e9.</exception>
    public static Prior LkjCholesky(double shape = 1) => Densities.lkjCholesky(shape);

    /// <summary>
    /// Wishart's density of real positive definite n x n matrices, for more than n - 1 degrees of freedom, with a multiple of the
    /// identity as the scale. The mean is the degrees of freedom times the scale.
    /// </summary>
    /// <exception cref="ArgumentException">
    /// A number is not positive and finite, or the degrees of freedom are above 1e9.
    /// </exception>
    public static Prior Wishart(double freedom, double scale = 1) => Densities.wishart(freedom, scale);

    /// <summary>The same density with a matrix as the scale.</summary>
    /// <exception cref="ArgumentException">
    /// The degrees of freedom are not positive or above 1e9, or the matrix is not symmetric and positive definite.
    /// </exception>
    public static Prior Wishart(double freedom, double[,] scale) => Densities.wishartOf(freedom, NotNull(scale));

    /// <summary>
    /// The density of inverses of Wishart matrices, with a multiple of the identity as the scale. The mean is the scale over
    /// (degrees of freedom - n - 1).
    /// </summary>
    /// <exception cref="ArgumentException">
    /// A number is not positive and finite, or the degrees of freedom are above 1e9.
    /// </exception>
    public static Prior InverseWishart(double freedom, double scale = 1) => Densities.inverseWishart(freedom, scale);

    /// <summary>The same density with a matrix as the scale.</summary>
    /// <exception cref="ArgumentException">
    /// The degrees of freedom are not positive or above 1e9, or the matrix is not symmetric and positive definite.
    /// </exception>
    public static Prior InverseWishart(double freedom, double[,] scale) =>
        Densities.inverseWishartOf(freedom, NotNull(scale));

    /// <summary>
    /// The density `exp(f . w) / c` of real vectors of norm 1: concentrated around the direction of f, and narrower the longer f
    /// is.
    /// </summary>
    /// <exception cref="ArgumentException">There is no number, or one is not finite.</exception>
    public static Prior VonMisesFisher(params double[] parameter) => Densities.vonMisesFisher(NotNull(parameter));

    /// <summary>
    /// The density `exp(tr(F^T W)) / c` of real matrices with orthonormal columns or rows and of rotations. With several columns
    /// c is left out.
    /// </summary>
    /// <exception cref="ArgumentException">There is no number, or one is not finite.</exception>
    public static Prior Langevin(double[,] parameter) => Densities.langevin(NotNull(parameter));

    /// <summary>The log density of each independent tensor of a batch: a tensor of the shape of the batch.</summary>
    /// <param name="tensor">A tensor of its space.</param>
    /// <param name="measure">Default: that of the Frobenius norm.</param>
    /// <returns>A new tensor, through which gradients flow, in float32 for 16-bit tensors.</returns>
    /// <exception cref="ArgumentException">The tensor is not in the space, or has a form that has no density.</exception>
    public static Tensor LogDensity(this Prior prior, Tensor tensor, Measure? measure = null) =>
        Densities.logDensityBy(measure ?? Measure.Frobenius, NotNull(prior), NotNull(tensor));

    /// <summary>Independent random tensors of the density.</summary>
    /// <param name="dtype">Default: that of TorchSharp, float32 unless `set_default_dtype` says otherwise.</param>
    /// <param name="device">Default: the default device of libtorch.</param>
    /// <param name="generator">
    /// Default: the global generator of the device. A given one draws on the CPU, so a seed gives the same tensor on every
    /// device.
    /// </param>
    /// <exception cref="ArgumentException">The form has no density, or the prior cannot be drawn from.</exception>
    public static Tensor Sample(
        this Prior prior,
        ReadOnlySpan<long> shape,
        ScalarType? dtype = null,
        Device? device = null,
        Generator? generator = null
    ) => Densities.sample(NotNull(prior), FormOf(shape, dtype, device), OptionOf(generator));
}
