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
            var findings = model.Tensors.Select(one => new Finding(one)).ToList();
            string[] faults =
            [
                .. findings.Select(one => one.Fault).OfType<string>(),
                .. model.Unread.Select(one =>
                    $"{one.Key}: TorchSharp has no element type for {one.Value}, so it was not read."
                ),
            ];
            foreach (var fault in faults)
                screen.Line(fault);
            foreach (var one in findings.Where(one => one.IsUntold))
                screen.Line(
                    $"{one.Name}: finite, but {Shown.Code(one.Code)} cannot tell which tensors are in its space."
                );
            foreach (var one in findings.Where(one => one.IsBehind))
                screen.Line(
                    $"{one.Name}: {one.Membership}, since the singular vectors of {Shown.Code(one.Code)} were behind when it was saved. `Refresh()` before saving takes them there."
                );
            var computed = findings.Count(one => one.IsParametrized);
            screen.Line(
                $"{path}: {Shown.Count(findings.Count, "tensor")}, {computed} parametrized, "
                    + (faults.Length == 0 ? "nothing wrong" : $"wrong: {faults.Length}")
            );
            return faults.Length == 0 ? ExitCode.Fine : ExitCode.Found;
        });
        return command;
    }
}
