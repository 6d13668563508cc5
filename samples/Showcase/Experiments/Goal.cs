namespace Showcase.Experiments;

/// <summary>What should be reached.</summary>
/// <param name="Claim">In words, with the limit.</param>
/// <param name="IsMet">Whether it is; a comparison with NaN is false, as it should be.</param>
/// <param name="Measured">What was found.</param>
internal sealed record Goal(string Claim, bool IsMet, double Measured)
{
    public static Goal AtLeast(string what, double measured, double limit) =>
        new($"{what} of at least {limit:g3}", measured >= limit, measured);

    public static Goal AtMost(string what, double measured, double limit) =>
        new($"{what} of at most {limit:g3}", measured <= limit, measured);
}
