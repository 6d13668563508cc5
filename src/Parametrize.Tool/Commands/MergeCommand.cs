using System.CommandLine;
using Parametrize.Tool.Files;
using Parametrize.Tool.Report;

namespace Parametrize.Tool.Commands;

/// <summary>An adapter in the weights for which it was trained.</summary>
internal static class MergeCommand
{
    private static readonly string[] Titles = ["weight", "adapter", "largest entry", "rounding error"];

    public static Command Make(Screen screen)
    {
        var file = Arguments.File("BASE", "A safetensors file with the weights for which the adapter was trained.");
        var adapter = Arguments.File(
            "ADAPTER",
            "The folder of a PEFT adapter (LoRA, rsLoRA, DoRA), or the tensors in it."
        );
        var (output, force) = (Arguments.Output(), Arguments.Force());
        var command = new Command(
            "merge",
            "Writes the weights with the adapter in them, and prints what rounding to their element type has cost."
        )
        {
            file,
            adapter,
            output,
            force,
        };
        command.SetAction(parsed =>
        {
            var target = Output.Free(parsed, output, force);
            using var scope = TorchSharp.torch.NewDisposeScope();
            var merge = new Merge(parsed.GetRequiredValue(file), parsed.GetRequiredValue(adapter));
            merge.Save(target);
            screen.Table(
                Titles,
                merge.Merged.Select(tensor =>
                    new[]
                    {
                        tensor.Name,
                        tensor.Parametrization.Code,
                        Shown.Number(tensor.LargestEntry),
                        Shown.Number(tensor.LargestError),
                    }
                ),
                numbers: 2
            );
            foreach (var name in merge.Replaced)
                screen.Line($"{name}: replaced by that of the adapter");
            screen.Line($"{target}: {Shown.Count(merge.Merged.Count, "adapter")} merged");
            return ExitCode.Fine;
        });
        return command;
    }
}
