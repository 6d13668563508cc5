namespace Parametrize.Tool;

/// <summary>What the exit codes mean, for scripts.</summary>
internal static class ExitCode
{
    public const int Fine = 0;

    /// <summary>Files differ, or a tensor is not what it should be.</summary>
    public const int Found = 1;

    /// <summary>The command line is wrong, a file cannot be read, or one would be overwritten.</summary>
    public const int Unusable = 2;

    public const string Help =
        "Exit codes: 0 all is well; 1 files differ, or a tensor is not what it should be; 2 the command line is wrong, a file "
        + "cannot be read or written, or an output is there already (--force replaces it).";
}
