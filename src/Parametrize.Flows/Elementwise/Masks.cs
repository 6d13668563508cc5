namespace Parametrize.Flows;

/// <summary>Which features a <see cref="Coupling"/> keeps: those with `true`. It maps the others.</summary>
public static class Masks
{
    /// <summary>Keeps the first half; for an odd number of features, the smaller half.</summary>
    public static bool[] FirstHalf(long features) => Of(features, index => index < features / 2);

    /// <summary>Keeps the features that <see cref="FirstHalf"/> does not keep.</summary>
    public static bool[] LastHalf(long features) => Of(features, index => index >= features / 2);

    /// <summary>Keeps every second feature, from the first.</summary>
    public static bool[] Even(long features) => Of(features, index => index % 2 == 0);

    /// <summary>Keeps every second feature, from the second.</summary>
    public static bool[] Odd(long features) => Of(features, index => index % 2 == 1);

    private static bool[] Of(long features, Func<int, bool> keeps)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(features, 2);
        return [.. Enumerable.Range(0, checked((int)features)).Select(keeps)];
    }
}
