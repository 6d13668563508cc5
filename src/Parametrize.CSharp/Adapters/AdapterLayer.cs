namespace Parametrize.CSharp.Adapters;

/// <summary>A module for whose weight PEFT's files can have an adapter, and the layout of the adapter's tensors there.</summary>
/// <param name="Name">The module's name in the model.</param>
internal sealed record AdapterLayer(string Name, nn.Module Module)
{
    public const string TensorName = "weight";
    public const string Magnitude = "lora_magnitude_vector";

    /// <summary>Why PEFT's files have no adapter for such a module; null when they have.</summary>
    public string? WhyUnsuited =>
        Module switch
        {
            Linear or Embedding => null,
            Conv1d or Conv2d or Conv3d => ((Convolution)Module).groups == 1
                ? null
                : "is a grouped convolution, of which the rows do not read the same inputs",
            _ => $"is {Module.Title()}, not Linear, Embedding, Conv1d, Conv2d or Conv3d",
        };

    public string WeightName => Name.Length == 0 ? TensorName : $"{Name}.{TensorName}";

    public string A => IsEmbedding ? "lora_embedding_A" : "lora_A.weight";

    public string B => IsEmbedding ? "lora_embedding_B" : "lora_B.weight";

    /// <summary>The dimension of the weight that keeps its norms apart under DoRA: the outputs.</summary>
    public int MagnitudeDimension => IsEmbedding ? 1 : 0;

    private bool IsEmbedding => Module is Embedding;

    /// <summary>
    /// The tensors of a file, made from the parameters of the weight: A and B, and the magnitudes if there are any.
    /// </summary>
    public IEnumerable<(string Key, Tensor Tensor)> Written(IReadOnlyList<Tensor> originals)
    {
        var (a, b) = (originals[^2], originals[^1]);
        yield return (A, IsEmbedding ? b.mT.contiguous() : a.clone());
        yield return (B, IsEmbedding ? a.mT.contiguous() : b.reshape([.. b.shape, .. Ones(a.dim() - 2)]).clone());
        if (originals is [var magnitudes, _, _])
            yield return (Magnitude, magnitudes.reshape(MagnitudeShape(magnitudes)).clone());
    }

    /// <summary>
    /// The parameters of the weight, made from the tensors of a file; `magnitudes` is null when the file has none.
    /// </summary>
    public Tensor[] Read(Tensor a, Tensor b, Tensor? magnitudes, IReadOnlyList<long> weight)
    {
        var dimensions = weight.Count;
        Tensor[] factors = IsEmbedding ? [b.mT, a.mT] : [a, b.reshape(b.shape[0], b.shape[1])];
        if (magnitudes is null)
            return factors;
        long[] shape = [.. Ones(dimensions)];
        shape[MagnitudeDimension] = weight[MagnitudeDimension];
        return [magnitudes.reshape(shape), .. factors];
    }

    /// <summary>The shapes that a file must have for a rank, by key.</summary>
    public IEnumerable<(string Key, long[] Shape)> Shapes(long rank, IReadOnlyList<long> weight, bool hasMagnitudes)
    {
        long[] ones = [.. Ones(weight.Count - 2)];
        yield return (A, IsEmbedding ? [rank, weight[0]] : [rank, .. weight.Skip(1)]);
        yield return (B, IsEmbedding ? [weight[1], rank] : [weight[0], rank, .. ones]);
        if (hasMagnitudes)
            yield return (Magnitude, ones.Length == 0 ? [weight[MagnitudeDimension]] : [1, weight[0], .. ones]);
    }

    /// <summary>The shape of magnitudes in a file: a vector; for kernels that of the channels of an image.</summary>
    private static long[] MagnitudeShape(Tensor magnitudes) =>
        magnitudes.dim() == 2 ? [magnitudes.numel()] : [1, magnitudes.numel(), .. Ones(magnitudes.dim() - 2)];

    private static IEnumerable<long> Ones(long count) => Enumerable.Repeat(1L, (int)count);
}
