using Parametrize.CSharp.Values;
using static TorchSharp.torch;
using Core = Parametrize.ParametrizationModule;

namespace Parametrize.CSharp.State;

/// <summary>Whether a map can compute with pieces of a state dictionary.</summary>
internal static class PieceValidation
{
    /// <summary>A model may have been trained in any element type before it was saved in another.</summary>
    private static readonly double Coarsest = FormModule.epsilon(ScalarType.BFloat16);

    /// <summary>The names of the pieces in PyTorch: parameters, then buffers.</summary>
    public static IReadOnlyList<string> Names(Parametrization map) =>
        [.. Core.parameterNames(map), .. Core.bufferNames(map)];

    /// <summary>The tensors in the order of the names.</summary>
    public static Parts Parts(Parametrization map, long[] shape, IEnumerable<Tensor> tensors)
    {
        var (all, count) = (tensors.ToList(), Core.parameterCount(map));
        return Core.ofTensorsOfShape(shape, all.Take(count), all.Skip(count), map);
    }

    /// <summary>
    /// The forms of the parts of a tensor of that form; those of PyTorch where the state has a piece in it: the base of a tall
    /// matrix is square there.
    /// </summary>
    public static List<Form> Forms(Parametrization map, Form form, StatePieces pieces)
    {
        var buffers = Core.bufferForms(map, form)
            .OrThrow()
            .Zip(Core.pyTorchForms(map, form).OrThrow())
            .Zip(
                Core.bufferNames(map),
                (forms, name) =>
                    pieces.Keys.ContainsKey(name) && pieces[name].shape.SequenceEqual(forms.Second.Shape)
                        ? forms.Second
                        : forms.First
            );
        return [.. Core.parameterForms(map, form).OrThrow(), .. buffers];
    }

    /// <summary>Whether the element type of the piece has a coarser rounding than that of the other tensor.</summary>
    public static bool IsCoarser(Tensor value, Tensor other) =>
        FormModule.epsilon(value.dtype) > FormModule.epsilon(other.dtype);

    /// <summary>
    /// The parts, corrected where an element type has rounded them. Null when problems have been noted: numbers that are not
    /// finite, and buffers with which no parameters give an allowed tensor.
    /// </summary>
    /// <param name="map">The map that computes with the parts.</param>
    /// <param name="parts">The parts, in the element type in which the map computes.</param>
    /// <param name="keys">The keys of the parts that come from the state, by name.</param>
    /// <param name="isRounded">Whether some come from a coarser element type.</param>
    /// <param name="problems">The list to which problems with these keys are added.</param>
    public static Parts? Of(
        Parametrization map,
        Parts parts,
        IReadOnlyDictionary<string, string> keys,
        bool isRounded,
        List<string> problems
    )
    {
        var own = FormModule.epsilon(parts.Parameters[^1].dtype);
        if (Note(NotFinite(map, parts, keys)))
            return null;
        if (!isRounded && !Misfits(map, parts, keys, own).Any())
            return parts;
        if (Note(Misfits(map, parts, keys, Coarsest)))
            return null;
        var mended = Core.repair(map, parts);
        return Note(Misfits(map, mended, keys, own)) ? null : mended;

        bool Note(IEnumerable<string> faults)
        {
            var before = problems.Count;
            problems.AddRange(faults);
            return problems.Count > before;
        }
    }

    private static IEnumerable<string> NotFinite(
        Parametrization map,
        Parts parts,
        IReadOnlyDictionary<string, string> keys
    )
    {
        foreach (var (name, tensor) in Names(map).Zip(parts.Tensors))
            if (keys.TryGetValue(name, out var key) && Tensors.nonFinite(tensor) is > 0 and var count)
                yield return $"{key}: finite numbers were expected, but {count} are NaN or infinite.";
    }

    private static IEnumerable<string> Misfits(
        Parametrization map,
        Parts parts,
        IReadOnlyDictionary<string, string> keys,
        double epsilon
    )
    {
        foreach (var (name, violation) in Core.misfits(map, epsilon, parts))
            if (keys.TryGetValue(name, out var key))
                yield return $"{key}: {map} cannot compute with it: {violation}.";
    }
}
