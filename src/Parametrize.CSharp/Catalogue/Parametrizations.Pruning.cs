using Parametrize.Values;

namespace Parametrize.CSharp;

/// <content>
/// Ways to prune. Amounts are shares when written as floating-point numbers, counts when whole, or up to a share of all:
/// see <see cref="Amount"/>.
/// </content>
public static partial class Parametrizations
{
    /// <summary>Zeros at fixed places; one behind another prunes what is left.</summary>
    /// <exception cref="ArgumentException">Options that make no sense for any tensor.</exception>
    public static Parametrization Pruned(Pruning pruning) => PrunedValues.pruned(NotNull(pruning));

    /// <summary>Zeros where the mask has them.</summary>
    /// <exception cref="ArgumentException">The mask has numbers other than 0 and 1.</exception>
    public static Parametrization PrunedBy(Tensor mask) =>
        PrunedValues.pruned(Pruning.NewCustom(Mask.OfTensor(NotNull(mask))));

    /// <summary>Each entry is zero with this probability; the seed fixes the pattern.</summary>
    /// <exception cref="ArgumentException">The probability is outside [0, 1].</exception>
    public static Parametrization PrunedBernoulli(double probability, ulong seed) =>
        PrunedValues.pruned(Pruning.NewBernoulli(probability, seed));

    /// <summary>Exactly this many entries, drawn from the seed, are zero.</summary>
    /// <exception cref="ArgumentException">The amount is negative, or a share above 1.</exception>
    public static Parametrization PrunedRandom(Amount amount, ulong seed) =>
        PrunedValues.pruned(Pruning.NewRandom(amount, seed));

    /// <summary>Exactly this many channels of a dimension, drawn from the seed, are zero.</summary>
    /// <exception cref="ArgumentException">The amount is negative, or a share above 1.</exception>
    public static Parametrization PrunedRandomStructured(Amount amount, int dimension, ulong seed) =>
        PrunedValues.pruned(Pruning.NewRandomStructured(amount, dimension, seed));

    /// <summary>A share or a number of entries, those of smallest modulus, is zero.</summary>
    /// <exception cref="ArgumentException">The amount is negative, or a share above 1.</exception>
    public static Parametrization PrunedL1(Amount amount) => PrunedValues.pruned(Pruning.NewL1(amount));

    /// <summary>
    /// The channels of a dimension with the smallest norms are zero. The power of the norm is any number or infinity, negative
    /// ones too.
    /// </summary>
    /// <exception cref="ArgumentException">The amount is negative, or a share above 1; or the power is NaN.</exception>
    public static Parametrization PrunedLn(Amount amount, double power, int dimension) =>
        PrunedValues.pruned(Pruning.NewLn(amount, power, dimension));

    /// <summary>All but the largest `keep` of each `size` consecutive entries in the last dimension are zero.</summary>
    /// <exception cref="ArgumentException">`keep` is negative or above `size`, or `size` is below 1.</exception>
    public static Parametrization PrunedGroups(int keep, int size) =>
        PrunedValues.pruned(Pruning.NewGroups(keep, size));

    /// <summary>This share of all entries is zero, those that were pruned before included.</summary>
    /// <exception cref="ArgumentException">The share is outside [0, 1].</exception>
    public static Parametrization PrunedUpTo(double share) => PrunedValues.pruned(Pruning.NewUpTo(share));
}
