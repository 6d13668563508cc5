using static TorchSharp.torch;
using Core = Parametrize.ParametrizationModule;

namespace Parametrize.CSharp;

/// <summary>Computes the tensor that pieces of a state dictionary stand for.</summary>
internal static class BakedPieces
{
    /// <summary>The value of that shape.</summary>
    /// <exception cref="ArgumentException">The pieces are not those of the map.</exception>
    /// <exception cref="ParametrizationException">The map cannot yield such a tensor.</exception>
    public static Tensor Value(long[] shape, StatePieces pieces, Parametrization map)
    {
        var (parameters, buffers) = (Core.parameterNames(map), Core.bufferNames(map));
        var names = parameters.Concat(buffers).ToList();
        if (!pieces.Are(names))
            throw new ArgumentException(
                $"{map} is computed from {string.Join(", ", names)}, but the state has {pieces}."
            );
        RequireShapes(shape, pieces, map, names);

        using var _ = no_grad();
        var tensors = names.Select(name => StatePlan.Like(pieces[names[0]], pieces[name])).ToList();
        return Core.forward(map, Core.ofTensors(tensors.Take(parameters.Length), tensors.Skip(parameters.Length), map));
    }

    /// <summary>
    /// Compares with the pieces of a random value. TorchSharp's matmul ends the process when shapes do not fit, so they
    /// must not get there.
    /// </summary>
    private static void RequireShapes(long[] shape, StatePieces pieces, Parametrization map, List<string> names)
    {
        // A generator of its own: loading is not to change what is drawn afterwards.
        using var generator = new Generator(0, CPU);
        using var sample = map.Sample(shape, pieces[names[0]].dtype, CPU, generator);
        using var parts = Core.initializeNearest(map, sample).OrThrow();
        foreach (var (name, expected) in names.Zip(parts.Tensors))
            if (!expected.shape.SequenceEqual(pieces[name].shape))
                throw new ArgumentException(
                    $"{map} of shape {Form.Shown(shape)} is computed from a tensor of shape {Form.Shown(expected.shape)}, "
                        + $"but {pieces.Keys[name]} has shape {Form.Shown(pieces[name].shape)}."
                );
    }
}
