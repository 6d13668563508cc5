using System.CommandLine;

namespace Samples.CommandLine;

/// <summary>Options that several programs have.</summary>
public static class Choices
{
    public static Option<int> WholeNumber(string name, string description, int byDefault, int least = 1) =>
        new(name)
        {
            Description = description,
            HelpName = "number",
            DefaultValueFactory = _ => byDefault,
            CustomParser = result =>
            {
                if (int.TryParse(result.Tokens[0].Value, out var number) && number >= least)
                    return number;
                result.AddError($"{name} takes a whole number from {least} on, not '{result.Tokens[0].Value}'.");
                return byDefault;
            },
        };

    public static Option<int> Seed(string draws) => WholeNumber("--seed", $"Draws {draws}.", 1, least: 0);

    /// <summary>A folder, which need not exist.</summary>
    public static Option<DirectoryInfo> Output(string contents, string byDefault)
    {
        var output = new Option<DirectoryInfo>("--output")
        {
            Description = $"The folder for {contents}.",
            HelpName = "folder",
            DefaultValueFactory = _ => new DirectoryInfo(byDefault),
        };
        output.Validators.Add(result =>
        {
            if (File.Exists(result.GetValueOrDefault<DirectoryInfo>()?.FullName))
                result.AddError("--output names a file; it takes a folder.");
        });
        return output;
    }
}
