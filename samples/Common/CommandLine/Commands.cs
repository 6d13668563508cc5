using System.CommandLine;
using System.CommandLine.Invocation;

namespace Samples.CommandLine;

/// <summary>Runs the command that somebody has typed.</summary>
public static class Commands
{
    /// <summary>Carries out the command, or prints what is wrong with the arguments, without all of the help.</summary>
    /// <returns>The exit code.</returns>
    public static int RunWith(this RootCommand command, string[] arguments)
    {
        var result = command.Parse(arguments);
        if (result.Action is ParseErrorAction error)
            error.ShowHelp = false;
        return result.Invoke();
    }
}
