using Parametrize.CSharp.Registration;

namespace Parametrize.CSharp;

/// <content>The shortcuts of torch.nn.utils.parametrizations.</content>
public static partial class parametrize
{
    /// <summary>Orthonormal columns (rows, when wide), with PyTorch's defaults.</summary>
    /// <param name="module">The module.</param>
    /// <param name="name">A matrix or a batch of matrices. Default: weight.</param>
    /// <param name="orthogonal_map">Default: the exponential for square or complex tensors, else Householder.</param>
    /// <param name="use_trivialization">
    /// True: the map has a base, so that every orthogonal matrix can be assigned. False: the exponential and the Cayley map take
    /// the present weight as their parameter, as PyTorch does.
    /// </param>
    /// <returns>The module.</returns>
    public static T orthogonal<T>(
        this T module,
        string name = "weight",
        OrthogonalMap? orthogonal_map = null,
        bool use_trivialization = true
    )
        where T : nn.Module =>
        module.register_parametrization(
            name,
            Parametrizations.Orthogonal(orthogonal_map, use_trivialization),
            use_trivialization || orthogonal_map == OrthogonalMap.Householder
                ? WhenNotAllowed.Project
                : WhenNotAllowed.Reinterpret
        );

    /// <summary>Spectral norm by power iteration, one step for each training pass.</summary>
    /// <param name="module">The module.</param>
    /// <param name="name">A tensor of at least one dimension. Default: weight.</param>
    /// <param name="n_power_iterations">Default: 1.</param>
    /// <param name="eps">A smaller norm is replaced by this number. Default: 1e-12.</param>
    /// <param name="dim">
    /// The dimension that becomes the rows of the matrix. Default: 0, and 1 for transposed convolutions.
    /// </param>
    /// <param name="bound">The norm of the result. Default: 1.</param>
    /// <returns>The module.</returns>
    public static T spectral_norm<T>(
        this T module,
        string name = "weight",
        int n_power_iterations = 1,
        double eps = 1e-12,
        int? dim = null,
        double bound = 1
    )
        where T : nn.Module =>
        module.register_parametrization(
            name,
            Parametrizations.SpectralNorm(n_power_iterations, eps, dim ?? RowsOf(module, name), bound)
        );

    /// <summary>Weight norm: the magnitude `original0` and the direction `original1` are separate parameters.</summary>
    /// <param name="module">The module.</param>
    /// <param name="name">The tensor. Default: weight.</param>
    /// <param name="dim">
    /// Each index of this dimension has a norm of its own; null, or -1 as in PyTorch: one norm for the whole tensor. Default: 0.
    /// </param>
    /// <returns>The module.</returns>
    public static T weight_norm<T>(this T module, string name = "weight", int? dim = 0)
        where T : nn.Module =>
        module.register_parametrization(name, Parametrizations.WeightNorm(dim == -1 ? null : dim));

    /// <summary>The dimension of the rows, by the module to which the name leads.</summary>
    private static int RowsOf(nn.Module module, string name)
    {
        ArgumentNullException.ThrowIfNull(module);
        ArgumentNullException.ThrowIfNull(name);
        return TensorPath.Resolve(module, name).Owner is ConvTranspose1d or ConvTranspose2d or ConvTranspose3d ? 1 : 0;
    }
}
