using System.CommandLine;

namespace Parametrize.Tool;

/// <summary>Arguments that several verbs have.</summary>
internal static class Arguments
{
    public static Argument<string> File(string name, string description) => new(name) { Description = description };

    public static Option<string> Output() =>
        new("--output", "-o")
        {
            Description = "The file to write.",
            Required = true,
            HelpName = "OUT",
        };

    public static Option<bool> Force() => new("--force") { Description = "Replace the output if it is there already." };

    public static Option<bool> Json() => new("--json") { Description = "Print JSON." };

    /// <summary>For files that do not say it, as those of PyTorch.</summary>
    public static Option<string[]> Maps() =>
        new("--parametrization", "-p")
        {
            Description =
                "How tensors are computed of which the file does not say it: fc.weight=cayley, or a pattern with * and ? in place "
                + "of the name. Can be given several times.",
            HelpName = "NAME=CODE",
        };

    /// <summary>The values of that option.</summary>
    public static Dictionary<string, Parametrization> Read(ParseResult parsed, Option<string[]> maps)
    {
        var read = new Dictionary<string, Parametrization>();
        foreach (var map in parsed.GetValue(maps) ?? [])
        {
            if (map.Split('=', 2) is not [{ Length: > 0 } name, var code])
                throw ToolException.Unusable(
                    $"--parametrization takes NAME=CODE, such as fc.weight=cayley, not {map}."
                );
            if (!read.TryAdd(name, Code(code)))
                throw ToolException.Unusable($"--parametrization names {name} twice.");
        }
        return read;
    }

    /// <summary>A value of the library, as it prints.</summary>
    public static Parametrization Code(string text)
    {
        try
        {
            return CSharp.Parametrizations.Parse(text);
        }
        catch (FormatException error)
        {
            throw ToolException.Unusable($"'{text}' cannot be read as a value. {error.Message}");
        }
    }
}
