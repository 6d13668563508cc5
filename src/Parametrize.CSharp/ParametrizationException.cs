namespace Parametrize.CSharp;

/// <summary>A tensor or a composition that a parametrization refuses. Nothing was changed.</summary>
public sealed class ParametrizationException : Exception
{
    internal ParametrizationException(ParametrizationError error, string? where = null, string? advice = null)
        : base($"{(where is null ? "" : $"{where}: ")}{Said(error)}{(advice is null ? "" : $" {advice}")}") =>
        (Error, Advice) = (error, advice);

    /// <summary>Which condition failed, and by how much.</summary>
    public ParametrizationError Error { get; }

    /// <summary>What to do, when the method that throws knows more than the error says; else null.</summary>
    internal string? Advice { get; }

    /// <summary>The message of the core, which serves every language, with the C# names for projecting added.</summary>
    private static string Said(ParametrizationError error) =>
        error.IsNotAllowed
            ? $"{error.Message.TrimEnd('.')} (`{nameof(Parametrizations.Project)}`, `{nameof(WhenNotAllowed)}.{nameof(WhenNotAllowed.Project)}`)."
            : error.Message;
}
