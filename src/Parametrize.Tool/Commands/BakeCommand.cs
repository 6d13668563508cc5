using System.CommandLine;
using Parametrize.CSharp;
using Parametrize.Tool.Files;
using Parametrize.Tool.Report;

namespace Parametrize.Tool.Commands;

/// <summary>Plain weights under their plain names.</summary>
internal static class BakeCommand
{
    public static Command Make(Screen screen)
    {
        var file = Arguments.File("FILE", "A safetensors file.");
        var (output, force, maps) = (Arguments.Output(), Arguments.Force(), Arguments.Maps());
        var command = new Command(
            "bake",
            "Writes what the parametrized tensors are, under their plain names, for a model without parametrizations. All else is kept."
        )
        {
            file,
            output,
            force,
            maps,
        };
        command.SetAction(parsed =>
        {
            var target = Output.Free(parsed, output, force);
            using var model = Input.Load(parsed.GetRequiredValue(file), Arguments.Read(parsed, maps));
            Whole.Require(model);
            using var scope = TorchSharp.torch.NewDisposeScope();
            var baked = model.baked_state_dict();
            Safetensors.Save(target, baked, model.Metadata);
            var computed = model.Tensors.Count(tensor => tensor.Parametrized is not null);
            screen.Line($"{target}: {Shown.Count(baked.Count, "tensor")}, {computed} computed");
            return ExitCode.Fine;
        });
        return command;
    }
}
