using Parametrize.Values;

namespace Parametrize.CSharp;

/// <content>Tensors by each entry or vector.</content>
public static partial class Parametrizations
{
    /// <summary>Positive tensors, by softplus of each entry.</summary>
    public static Parametrization Positive => PositiveValues.positive;

    /// <summary>Positive tensors, by the given function of each entry.</summary>
    public static Parametrization PositiveBy(PositiveMap map) => PositiveValues.positiveBy(NotNull(map));

    /// <summary>
    /// Probability vectors (the last dimension, of at least 2 numbers), by the isometric log-ratio: rows of row-stochastic
    /// matrices.
    /// </summary>
    public static Parametrization Simplex => SimplexValues.simplex;

    /// <summary>
    /// Probability vectors by the given map: `SimplexMap.StickBreaking` is that of `torch.distributions.StickBreakingTransform`.
    /// </summary>
    public static Parametrization SimplexBy(SimplexMap map) => SimplexValues.simplexBy(NotNull(map));

    /// <summary>
    /// Positive square matrices whose rows and columns sum to 1, of at least 2 rows: the exponentials of any matrix, with rows and
    /// columns scaled (Sinkhorn).
    /// </summary>
    public static Parametrization DoublyStochastic => DoublyStochasticValues.doublyStochastic;

    /// <summary>
    /// Vectors (the last dimension) whose entries increase; rounding may make neighbours equal. Differences of neighbours are
    /// computed by softplus.
    /// </summary>
    public static Parametrization Ordered => OrderedValues.ordered;

    /// <summary>Positive vectors (the last dimension) whose entries increase; rounding may make neighbours equal.</summary>
    public static Parametrization PositiveOrdered => OrderedValues.positiveOrdered;

    /// <summary>
    /// Positive vectors (the last dimension) whose largest entry is at most a ratio times the smallest: singular values of
    /// matrices of a bounded condition number.
    /// </summary>
    /// <exception cref="ArgumentException">The ratio is not a finite number above 1.</exception>
    public static Parametrization BoundedRatio(double ratio) => BoundedRatioValues.boundedRatio(ratio);

    /// <summary>Entries between two numbers, one of which may be infinite.</summary>
    /// <exception cref="ArgumentException">`lo` is not below `hi`, or both are infinite.</exception>
    public static Parametrization Bounded(double lo, double hi) => BoundedValues.bounded(lo, hi);

    /// <summary>Entries between 0 and 1: `Bounded(0.0, 1.0)`.</summary>
    public static Parametrization UnitInterval => BoundedValues.unitInterval;

    /// <summary>Entries above a number: `Bounded(lo, double.PositiveInfinity)`.</summary>
    /// <exception cref="ArgumentException">The number is not finite.</exception>
    public static Parametrization Above(double lo) => BoundedValues.above(lo);

    /// <summary>Entries below a number: `Bounded(double.NegativeInfinity, hi)`.</summary>
    /// <exception cref="ArgumentException">The number is not finite.</exception>
    public static Parametrization Below(double hi) => BoundedValues.below(hi);

    /// <summary>`factor X`, for any tensor X.</summary>
    /// <exception cref="ArgumentException">The factor is zero or not finite.</exception>
    public static Parametrization Scale(double factor) => AffineValues.scale(factor);

    /// <summary>`X + offset`, for any tensor X.</summary>
    /// <exception cref="ArgumentException">The offset is not finite.</exception>
    public static Parametrization Shift(double offset) => AffineValues.shift(offset);
}
