using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Parametrize.Tool.Files;
using Parametrize.Tool.Report;

namespace Parametrize.Tool.Commands;

/// <summary>In what two files differ.</summary>
internal static class DiffCommand
{
    private static readonly string[] Titles = ["tensor", "what", "A", "B", "largest difference"];

    public static Command Make(Screen screen)
    {
        var (a, b) = (Arguments.File("A", "A safetensors file."), Arguments.File("B", "Another."));
        var (json, maps) = (Arguments.Json(), Arguments.Maps());
        var values = new Option<bool>("--values")
        {
            Description = "Compare only what the tensors are, whatever they are computed from, and not the metadata.",
        };
        var tolerance = new Option<double>("--tolerance")
        {
            Description = "The largest difference of numbers that counts as none.",
            HelpName = "T",
            CustomParser = NotNegative,
        };
        var command = new Command(
            "diff",
            "Lists what differs: names, shapes, element types, values, numbers, metadata. Exit code 1 if anything does."
        )
        {
            a,
            b,
            values,
            tolerance,
            json,
            maps,
        };
        command.SetAction(parsed =>
        {
            var read = Arguments.Read(parsed, maps);
            using var left = Input.Load(parsed.GetRequiredValue(a), read);
            using var right = Input.Load(parsed.GetRequiredValue(b), read);
            Whole.RequireRead(left.Unread);
            Whole.RequireRead(right.Unread);
            var differences = new Differences(parsed.GetValue(tolerance));
            var onlyValues = parsed.GetValue(values);
            if (onlyValues)
            {
                Whole.Require(left);
                Whole.Require(right);
            }
            var found = onlyValues ? differences.OfValues(left, right) : differences.OfAll(left, right);
            if (parsed.GetValue(json))
                screen.Line(Shown.Json(found));
            else if (found.Count == 0)
                screen.Line("no difference");
            else
                screen.Table(Titles, found.Select(Row), numbers: 1);
            return found.Count == 0 ? ExitCode.Fine : ExitCode.Found;
        });
        return command;
    }

    private static string[] Row(Difference difference) =>
        [
            difference.Tensor,
            difference.What,
            difference.A,
            difference.B,
            difference.Largest is { } largest ? Shown.Number(largest) : "",
        ];

    private static double NotNegative(ArgumentResult result)
    {
        if (double.TryParse(result.Tokens[0].Value, CultureInfo.InvariantCulture, out var number) && number >= 0)
            return number;
        result.AddError($"--tolerance takes a number from 0 on, not {result.Tokens[0].Value}.");
        return 0;
    }
}
