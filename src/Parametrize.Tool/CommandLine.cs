using System.CommandLine;
using Parametrize.Tool.Commands;
using Parametrize.Tool.Report;

namespace Parametrize.Tool;

/// <summary>The command line: verbs, what is wrong with arguments, and exit codes.</summary>
internal static class CommandLine
{
    /// <summary>Runs the tool and returns its exit code.</summary>
    public static int Run(string[] arguments, TextWriter output, TextWriter error)
    {
        var screen = new Screen(output);
        Command[] verbs =
        [
            InspectCommand.Make(screen),
            VerifyCommand.Make(screen),
            BakeCommand.Make(screen),
            ConvertCommand.Make(screen),
            MergeCommand.Make(screen),
            DiffCommand.Make(screen),
        ];
        var root = new RootCommand($"Looks at files of parametrized models, checks and converts them. {ExitCode.Help}");
        foreach (var verb in verbs)
            root.Add(verb);

        var parsed = root.Parse(arguments);
        if (parsed.Errors.Count > 0)
        {
            foreach (var fault in parsed.Errors)
                error.WriteLine(fault.Message);
            error.WriteLine($"See: {Usage(parsed)} --help");
            return ExitCode.Unusable;
        }
        try
        {
            // Help does without.
            if (ReferenceEquals(parsed.Action, parsed.CommandResult.Command.Action))
                Libtorch.Load();
            return parsed.Invoke(
                new()
                {
                    Output = output,
                    Error = error,
                    EnableDefaultExceptionHandler = false,
                }
            );
        }
        catch (ToolException refusal)
        {
            error.WriteLine(Shown.Visible(refusal.Message, keepsLines: true));
            return refusal.ExitCode;
        }
        catch (Exception fault)
            when (fault
                    is IOException
                        or InvalidDataException
                        or UnauthorizedAccessException
                        or NotSupportedException
                        or ArgumentException
            )
        {
            error.WriteLine(Shown.Visible(fault.Message, keepsLines: true));
            return ExitCode.Unusable;
        }
    }

    private static string Usage(ParseResult parsed) =>
        parsed.CommandResult.Command is RootCommand
            ? "parametrize"
            : $"parametrize {parsed.CommandResult.Command.Name}";
}
