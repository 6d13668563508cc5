namespace Parametrize.Flows;

/// <summary>Which tensors of a shape the layers yield, as far as that is known.</summary>
internal abstract record Reached
{
    /// <summary>All.</summary>
    public sealed record All : Reached;

    /// <summary>Those of the space of a value, which a layer has computed.</summary>
    public sealed record Of(Parametrization Value) : Reached;

    /// <summary>Only some.</summary>
    public sealed record Some : Reached;

    /// <summary>Only some, and a density that is positive at others has been reached: probability is lost.</summary>
    public sealed record Lost : Reached;
}
