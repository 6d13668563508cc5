using System.CommandLine;
using Samples.CommandLine;
using Showcase.Experiments;

namespace Showcase;

/// <summary>A command for each experiment, and one for all.</summary>
internal static class CommandLine
{
    /// <returns>The exit code.</returns>
    public static int Run(string[] arguments)
    {
        var quick = new Option<bool>("--quick")
        {
            Description = "Takes a few steps only, to see that everything runs; goals are not checked.",
            Recursive = true,
        };
        var seed = Choices.Seed("initial weights, minibatches and whatever else is random");
        var threads = Choices.WholeNumber("--threads", "How many nets are trained at once.", 2);
        var output = Choices.Output("the pictures", "showcase-output");
        foreach (var option in new Option[] { seed, threads, output })
            option.Recursive = true;

        Command CommandFor(string name, string description, params IReadOnlyList<IExperiment> experiments)
        {
            var command = new Command(name, description);
            command.SetAction(parsed =>
                Runner.RunAll(
                    experiments,
                    new(parsed.GetValue(seed), parsed.GetValue(quick), parsed.GetValue(threads)),
                    parsed.GetValue(output)!
                )
            );
            return command;
        }

        var root = new RootCommand("What constraints on weights buy, each measured against a twin without them.")
        {
            quick,
            seed,
            threads,
            output,
        };
        foreach (var experiment in Catalogue.All)
            root.Add(CommandFor(experiment.Name, experiment.Description, experiment));
        root.Add(CommandFor("all", "One after the other.", Catalogue.All));
        return root.RunWith(arguments);
    }
}
