namespace Parametrize.CSharp;

/// <summary>A weight into which an adapter has been merged.</summary>
/// <param name="Name">Its name in the model: `encoder.query.weight`.</param>
/// <param name="Parametrization">The adapter.</param>
/// <param name="LargestError">
/// The rounding error of the weight's element type: the largest difference of an entry from the adapted weight computed in float64.
/// </param>
/// <param name="LargestEntry">The largest modulus of an entry.</param>
public sealed record MergedTensor(
    string Name,
    Parametrization Parametrization,
    double LargestError,
    double LargestEntry
);
