namespace Parametrize.CSharp;

/// <summary>A tensor or a composition that a parametrization refuses. Nothing was changed.</summary>
public sealed class ParametrizationException : Exception
{
    internal ParametrizationException(ParametrizationError error, string? where = null)
        : base(where is null ? error.Message : $"{where}: {error.Message}") => Error = error;

    /// <summary>Which condition failed, and by how much.</summary>
    public ParametrizationError Error { get; }
}
