using static TorchSharp.torch;
using Core = Parametrize.ParametrizationModule;

namespace Parametrize.CSharp.State;

/// <summary>Computes a tensor from its pieces in a state dictionary.</summary>
internal static class PieceEvaluation
{
    /// <summary>
    /// The value of that shape, in the finer of two element types: that of the pieces, and that of the tensor for which it is
    /// computed. Null when problems with the pieces have been noted.
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
        using var _ = no_grad();
        return Parts(like, shape, pieces, map, problems) is { } parts ? Core.forward(map, parts) : null;
    }

    /// <summary>The parts from which the map computes that value.</summary>
    /// <inheritdoc cref="Value"/>
    public static Parts? Parts(
        Tensor like,
        long[] shape,
        StatePieces pieces,
        Parametrization map,
        List<string> problems
    )
    {
        var names = Names(pieces, map, "state");
        using var _ = no_grad();
        // The last parameter, because magnitudes of complex numbers are real.
        var lead = pieces[names[Core.parameterCount(map) - 1]];
        var isRounded = lead.is_complex() == like.is_complex() && PieceValidation.IsCoarser(lead, like);
        var expected = PieceValidation.Forms(map, new(shape, isRounded ? like.dtype : lead.dtype, CPU), pieces);
        // TorchSharp's matmul ends the process when shapes do not fit, so they are checked before.
        if (Misfit(shape, pieces, map, expected) is { } misfit)
            throw new ArgumentException(misfit);
        var tensors = names.Zip(expected, (name, form) => pieces[name].to(form.Dtype, lead.device));
        var parts = PieceValidation.Parts(map, shape, tensors);
        return PieceValidation.Of(map, parts, pieces.Keys, isRounded, problems);
    }

    /// <summary>The names of the pieces.</summary>
    /// <param name="pieces">The pieces.</param>
    /// <param name="map">The map.</param>
    /// <param name="owner">The word for the source of the pieces in the message: `state` or `file`.</param>
    /// <exception cref="ArgumentException">They are not those of the map.</exception>
    public static IReadOnlyList<string> Names(StatePieces pieces, Parametrization map, string owner)
    {
        var names = PieceValidation.Names(map);
        return pieces.Are(names)
            ? names
            : throw new ArgumentException(
                $"{map} is computed from {string.Join(", ", names)}, but the {owner} has {pieces}."
            );
    }

    /// <summary>Whether the pieces have the shapes that the map needs to compute a tensor of that shape.</summary>
    public static bool Fit(long[] shape, StatePieces pieces, Parametrization map)
    {
        var names = PieceValidation.Names(map);
        if (!pieces.Are(names))
            return false;
        var form = new Form(shape, pieces[names[0]].dtype, CPU);
        return Core.parameterForms(map, form).IsOk
            && Misfit(shape, pieces, map, PieceValidation.Forms(map, form, pieces)) is null;
    }

    /// <summary>Which piece has another shape than its form; null when none has.</summary>
    private static string? Misfit(long[] shape, StatePieces pieces, Parametrization map, List<Form> forms)
    {
        foreach (var (name, expected) in PieceValidation.Names(map).Zip(forms))
            if (!expected.Shape.SequenceEqual(pieces[name].shape))
                return $"{map} of shape {Form.Shown(shape)} is computed from a tensor of shape {Form.Shown(expected.Shape)}, "
                    + $"but {pieces.Keys[name]} has shape {Form.Shown(pieces[name].shape)}.";
        return null;
    }
}
