namespace Parametrize.CSharp.Values;

/// <summary>Turns the core's results into what C# expects.</summary>
internal static class Results
{
    public static T OrThrow<T>(
        this FSharpResult<T, ParametrizationError> result,
        string? where = null,
        string? advice = null
    ) => result.IsOk ? result.ResultValue : throw new ParametrizationException(result.ErrorValue, where, advice);

    public static ParametrizationError? ErrorOrNull<T>(this FSharpResult<T, ParametrizationError> result) =>
        result.IsOk ? null : result.ErrorValue;
}
