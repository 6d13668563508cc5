using static TorchSharp.torch;

namespace Flows.Data;

/// <summary>What there is to learn.</summary>
public static class Problems
{
    public static IReadOnlyList<Problem> All { get; } =
    [
        new Plane("two moons", "two-moons", TwoMoons, 3, 1.02, "entropy 0.999; zuko 1.6: 1.026"),
        new Plane("eight Gaussians", "eight-gaussians", EightGaussians, 3, 0.4, "entropy 0.312"),
        new Plane("checkerboard", "checkerboard", Checkerboard, 2.5, 2.2, "entropy 2.079"),
        new DigitImages(),
    ];

    /// <summary>Two half circles that interlock, with normal noise of standard deviation 0.1, around the origin.</summary>
    private static Tensor TwoMoons(int count, Generator generator)
    {
        using var scope = NewDisposeScope();
        var angle = rand(count, generator: generator) * Math.PI;
        var isUpper = rand(count, generator: generator).lt(0.5);
        var x = where(isUpper, angle.cos(), 1 - angle.cos());
        var y = where(isUpper, angle.sin(), 0.5 - angle.sin());
        return Noisy(stack([x - 0.5, y - 0.25], 1), 0.1, generator).MoveToOuterDisposeScope();
    }

    /// <summary>Eight clusters on a circle of radius 2, of standard deviation 0.1.</summary>
    private static Tensor EightGaussians(int count, Generator generator)
    {
        using var scope = NewDisposeScope();
        var angle = randint(0, 8, [count], generator: generator) * (Math.PI / 4);
        return Noisy(stack([angle.cos(), angle.sin()], 1) * 2, 0.1, generator).MoveToOuterDisposeScope();
    }

    /// <summary>Every second square of four times four, of side 1, uniformly.</summary>
    private static Tensor Checkerboard(int count, Generator generator)
    {
        using var scope = NewDisposeScope();
        var column = randint(0, 4, [count], generator: generator);
        var row = 2 * randint(0, 2, [count], generator: generator) + column.remainder(2);
        var inside = rand([count, 2], generator: generator);
        return (stack([column, row], 1) + inside - 2).MoveToOuterDisposeScope();
    }

    private static Tensor Noisy(Tensor points, double deviation, Generator generator) =>
        (points + randn(points.shape, generator: generator) * deviation).to(float32);
}
