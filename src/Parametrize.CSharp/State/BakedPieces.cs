using static TorchSharp.torch;
using Core = Parametrize.ParametrizationModule;

namespace Parametrize.CSharp;

/// <summary>Computes the tensor that pieces of a state dictionary stand for.</summary>
internal static class BakedPieces
{
    /// <summary>
    /// The value of that shape, in the finer of its own element type and that of the tensor it is for; null after
    /// problems with the pieces have been noted.
    /// </summary>
    /// <exception cref="ArgumentException">The pieces are not those of the map.</exception>
    /// <exception cref="ParametrizationException">The map cannot yield such a tensor.</exception>
    public static Tensor? Value(
        Tensor like,
        long[] shape,
        StatePieces pieces,
        Parametrization map,
        List<string> problems
    )
    {
        var names = SoundPieces.Names(map);
        if (!pieces.Are(names))
            throw new ArgumentException(
                $"{map} is computed from {string.Join(", ", names)}, but the state has {pieces}."
            );

        using var _ = no_grad();
        // The last parameter, because magnitudes of complex numbers are real.
        var lead = pieces[names[Core.parameterCount(map) - 1]];
        var isRounded = lead.is_complex() == like.is_complex() && SoundPieces.IsCoarser(lead, like);
        using var expected = Example(map, new(shape, isRounded ? like.dtype : lead.dtype, CPU));
        // TorchSharp's matmul ends the process when shapes do not fit, so they must not get there.
        if (Misfit(shape, pieces, map, expected) is { } misfit)
            throw new ArgumentException(misfit);
        var tensors = names.Zip(expected.Tensors, (name, part) => pieces[name].to(part.dtype, lead.device));
        return SoundPieces.Of(map, SoundPieces.Parts(map, tensors), pieces.Keys, isRounded, problems) is { } sound
            ? Core.forward(map, sound)
            : null;
    }

    /// <summary>Whether the pieces have the shapes of those from which the map computes a tensor of that shape.</summary>
    public static bool Fit(long[] shape, StatePieces pieces, Parametrization map)
    {
        var names = SoundPieces.Names(map);
        if (!pieces.Are(names))
            return false;
        using var expected = Example(map, new(shape, pieces[names[0]].dtype, CPU));
        return Misfit(shape, pieces, map, expected) is null;
    }

    /// <summary>The parts of a random value.</summary>
    private static Parts Example(Parametrization map, Form form)
    {
        // A generator of its own: loading is not to change what is drawn afterwards.
        using var generator = new Generator(0, CPU);
        using var sample = map.Sample(form.Shape, form.Dtype, CPU, generator);
        return Core.initializeNearest(map, sample).OrThrow();
    }

    /// <summary>Which piece has another shape than that part of the example; null when none has.</summary>
    private static string? Misfit(long[] shape, StatePieces pieces, Parametrization map, Parts example)
    {
        foreach (var (name, expected) in SoundPieces.Names(map).Zip(example.Tensors))
            if (!expected.shape.SequenceEqual(pieces[name].shape))
                return $"{map} of shape {Form.Shown(shape)} is computed from a tensor of shape {Form.Shown(expected.shape)}, "
                    + $"but {pieces.Keys[name]} has shape {Form.Shown(pieces[name].shape)}.";
        return null;
    }
}
