using Parametrize.CSharp.Reports;
using Parametrize.CSharp.Values;
using Parametrize.Notebooks;

namespace Parametrize.CSharp;

/// <summary>One parametrized tensor of a model in numbers: a row of a <see cref="ParametrizationReport"/>.</summary>
[StructuredFormatDisplay("{Line}")]
[TypeFormatterSource(typeof(AsTable))]
public sealed record TensorReport
{
    internal TensorReport(string name, ParametrizedTensor tensor, long spectraUpTo)
    {
        using var _ = no_grad();
        tensor.Binding.SyncMoves();
        tensor.RefreshWritten();
        using var scope = NewDisposeScope();
        var value = tensor.Parametrization;
        Tensor present;
        using (tensor.Binding.Access.Reading())
        {
            var parts = tensor.CurrentParts();
            present = Core.forward(value, parts);
            Name = name;
            Parametrization = value;
            Shape = present.shape;
            Dtype = present.dtype;
            // A spectral norm scales by its own estimate of the norm, so membership is tested on the tensor, not on the estimate. A
            // mask that was loaded counts like one that the value chose.
            var membership = Core.nodes(value).Any(node => node is IConverges)
                ? Core.contains(value, present)
                : Core.admits(value, parts, present);
            Violation = membership.ErrorOrNull();
            Distance = Violation switch
            {
                null => 0,
                ParametrizationError.NotAllowed refusal => refusal.violation.Size,
                _ => double.NaN,
            };
            Trained = tensor.Inputs.Where(input => input.requires_grad).Sum(Reals);
            if (Saturation.countsOf(value.Program, parts)?.Value is { } counts)
                (Slopes, Saturated) = ([.. Saturation.bounds.Zip(counts)], Saturation.share(counts));
            Dimension = Parametrize.Dimension.ofForm(FormModule.ofTensor(present), value, parts)?.Value;
        }
        // After releasing the access: the SVD is slow, and writers should not wait for it.
        Spectrum = Spectrum.Of(value, present, spectraUpTo);
    }

    /// <summary>The name by which <see cref="parametrize.parametrizations"/> lists the tensor.</summary>
    public string Name { get; }

    /// <summary>What constrains the tensor; it prints as code.</summary>
    public Parametrization Parametrization { get; }

    /// <summary>The shape of the constrained tensor.</summary>
    public IReadOnlyList<long> Shape { get; }

    /// <summary>Its element type.</summary>
    public ScalarType Dtype { get; }

    /// <summary>
    /// How far the present tensor is from its space: 0 inside the space, up to rounding; else the size of the condition's residual;
    /// NaN when <see cref="Violation"/> has no size. A spectral norm is measured on the tensor, not taken from its own estimate.
    /// </summary>
    public double Distance { get; }

    /// <summary>Which condition is violated, and by how much; null inside the space.</summary>
    public ParametrizationError? Violation { get; }

    /// <summary>How many real numbers an optimizer trains: entries of unfrozen parameters, complex ones twice.</summary>
    public long Trained { get; }

    /// <summary>The dimension of the space, in real numbers. Null for a user's space whose dimension is not known.</summary>
    public long? Dimension { get; }

    /// <summary>
    /// The share of entries that hardly train, because the derivative of an entrywise map (positive, bounded, a node with
    /// <see cref="ISaturates"/>) is below a hundredth of its largest there. Null when the value has no such map.
    /// </summary>
    public double? Saturated { get; }

    /// <summary>
    /// A histogram of the derivatives of the entries, each as a share of the map's largest. The bounds are 0.01, 0.1, 0.2, ...,
    /// 1; the first count is from 0 up to the first bound. If the value has several such maps, the most saturated one counts.
    /// Null when it has none.
    /// </summary>
    public IReadOnlyList<(double UpTo, long Entries)>? Slopes { get; }

    /// <summary>
    /// The singular values in descending order, in the tensor's units. For a batch of matrices, those of all matrices together. A
    /// convolution kernel [d0, d1, ...] counts as the matrix d0 x (d1 ...). So does every tensor of more than two dimensions whose
    /// value has no batches or maps entry by entry. Null when they were not asked for, would take more work than asked for, or are
    /// not finite, and for a tensor that is no matrix.
    /// </summary>
    public IReadOnlyList<double>? SingularValues => Spectrum.Values;

    internal Spectrum Spectrum { get; }

    /// <summary>The figures that can be plotted over the steps of a training, by name.</summary>
    internal IEnumerable<(string Name, double Value)> Figures =>
        from figure in new (string Name, double? Value)[]
        {
            ("distance", Distance),
            ("trained", Trained),
            ("dimension", Dimension),
            ("saturated", Saturated),
            ("largest_singular_value", SingularValues?[0]),
            ("smallest_singular_value", SingularValues?[^1]),
        }
        where figure.Value.HasValue
        select (figure.Name, figure.Value!.Value);

    /// <summary>A line of the table.</summary>
    public override string ToString() => Line;

    private string Line => string.Join("  ", ParametrizationReport.Cells(this));

    /// <summary>The share of saturated entries as text; null when no entry is saturated.</summary>
    internal string? SaturatedShown =>
        Saturated switch
        {
            > 0 and < 0.001 => "< 0.1%",
            > 0 and var share => FormattableString.Invariant($"{100 * share:0.#}%"),
            _ => null,
        };

    /// <summary>The distance in words: `inside`, how far from what, or `not measurable`.</summary>
    public string DistanceShown =>
        Violation switch
        {
            null => "inside",
            ParametrizationError.NotAllowed refusal => FormattableString.Invariant(
                $"{Distance:g3} ({refusal.violation.Condition})"
            ),
            _ => "not measurable",
        };

    private static long Reals(Tensor tensor) => tensor.is_complex() ? 2 * tensor.numel() : tensor.numel();
}
