using Parametrize.CSharp.Values;
using Parametrize.Values;

namespace Parametrize.CSharp;

/// <summary>The values of the library: what constrains a tensor, and how. Immutable, comparable, composable.</summary>
public static partial class Parametrizations
{
    /// <summary>Every tensor.</summary>
    public static Parametrization Identity => Combining.identity;

    /// <summary>A value of one node of your own: see <see cref="CustomNode"/>.</summary>
    public static Parametrization Of(Node node) => Core.ofNode(NotNull(node));

    /// <summary>
    /// Reads a value from a text as <c>ToString</c> prints it, such as <c>skew >>> cayley</c>. The value may have no nodes of
    /// your own.
    /// </summary>
    /// <exception cref="FormatException">It is none; the message names the position and what was expected there.</exception>
    public static Parametrization Parse(string text)
    {
        var result = Reading.parse(NotNull(text));
        return result.IsOk ? result.ResultValue : throw new FormatException(result.ErrorValue.Message);
    }

    /// <summary>Whether the tensor is in the space, up to rounding.</summary>
    public static bool Contains(this Parametrization value, Tensor tensor) =>
        Core.contains(NotNull(value), NotNull(tensor)).IsOk;

    /// <summary>Null when the tensor is in the space, else what is violated and by how much.</summary>
    public static ParametrizationError? Violation(this Parametrization value, Tensor tensor) =>
        Core.contains(NotNull(value), NotNull(tensor)).ErrorOrNull();

    /// <summary>The nearest tensor of the space, or a retraction to one; a new tensor without gradients.</summary>
    /// <exception cref="ArgumentException">
    /// It cannot be projected: wrong shape or element type, or NaN; or the value has no right inverse.
    /// </exception>
    public static Tensor Project(this Parametrization value, Tensor tensor) =>
        Core.project(NotNull(value), NotNull(tensor));

    /// <summary>A random tensor of the space, uniform where it has a uniform measure.</summary>
    /// <param name="dtype">Default: that of TorchSharp, float32 unless `set_default_dtype` says otherwise.</param>
    /// <param name="device">Default: the default device of libtorch.</param>
    /// <param name="generator">
    /// Default: the global generator of the device. A given one draws on the CPU, so a seed gives the same tensor on every
    /// device.
    /// </param>
    /// <exception cref="ArgumentException">The space has no tensors of that shape or element type.</exception>
    public static Tensor Sample(
        this Parametrization value,
        ReadOnlySpan<long> shape,
        ScalarType? dtype = null,
        Device? device = null,
        Generator? generator = null
    ) => Core.sample(NotNull(value), FormOf(shape, dtype, device), OptionOf(generator));

    /// <summary>The value as a function of data: what it computes from this tensor as its only parameter.</summary>
    /// <returns>A new tensor, through which gradients flow.</returns>
    /// <exception cref="ArgumentException">
    /// The value has several parameters, or carries buffers; or it does not read a tensor of that form.
    /// </exception>
    public static Tensor Apply(this Parametrization value, Tensor x) => Core.apply(NotNull(value), NotNull(x));

    /// <summary>What <see cref="Apply"/> computes, and by how much that stretches volumes around each tensor.</summary>
    /// <param name="dimensions">How many of the last dimensions of the result are one tensor; those before are a batch.</param>
    /// <returns>New tensors, through which gradients flow; the second has a number for each tensor of the batch.</returns>
    /// <exception cref="ArgumentException">
    /// As <see cref="Apply"/>; or the volume is not known in closed form; or the value computes several of the tensors together.
    /// </exception>
    public static (Tensor Result, Tensor LogVolumes) ApplyWithLogVolumes(
        this Parametrization value,
        Tensor x,
        int dimensions
    ) => Core.applyWithLogVolumes(dimensions, NotNull(value), NotNull(x));

    /// <summary>The only tensor from which <see cref="Apply"/> computes this one, which has to be allowed.</summary>
    /// <returns>A new tensor, through which gradients flow.</returns>
    /// <exception cref="ArgumentException">
    /// The value has no known inverse, for example because several parameters yield the same tensor; or it yields no tensor of
    /// that form.
    /// </exception>
    public static Tensor Undo(this Parametrization value, Tensor w) => Core.undo(NotNull(value), NotNull(w));

    /// <summary>The form of a tensor; TorchSharp's defaults where nothing is given.</summary>
    internal static Form FormOf(ReadOnlySpan<long> shape, ScalarType? dtype, Device? device) =>
        new(shape.ToArray(), dtype ?? get_default_dtype(), device ?? get_default_device());

    internal static FSharpOption<Generator>? OptionOf(Generator? generator) =>
        generator is null ? null : FSharpOption<Generator>.Some(generator);

    internal static T NotNull<T>(T argument, [CallerArgumentExpression(nameof(argument))] string? name = null)
    {
        ArgumentNullException.ThrowIfNull(argument, name);
        return argument;
    }
}
