using System.CommandLine;
using System.CommandLine.Invocation;
using Parametrize.Bench.SideBySide;

namespace Parametrize.Bench;

/// <summary>Reads the options; what cannot be understood is an error.</summary>
internal static class BenchCommand
{
    private static readonly string[] Names = [.. Tables.All.Select(table => table.Name)];

    /// <returns>The exit code.</returns>
    public static int Run(string[] arguments, Func<Options, int> program, Func<string[], int> full)
    {
        var filter = new Option<string[]>("--filter")
        {
            Description = $"The tables: {string.Join(", ", Names)}. Default: all.",
            AllowMultipleArgumentsPerToken = true,
        }.AcceptOnlyFromAmong(Names);
        var sizes = new Option<int[]>("--sizes")
        {
            Description = "The sizes of the square matrices of the maps.",
            AllowMultipleArgumentsPerToken = true,
            DefaultValueFactory = _ => [16, 64, 128, 256],
        };
        sizes.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int[]>() is { } given && given.Any(size => size < 2))
                result.AddError("--sizes takes whole numbers from 2 on.");
        });
        var threads = new Option<int>("--threads")
        {
            Description = "How many threads compute.",
            DefaultValueFactory = _ => 1,
        };
        threads.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() < 1)
                result.AddError("--threads takes a whole number from 1 on.");
        });
        var device = new Option<string>("--device")
        {
            Description = "Where the maps are computed.",
            DefaultValueFactory = _ => "cpu",
        }.AcceptOnlyFromAmong("cpu", "cuda");
        var csv = new Option<FileInfo?>("--csv") { Description = "Writes all figures to a file." };
        var plot = new Option<FileInfo?>("--plot") { Description = "Draws the time of each map against n, as PNG." };
        var compare = new Option<FileInfo?>("--compare")
        {
            Description = "Figures of an earlier run, by --csv; what became slower is told, and makes the exit code 1.",
        };
        compare.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<FileInfo?>() is { Exists: false } missing)
                result.AddError($"--compare names {missing}, which does not exist.");
        });

        var command = new RootCommand("Measures the library beside PyTorch's formulas and code written by hand.")
        {
            filter,
            sizes,
            threads,
            device,
            csv,
            plot,
            compare,
        };
        command.SetAction(parsed =>
            program(
                new(
                    parsed.GetValue(filter) is { Length: > 0 } names ? names : Names,
                    parsed.GetValue(sizes)!,
                    parsed.GetValue(threads),
                    parsed.GetValue(device)!,
                    parsed.GetValue(csv),
                    parsed.GetValue(plot),
                    parsed.GetValue(compare)
                )
            )
        );
        var rest = new Argument<string[]>("options")
        {
            Description = "Options of BenchmarkDotNet.",
            Arity = ArgumentArity.ZeroOrMore,
        };
        var thorough = new Command("full", "The same cases by BenchmarkDotNet.") { rest };
        thorough.TreatUnmatchedTokensAsErrors = false;
        thorough.SetAction(parsed => full([.. parsed.GetValue(rest) ?? [], .. parsed.UnmatchedTokens]));
        command.Add(thorough);

        var result = command.Parse(arguments);
        if (result.Action is ParseErrorAction error)
            error.ShowHelp = false;
        return result.Invoke();
    }
}
