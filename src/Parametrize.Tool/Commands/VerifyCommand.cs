using System.CommandLine;
using Parametrize.Tool.Files;
using Parametrize.Tool.Report;

namespace Parametrize.Tool.Commands;

/// <summary>Whether a file is what it says.</summary>
internal static class VerifyCommand
{
    public static Command Make(Screen screen)
    {
        var file = Arguments.File("FILE", "A safetensors file.");
        var maps = Arguments.Maps();
        var command = new Command(
            "verify",
            "Computes every parametrized tensor: it has to be in the space of its value, and all numbers have to be finite. Exit code 1 if not."
        )
        {
            file,
            maps,
        };
        command.SetAction(parsed =>
        {
            var path = parsed.GetRequiredValue(file);
            using var model = Input.Load(path, Arguments.Read(parsed, maps));
            var findings = model.Tensors.Select(tensor => new Finding(tensor)).ToList();
            string[] faults =
            [
                .. findings.Select(finding => finding.Fault).OfType<string>(),
                .. model.Unread.Select(pair =>
                    $"{pair.Key}: TorchSharp has no element type for {pair.Value}, so it was not read."
                ),
            ];
            foreach (var fault in faults)
                screen.Line(fault);
            foreach (var untold in findings.Where(finding => finding.IsUntold))
                screen.Line(
                    $"{untold.Name}: finite, but {Shown.Code(untold.Code)} cannot tell which tensors are in its space."
                );
            foreach (var behind in findings.Where(finding => finding.IsBehind))
                screen.Line(
                    $"{behind.Name}: {behind.Membership}, since the singular vectors of {Shown.Code(behind.Code)} were behind when it was saved. `Refresh()` before saving takes them there."
                );
            var computed = findings.Count(finding => finding.IsParametrized);
            screen.Line(
                $"{path}: {Shown.Count(findings.Count, "tensor")}, {computed} parametrized, "
                    + (faults.Length == 0 ? "nothing wrong" : $"wrong: {faults.Length}")
            );
            return faults.Length == 0 ? ExitCode.Fine : ExitCode.Found;
        });
        return command;
    }
}
