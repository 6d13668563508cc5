using System.CommandLine;
using Parametrize.CSharp;
using Parametrize.Tool.Files;
using Parametrize.Tool.Report;

namespace Parametrize.Tool.Commands;

/// <summary>What a file has.</summary>
internal static class InspectCommand
{
    private static readonly string[] Titles = ["tensor", "value", "shape", "dtype", "membership"];

    public static Command Make(Screen screen)
    {
        var file = Arguments.File("FILE", "A safetensors file, or the folder of a PEFT adapter.");
        var (json, maps) = (Arguments.Json(), Arguments.Maps());
        var command = new Command(
            "inspect",
            "Lists the tensors of a file: the value from which each is computed, its shape, and whether it is in the space of the value."
        )
        {
            file,
            maps,
            json,
        };
        command.SetAction(parsed =>
        {
            var path = parsed.GetRequiredValue(file);
            using var model = Input.Load(path, Arguments.Read(parsed, maps));
            var (findings, adapter) = (
                model.Tensors.Select(tensor => new Finding(tensor)).ToList(),
                Input.AdapterOf(path)
            );
            if (parsed.GetValue(json))
                screen.Line(Shown.Json(Described(path, model, findings, adapter)));
            else
                Print(screen, path, model, findings, adapter);
            return findings.Exists(finding => finding.Problem is not null) ? ExitCode.Found : ExitCode.Fine;
        });
        return command;
    }

    private static void Print(Screen screen, string path, SavedModel model, List<Finding> findings, LoraConfig? adapter)
    {
        var computed = findings.Count(finding => finding.IsParametrized);
        screen.Line($"{path}: {Shown.Count(findings.Count, "tensor")}, {computed} parametrized");
        if (adapter is not null)
            screen.Line(Summary(adapter));
        foreach (var (name, text) in model.Metadata)
            screen.Line($"{name}: {text}");
        screen.Table(
            Titles,
            [
                .. findings.Select(finding =>
                    new[]
                    {
                        finding.Name,
                        Shown.Code(finding.Code),
                        finding.Shape is null ? "" : Shown.Shape(finding.Shape),
                        $"{finding.Dtype}",
                        finding.Membership,
                    }
                ),
                .. model.Unread.Select(pair => new[] { pair.Key, "", "", pair.Value, "not read" }),
            ]
        );
        foreach (var problem in findings.Select(finding => finding.Problem).OfType<string>())
            screen.Line(problem);
    }

    private static string Summary(LoraConfig adapter)
    {
        var kind = (adapter.UseRankStabilized ? "rank-stabilized " : "") + (adapter.UseDora ? "DoRA" : "LoRA");
        return $"adapter of PEFT: {kind}, rank {adapter.Rank}, alpha {adapter.Alpha}, on {string.Join(", ", adapter.TargetModules)}"
            + (adapter.RankPattern.Count + adapter.AlphaPattern.Count > 0 ? ", others by patterns" : "")
            + (adapter.ModulesToSave.Count > 0 ? $"; whole: {string.Join(", ", adapter.ModulesToSave)}" : "");
    }

    private static object Described(string path, SavedModel model, List<Finding> findings, LoraConfig? adapter) =>
        new
        {
            File = path,
            model.Metadata,
            Adapter = adapter,
            Tensors = findings.Select(finding => new
            {
                finding.Name,
                Value = finding.Code,
                finding.Shape,
                Dtype = finding.Dtype?.ToString(),
                finding.Membership,
                finding.Distance,
                finding.NotFinite,
                finding.Problem,
                finding.Keys,
            }),
            model.Unread,
        };
}
