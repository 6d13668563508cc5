using System.CommandLine;
using Flows.Data;
using Samples.CommandLine;

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
        var seed = Choices.Seed("data, initial weights and minibatches");
        var threads = Choices.WholeNumber("--threads", "How many threads compute.", 1);
        var output = Choices.Output("the pictures", "flows-output");
        var check = new Option<bool>("--check") { Description = "Exit with 1 if a flow misses its goal." };
        steps.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int?>() < 1)
                result.AddError("--steps takes a whole number from 1 on.");
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

        return command.RunWith(arguments);
    }

    private static IReadOnlyList<Problem> ProblemsNamed(string name) =>
        [.. Problems.All.Where(problem => name == All || problem.FileName == name)];
}
