using System.CommandLine;
using System.CommandLine.Invocation;
using Digits.Model;
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
        var epochs = WholeNumber("--epochs", "How often each training image is seen.", 40);
        var hidden = WholeNumber("--hidden", "The size of the hidden state, and so of the kernel.", 128);
        var seed = WholeNumber("--seed", "Draws the initial weights and the minibatches.", 1, least: 0);
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
        var output = new Option<DirectoryInfo>("--output")
        {
            Description = "The folder for the learning curves.",
            DefaultValueFactory = _ => new DirectoryInfo("digits-output"),
        };
        var check = new Option<bool>("--check")
        {
            Description = "Exit with 1 if an orthogonal kernel misses its goals.",
        };
        output.Validators.Add(result =>
        {
            if (File.Exists(result.GetValueOrDefault<DirectoryInfo>()?.FullName))
                result.AddError("--output names a file; it takes a folder.");
        });
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

        var result = command.Parse(arguments);
        if (result.Action is ParseErrorAction error)
            error.ShowHelp = false;
        return result.Invoke();
    }

    private static Option<int> WholeNumber(string name, string description, int byDefault, int least = 1) =>
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

    private static IReadOnlyList<KernelMap> MapsNamed(string name) =>
        IsSame(name, AllMaps) ? KernelMap.All : [.. KernelMap.All.Where(map => IsSame(name, map.Name))];

    private static torch.Device DeviceNamed(string name) =>
        name is Cuda || (name is Auto && torch.cuda.is_available()) ? torch.CUDA : torch.CPU;

    private static bool IsSame(string typed, string name) => typed.Equals(name, StringComparison.OrdinalIgnoreCase);
}
