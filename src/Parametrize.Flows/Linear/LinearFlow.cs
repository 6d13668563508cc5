using Parametrize.CSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Parametrize.Flows;

/// <summary>
/// `z = W x + b` for vectors, and for each position of an image (the 1 x 1 convolution of Glow: Kingma and Dhariwal 2018), with W
/// any parametrized square matrix. log |det W| is computed from the factors of the parametrization: 0 for orthogonal ones, a sum
/// over the diagonal for triangular, LU and Cholesky factors.
/// </summary>
/// <remarks>
/// Any allowed matrix can be given as the first one, or assigned to <see cref="Weight"/>, which then is exactly that matrix.
/// Training keeps the sign of its determinant.
/// </remarks>
public sealed class LinearFlow : FlowLayer
{
    private readonly long _features;
    private readonly ParametrizedTensor weight;
    private readonly Parameter? bias;

    /// <param name="features">The size of the vectors, or the channels of the images.</param>
    /// <param name="weight">The value of W; null for `Parametrizations.Nonsingular`, LU factors.</param>
    /// <param name="hasBias">Whether there is a b.</param>
    /// <param name="start">
    /// The first W, n x n, such as a random rotation (Glow): `Parametrizations.Orthogonal().Sample([n, n])`. Null for the identity,
    /// or what is nearest to it.
    /// </param>
    /// <exception cref="ParametrizationException">The value has no n x n matrices, or not this one.</exception>
    /// <exception cref="ArgumentException">The first W is of another shape, or singular.</exception>
    public LinearFlow(long features, Parametrization? weight = null, bool hasBias = true, Tensor? start = null)
        : base(nameof(LinearFlow))
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(features);
        _features = features;
        if (start is not null && !start.shape.SequenceEqual([features, features]))
            throw new ArgumentException(
                $"Expected a matrix {features} x {features}; found {Batches.Shown(start.shape)}.",
                nameof(start)
            );
        if (start is not null && start.is_complex())
            throw new ArgumentException(
                $"Expected a real matrix; found {start.dtype}, whose imaginary part would be lost.",
                nameof(start)
            );
        using var first = start is null ? eye(features) : start.to_type(get_default_dtype());
        var value = weight ?? Parametrizations.Nonsingular;
        this.weight = new(value, first, start is null ? WhenNotAllowed.Project : WhenNotAllowed.Refuse);
        RequireInvertible(value);
        bias = hasBias ? new(zeros(features).DetachFromDisposeScope()) : null;
        RegisterComponents();
    }

    private void RequireInvertible(Parametrization value)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        if (!weight.LogAbsDeterminant().isfinite().item<bool>())
            throw new ArgumentException(
                $"W begins as a singular matrix of {value}, so that no data have a density. Give an invertible `start`, or a value of invertible matrices.",
                nameof(weight)
            );
    }

    /// <summary>The matrix W, its parametrization and its parameters.</summary>
    public ParametrizedTensor Weight => weight;

    /// <inheritdoc/>
    public override long[] LatentShape(long[] dataShape) => Features.Require(dataShape, _features, this);

    /// <inheritdoc/>
    public override long[] DataShape(long[] latentShape) => Features.Require(latentShape, _features, this);

    /// <inheritdoc/>
    protected override (Tensor Latent, Tensor LogDet) Map(Tensor data, Tensor? context)
    {
        var matrix = weight.Value;
        Tensor Applied(Tensor rows) => nn.functional.linear(rows, matrix, bias);
        var logDet = ForEach(LogDet(matrix), data);
        return (data.dim() == 2 ? Applied(data) : Applied(data.transpose(1, -1)).transpose(1, -1), logDet);
    }

    private static Tensor ForEach(Tensor logDet, Tensor data)
    {
        if (data.dim() == 2)
            return logDet.expand(data.size(0));
        var positions = (double)Batches.Count(data.shape[2..]);
        return (logDet * positions.AsScalar()).expand(data.size(0));
    }

    /// <inheritdoc/>
    protected override (Tensor Data, Tensor LogDet) MapBackWithLogDet(Tensor latent, Tensor? context) =>
        (MapBack(latent, context), ForEach(weight.LogAbsDeterminant(), latent));

    /// <summary>
    /// The log determinant of the given matrix. With noise it is computed from the matrix itself, because computing the weight
    /// again would draw other noise.
    /// </summary>
    private Tensor LogDet(Tensor matrix) =>
        training && ParametrizationModule.hasNoise(weight.Parametrization)
            ? linalg.slogdet(matrix).Item2
            : weight.LogAbsDeterminant();

    /// <inheritdoc/>
    protected override Tensor MapBack(Tensor latent, Tensor? context)
    {
        var shifted = bias is null ? latent : latent - Features.AlongSecond(bias, latent);
        var columns = shifted.transpose(0, 1);
        return weight.Solve(columns.reshape(_features, -1)).reshape(columns.shape).transpose(0, 1);
    }

    /// <inheritdoc/>
    public override string ToString() => $"LinearFlow({_features}, {weight.Parametrization})";
}
