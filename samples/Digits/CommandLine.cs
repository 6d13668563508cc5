using System.CommandLine;
using Digits.Model;
using Samples.CommandLine;
using TorchSharp;

namespace Digits;

/// <summary>Reads the options; what cannot be understood is an error.</summary>
public static class CommandLine
{
    private const string AllMaps = "all";
    private const string Auto = "auto";
    private const string Cpu = "cpu";
    private const string Cuda = "cuda";

    /// <summary>Calls the program with the options, or prints what is wrong with them.</summary>
    /// <returns>The exit code.</returns>
    public static int Run(string[] arguments, Func<Options, int> program)
    {
        var epochs = Choices.WholeNumber("--epochs", "How often each training image is seen.", 40);
        var hidden = Choices.WholeNumber("--hidden", "The size of the hidden state, and so of the kernel.", 128);
        var seed = Choices.Seed("the initial weights and the minibatches");
        var map = new Option<string>("--map")
        {
            Description = "How the kernel is kept orthogonal.",
            DefaultValueFactory = _ => AllMaps,
        }.AcceptOnlyFromAmong(StringComparer.OrdinalIgnoreCase, [.. KernelMap.All.Select(map => map.Name), AllMaps]);
        var device = new Option<string>("--device")
        {
            Description = "Where to compute; auto takes CUDA if there is one.",
            DefaultValueFactory = _ => Auto,
        }.AcceptOnlyFromAmong(Auto, Cpu, Cuda);
        var output = Choices.Output("the learning curves", "digits-output");
        var check = new Option<bool>("--check")
        {
            Description = "Exit with 1 if an orthogonal kernel misses its goals.",
        };
        device.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<string>() == Cuda && !torch.cuda.is_available())
                result.AddError("There is no CUDA device that TorchSharp can use; --device cpu works everywhere.");
        });

        var command = new RootCommand("Trains recurrent networks with orthogonal kernels to read handwritten digits.")
        {
            epochs,
            hidden,
            map,
            device,
            seed,
            output,
            check,
        };
        command.SetAction(parsed =>
            program(
                new(
                    parsed.GetValue(epochs),
                    parsed.GetValue(hidden),
                    MapsNamed(parsed.GetValue(map)!),
                    DeviceNamed(parsed.GetValue(device)!),
                    parsed.GetValue(seed),
                    parsed.GetValue(output)!,
                    parsed.GetValue(check)
                )
            )
        );

        return command.RunWith(arguments);
    }

    private static IReadOnlyList<KernelMap> MapsNamed(string name) =>
        IsSame(name, AllMaps) ? KernelMap.All : [.. KernelMap.All.Where(map => IsSame(name, map.Name))];

    private static torch.Device DeviceNamed(string name) =>
        name is Cuda || (name is Auto && torch.cuda.is_available()) ? torch.CUDA : torch.CPU;

    private static bool IsSame(string typed, string name) => typed.Equals(name, StringComparison.OrdinalIgnoreCase);
}
