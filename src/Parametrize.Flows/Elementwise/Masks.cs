namespace Parametrize.Flows;

/// <summary>Which features a <see cref="Coupling"/> keeps.</summary>
public static class Masks
{
    /// <summary>The first half keeps; of an odd number the smaller half.</summary>
    public static bool[] FirstHalf(int features) => Of(features, index => index < features / 2);

    /// <summary>The others than those of <see cref="FirstHalf"/>.</summary>
    public static bool[] LastHalf(int features) => Of(features, index => index >= features / 2);

    /// <summary>Every second feature, from the first.</summary>
    public static bool[] Even(int features) => Of(features, index => index % 2 == 0);

    /// <summary>Every second feature, from the second.</summary>
    public static bool[] Odd(int features) => Of(features, index => index % 2 == 1);

    private static bool[] Of(int features, Func<int, bool> keeps)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(features, 2);
        return [.. Enumerable.Range(0, features).Select(keeps)];
    }
}
