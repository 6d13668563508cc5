using System.CommandLine;
using System.CommandLine.Invocation;
using Flows.Data;

namespace Flows;

/// <summary>Reads the options; what cannot be understood is an error.</summary>
public static class CommandLine
{
    private const string All = "all";

    /// <summary>Calls the program with the options, or prints what is wrong with them.</summary>
    /// <returns>The exit code.</returns>
    public static int Run(string[] arguments, Func<Options, int> program)
    {
        var data = new Option<string>("--data")
        {
            Description = "What is learned.",
            DefaultValueFactory = _ => All,
        }.AcceptOnlyFromAmong([.. Problems.All.Select(problem => problem.FileName), All]);
        var steps = new Option<int?>("--steps")
        {
            Description = "Steps of training; 1,000 in the plane and 500 for digits unless it is given.",
        };
        var seed = WholeNumber("--seed", "Draws data, initial weights and minibatches.", 1, least: 0);
        var threads = WholeNumber("--threads", "How many threads compute.", 1);
        var output = new Option<DirectoryInfo>("--output")
        {
            Description = "The folder for the pictures.",
            DefaultValueFactory = _ => new DirectoryInfo("flows-output"),
        };
        var check = new Option<bool>("--check") { Description = "Exit with 1 if a flow misses its goal." };
        steps.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int?>() < 1)
                result.AddError("--steps takes a whole number from 1 on.");
        });
        output.Validators.Add(result =>
        {
            if (File.Exists(result.GetValueOrDefault<DirectoryInfo>()?.FullName))
                result.AddError("--output names a file; it takes a folder.");
        });

        var command = new RootCommand("Trains normalising flows, and draws what they have learned.")
        {
            data,
            steps,
            seed,
            threads,
            output,
            check,
        };
        command.SetAction(parsed =>
            program(
                new(
                    ProblemsNamed(parsed.GetValue(data)!),
                    parsed.GetValue(steps),
                    parsed.GetValue(seed),
                    parsed.GetValue(threads),
                    parsed.GetValue(output)!,
                    parsed.GetValue(check)
                )
            )
        );

        var result = command.Parse(arguments);
        if (result.Action is ParseErrorAction error)
            error.ShowHelp = false;
        return result.Invoke();
    }

    private static Option<int> WholeNumber(string name, string description, int byDefault, int least = 1)
    {
        var option = new Option<int>(name) { Description = description, DefaultValueFactory = _ => byDefault };
        option.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() < least)
                result.AddError($"{name} takes a whole number from {least} on.");
        });
        return option;
    }

    private static IReadOnlyList<Problem> ProblemsNamed(string name) =>
        [.. Problems.All.Where(problem => name == All || problem.FileName == name)];
}
