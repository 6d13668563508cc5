namespace Parametrize.Tool;

/// <summary>Why a command ends without having done its work, for the user, and its exit code.</summary>
internal sealed class ToolException(int exitCode, string message) : Exception(message)
{
    public int ExitCode { get; } = exitCode;

    /// <summary>Nothing is wrong with the tensors.</summary>
    public static ToolException Unusable(string message) => new(Tool.ExitCode.Unusable, message);

    /// <summary>Something is wrong with these.</summary>
    public static ToolException Found(IEnumerable<string> faults) =>
        new(Tool.ExitCode.Found, string.Join(Environment.NewLine, faults));
}
