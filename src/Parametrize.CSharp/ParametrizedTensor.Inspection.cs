using Parametrize.Notebooks;

namespace Parametrize.CSharp;

/// <content>Reading the parts and intermediate values.</content>
[StructuredFormatDisplay("{Line}")]
[TypeFormatterSource(typeof(AsPrinted))]
public sealed partial class ParametrizedTensor
{
    /// <summary>
    /// The tensor that it is computed from, `parametrizations.weight.original` in PyTorch: a Parameter, or a buffer where the
    /// module's tensor is one. The same object at each call, until the module is moved.
    /// </summary>
    /// <exception cref="InvalidOperationException">It is computed from several: see <see cref="Originals"/>.</exception>
    public Tensor Original =>
        Originals is [var only]
            ? only
            : throw new InvalidOperationException(
                $"{Title} is computed from {string.Join(", ", Core.parameterNames(Parametrization))}: read Originals."
            );

    /// <summary>The tensors that it is computed from: `original`, or `original0`, `original1`, ... in this order.</summary>
    public IReadOnlyList<Tensor> Originals
    {
        get
        {
            Binding.SyncMoves();
            return [.. Inputs];
        }
    }

    /// <summary>
    /// The output of one node on the way to the value: in `skew >>> cayley`, node 0 yields the skew matrix. Buffers do not change.
    /// </summary>
    /// <param name="node">The position of the node, from 0, as in names of buffers (`1.base`).</param>
    /// <returns>
    /// A new tensor, through which gradients flow, in the shape that the node sees: the matrix of a convolution kernel.
    /// </returns>
    /// <exception cref="ArgumentOutOfRangeException">There is no such node.</exception>
    public Tensor ValueAfter(int node) =>
        WithOwnMemory(FromParts(parts => Core.forwardTo(node, Parametrization, parts)));

    /// <summary>
    /// Module and name, the value as code, shape, element type, and the distance from the space, for which the tensor is computed.
    /// </summary>
    public override string ToString() => Line;

    /// <summary>For messages: long literals are cut.</summary>
    internal string Code => Brief.ofCode($"{Parametrization}");

    private string Line
    {
        get
        {
            var what = $"{Title}: {Code}, {Form.Shown(Shape)}";
            if (IsDisposed)
                return $"{what}, disposed";
            try
            {
                var report = new TensorReport(Title, this, spectraUpTo: 0);
                return $"{what} {report.Dtype}, {report.DistanceShown}";
            }
            catch (Exception error)
            {
                return $"{what}, cannot be computed: {error.Message.Split('\n')[0]}";
            }
        }
    }

    private string Title => Where ?? nameof(ParametrizedTensor);
}
