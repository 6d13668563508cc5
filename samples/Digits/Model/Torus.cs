using static TorchSharp.torch;

namespace Digits.Model;

/// <summary>Random rotations from which recurrent kernels learn well.</summary>
public static class Torus
{
    /// <summary>
    /// Rotations of the planes of coordinates (0, 1), (2, 3), ... by angles uniform in [-pi, pi], as in Henaff, Szlam and
    /// LeCun, Recurrent orthogonal networks and long-memory tasks, 2016. An odd last coordinate stays where it is.
    /// </summary>
    public static Tensor Sample(int size)
    {
        using var scope = NewDisposeScope();
        var angles = (rand(size / 2) * 2 - 1) * Math.PI;
        var (cos, sin) = (angles.cos(), angles.sin());
        var blocks = stack([stack([cos, -sin], dim: -1), stack([sin, cos], dim: -1)], dim: -2).unbind(0);
        return block_diag(size % 2 == 0 ? blocks : [.. blocks, ones(1, 1)]).MoveToOuterDisposeScope();
    }
}
