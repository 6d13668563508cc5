using System.CommandLine;
using System.IO.Enumeration;
using Parametrize.CSharp;
using Parametrize.Tool.Files;
using Parametrize.Tool.Report;
using static TorchSharp.torch;

namespace Parametrize.Tool.Commands;

/// <summary>The same weights, computed in another way.</summary>
internal static class ConvertCommand
{
    private static readonly string[] Titles = ["tensor", "before", "after", "largest change"];

    public static Command Make(Screen screen)
    {
        var file = Arguments.File("FILE", "A safetensors file.");
        var (output, force, maps) = (Arguments.Output(), Arguments.Force(), Arguments.Maps());
        var to = new Option<string>("--to")
        {
            Description = "The value from which the tensors are to be computed: matrixExp, or 'skew >>> cayley'.",
            Required = true,
            HelpName = "CODE",
        };
        var patterns = new Option<string[]>("--tensor")
        {
            Description =
                "Which tensors: a name, or a pattern with * and ?; plain ones, too. Can be given several times. Default: all that are parametrized.",
            HelpName = "PATTERN",
        };
        var project = new Option<bool>("--project")
        {
            Description = "Take the projection of a tensor that the value does not allow, instead of refusing.",
        };
        var command = new Command(
            "convert",
            "Computes tensors by another value: theirs stay, and are written as what the other is computed from. Exit code 1 if it does not allow one."
        )
        {
            file,
            output,
            to,
            patterns,
            project,
            force,
            maps,
        };
        command.SetAction(parsed =>
        {
            var target = Output.Free(parsed, output, force);
            using var model = Input.Load(parsed.GetRequiredValue(file), Arguments.Read(parsed, maps));
            var names = Named(model, parsed.GetValue(patterns) ?? []);
            Whole.Require(model, names.Contains);
            var rows = Convert(model, names, Arguments.Code(parsed.GetRequiredValue(to)), parsed.GetValue(project));
            model.Save(target);
            screen.Table(Titles, rows, numbers: 1);
            screen.Line($"{target}: {Shown.Count(model.Tensors.Count, "tensor")}, {rows.Count} converted");
            return ExitCode.Fine;
        });
        return command;
    }

    /// <summary>The tensors that are meant.</summary>
    private static HashSet<string> Named(SavedModel model, string[] patterns)
    {
        foreach (var pattern in patterns)
            if (!model.Tensors.Any(tensor => Matches(pattern, tensor)))
                throw ToolException.Unusable(
                    $"No tensor is named {pattern}. There are: {string.Join(", ", model.Tensors.Select(tensor => tensor.Name))}."
                );
        HashSet<string> names =
        [
            .. model
                .Tensors.Where(tensor =>
                    patterns.Length == 0
                        ? tensor.Parametrized is not null || tensor.Problem is not null
                        : patterns.Any(pattern => Matches(pattern, tensor))
                )
                .Select(tensor => tensor.Name),
        ];
        return names.Count > 0
            ? names
            : throw ToolException.Unusable("No tensor is parametrized. Name those to convert with --tensor.");

        static bool Matches(string pattern, SavedTensor tensor) =>
            FileSystemName.MatchesSimpleExpression(pattern, tensor.Name, ignoreCase: false);
    }

    /// <summary>Converts all, or throws with every reason why not.</summary>
    private static List<string[]> Convert(SavedModel model, HashSet<string> names, Parametrization to, bool project)
    {
        var (rows, faults) = (new List<string[]>(), new List<string>());
        foreach (var tensor in model.Tensors.Where(candidate => names.Contains(candidate.Name)).ToList())
            try
            {
                using var scope = NewDisposeScope();
                var (before, code) = (tensor.Value(), tensor.Code);
                model.Convert(tensor.Name, to, project ? WhenNotAllowed.Project : WhenNotAllowed.Refuse);
                var after = model.Tensors.Single(converted => converted.Name == tensor.Name);
                var change = Distance.Largest(before, after.Value());
                rows.Add([tensor.Name, Shown.Code(code), Shown.Code(after.Code), Shown.Number(change)]);
            }
            catch (ParametrizationException refusal)
            {
                var advice = refusal.Error.IsNotAllowed ? " Or convert with --project." : "";
                faults.Add($"{tensor.Name}: {refusal.Error.Message}{advice}");
            }
            catch (InvalidOperationException overflow)
            {
                faults.Add($"{tensor.Name}: {overflow.Message}");
            }
        return faults.Count == 0 ? rows : throw ToolException.Found(faults);
    }
}
