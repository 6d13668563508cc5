using Parametrize.CSharp.Values;

namespace Parametrize.CSharp.State;

/// <summary>
/// The pieces from which a tensor is computed: their names in PyTorch (`original`, `0.base`), and their keys in the state.
/// </summary>
internal sealed record StatePieces(StateSource Source, IReadOnlyDictionary<string, string> Keys)
{
    /// <summary>
    /// The largest rounding that is corrected: a model may have been trained in bfloat16 before it was saved in another element
    /// type.
    /// </summary>
    private static readonly double Coarsest = FormModule.epsilon(ScalarType.BFloat16);

    /// <summary>Whether the keys are those of PyTorch's older functions (`weight_g`, `weight_orig`).</summary>
    public bool AreOld { get; init; }

    public Tensor this[string piece] => Source[Keys[piece]];

    /// <summary>
    /// The parameter with the most entries. It has the shape of the computed tensor, unless the map has fewer or smaller
    /// parameters (low rank).
    /// </summary>
    public Tensor LargestParameter =>
        Keys.Where(piece => piece.Key.StartsWith("original", StringComparison.Ordinal))
            .Select(piece => Source[piece.Value])
            .DefaultIfEmpty(Source[Keys.Values.First()])
            .MaxBy(parameter => parameter.numel())!;

    public bool HaveNames(IEnumerable<string> names) => Keys.Count == names.Count() && names.All(Keys.ContainsKey);

    /// <summary>The names of the pieces of a map in PyTorch: parameters, then buffers.</summary>
    public static IReadOnlyList<string> NamesOf(Parametrization map) =>
        [.. Core.parameterNames(map), .. Core.bufferNames(map)];

    /// <summary>The names of the pieces of a map. Throws unless these are its pieces.</summary>
    /// <param name="owner">The word for the source of the pieces in the message: `state` or `file`.</param>
    /// <exception cref="ArgumentException">The pieces have other names than those of the map.</exception>
    public IReadOnlyList<string> NamesFor(Parametrization map, string owner)
    {
        var names = NamesOf(map);
        return HaveNames(names)
            ? names
            : throw new ArgumentException(
                $"{map} is computed from {string.Join(", ", names)}, but the {owner} has {this}."
            );
    }

    /// <summary>Whether the map can compute a tensor of that shape from pieces of these shapes.</summary>
    public bool FitMap(Parametrization map, long[] shape)
    {
        var names = NamesOf(map);
        if (!HaveNames(names))
            return false;
        var form = new Form(shape, this[names[0]].dtype, CPU);
        return Core.parameterForms(map, form).IsOk && Fault(map, shape, Forms(map, form)) is null;
    }

    /// <summary>
    /// The parts from which the map computes a tensor of that shape, in the finer of two element types: that of the pieces, and that
    /// of the tensor for which it is computed. Null when problems with the pieces have been noted.
    /// </summary>
    /// <exception cref="ArgumentException">The pieces are not those of the map.</exception>
    /// <exception cref="ParametrizationException">The map cannot yield such a tensor.</exception>
    public Parts? Parts(Parametrization map, long[] shape, Tensor like, List<string> problems)
    {
        var names = NamesFor(map, "state");
        using var _ = no_grad();
        // The last parameter, because magnitudes of complex numbers are real.
        var last = this[names[Core.parameterCount(map) - 1]];
        var isRounded = last.is_complex() == like.is_complex() && IsCoarser(last, like);
        var expected = Forms(map, new(shape, isRounded ? like.dtype : last.dtype, CPU));
        // TorchSharp's matmul ends the process when shapes do not fit, so they are checked before.
        if (Fault(map, shape, expected) is { } fault)
            throw new ArgumentException(fault);
        var tensors = names.Zip(expected, (name, form) => this[name].to(form.Dtype, last.device));
        return Checked(map, Joined(map, shape, tensors), isRounded, problems);
    }

    /// <summary>Parts of tensors in the order of <see cref="NamesOf"/>.</summary>
    public static Parts Joined(Parametrization map, long[] shape, IEnumerable<Tensor> tensors)
    {
        var (all, count) = (tensors.ToList(), Core.parameterCount(map));
        return Core.ofTensorsOfShape(shape, all.Take(count), all.Skip(count), map);
    }

    /// <summary>
    /// The forms of the parts of a tensor of that form. A buffer that the state has in PyTorch's form, such as the square base of
    /// a tall matrix, gets that form.
    /// </summary>
    public List<Form> Forms(Parametrization map, Form form)
    {
        var buffers = Core.bufferForms(map, form)
            .OrThrow()
            .Zip(Core.pyTorchForms(map, form).OrThrow())
            .Zip(
                Core.bufferNames(map),
                (forms, name) =>
                    Keys.ContainsKey(name) && this[name].shape.SequenceEqual(forms.Second.Shape)
                        ? forms.Second
                        : forms.First
            );
        return [.. Core.parameterForms(map, form).OrThrow(), .. buffers];
    }

    /// <summary>Whether the element type of a tensor has a coarser rounding than that of the other.</summary>
    public static bool IsCoarser(Tensor value, Tensor other) =>
        FormModule.epsilon(value.dtype) > FormModule.epsilon(other.dtype);

    /// <summary>
    /// The parts, corrected where an element type has rounded them. Null when problems with the pieces among them have been noted:
    /// numbers that are not finite, and buffers with which no parameters give an allowed tensor.
    /// </summary>
    /// <param name="parts">The parts, in the element type in which the map computes.</param>
    /// <param name="isRounded">Whether some come from a coarser element type.</param>
    /// <param name="problems">The list to which problems are added.</param>
    public Parts? Checked(Parametrization map, Parts parts, bool isRounded, List<string> problems)
    {
        var own = FormModule.epsilon(parts.Parameters[^1].dtype);
        if (Note(NotFinite(map, parts)))
            return null;
        if (!isRounded && !Faults(map, parts, own).Any())
            return parts;
        if (Note(Faults(map, parts, Coarsest)))
            return null;
        var mended = Core.repair(map, parts);
        return Note(Faults(map, mended, own)) ? null : mended;

        bool Note(IEnumerable<string> faults)
        {
            var before = problems.Count;
            problems.AddRange(faults);
            return problems.Count > before;
        }
    }

    public override string ToString() => string.Join(", ", Keys.Values);

    /// <summary>Which piece has another shape than its form; null when none has.</summary>
    private string? Fault(Parametrization map, long[] shape, List<Form> forms)
    {
        foreach (var (name, expected) in NamesOf(map).Zip(forms))
            if (!expected.Shape.SequenceEqual(this[name].shape))
                return $"{map} of shape {Form.Shown(shape)} is computed from a tensor of shape {Form.Shown(expected.Shape)}, "
                    + $"but {Keys[name]} has shape {Form.Shown(this[name].shape)}.";
        return null;
    }

    private IEnumerable<string> NotFinite(Parametrization map, Parts parts)
    {
        foreach (var (name, tensor) in NamesOf(map).Zip(parts.Tensors))
            if (Keys.TryGetValue(name, out var key) && Tensors.nonFinite(tensor) is > 0 and var count)
                yield return $"{key}: finite numbers were expected, but {count} are NaN or infinite.";
    }

    private IEnumerable<string> Faults(Parametrization map, Parts parts, double epsilon)
    {
        foreach (var (name, violation) in Core.misfits(map, epsilon, parts))
            if (Keys.TryGetValue(name, out var key))
                yield return $"{key}: {map} cannot compute with it: {violation}.";
    }
}
