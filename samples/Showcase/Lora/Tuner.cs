using Parametrize.CSharp;
using Samples.Data;
using Samples.Training;
using Showcase.Experiments;
using Showcase.Nets;
using static TorchSharp.torch;

namespace Showcase.Lora;

/// <summary>Trains the base model, and tunes copies of it.</summary>
internal sealed class Tuner : IDisposable
{
    private const int FewImages = 400;

    private readonly DigitsData _data;
    private readonly Setting _setting;
    private readonly LabelledImages _few;
    private readonly LabelledImages _shiftedTest;
    private readonly string _folder = Directory.CreateTempSubdirectory("lora").FullName;

    public Tuner(DigitsData data, Setting setting)
    {
        (_data, _setting) = (data, setting);
        using var first = arange(FewImages, dtype: ScalarType.Int64);
        using var few = data.Train.At(first);
        (_few, _shiftedTest) = (ShiftedTask.Of(few), ShiftedTask.Of(data.Test));
    }

    public static LoraConfig Config { get; } =
        new()
        {
            Rank = 4,
            Alpha = 8,
            TargetModules = ["query", "key", "value", "output", "up", "down", "embedding"],
        };

    public DigitsTransformer TrainBase(SideBySide.Report report)
    {
        var model = SideBySide.Draw(_setting.Seed, () => new DigitsTransformer());
        Train(model, _data.Train, _data.Test, _setting.Choose(40, 1), 2e-3, report);
        return model;
    }

    /// <param name="name">How it is called.</param>
    /// <param name="model">The trained one, which stays as it is.</param>
    /// <param name="config">The adapters; null for all weights.</param>
    /// <param name="report">Shows how far it is.</param>
    public Tuning Tune(string name, DigitsTransformer model, LoraConfig? config, SideBySide.Report report)
    {
        using var tuned = CopyOf(model);
        if (config is not null)
            tuned.get_peft_model(config);
        var epochs = _setting.Choose(60, 1);
        var accuracies = Train(tuned, _few, _shiftedTest, epochs, config is null ? 2e-3 : 1e-2, report);

        var file = Path.Combine(_folder, "adapter_model.safetensors");
        if (config is null)
            Safetensors.Save(file = Path.Combine(_folder, "model.safetensors"), tuned);
        else
            peft.save_pretrained(tuned, _folder, config);
        return Measured(name, tuned, new FileInfo(file).Length, accuracies);
    }

    public Tuning Untuned(DigitsTransformer model) => Measured("none", model, 0, []) with { Trained = 0 };

    /// <summary>Puts the saved adapter on another copy of the trained model, and merges it.</summary>
    public Deployment Deploy(DigitsTransformer model)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var deployed = CopyOf(model);
        peft.load_adapter(deployed, _folder);
        var adapted = deployed.call(_shiftedTest.Pixels);
        using var merged = peft.merge_adapter(deployed);
        return new(
            merged.Tensors.Max(tensor => tensor.LargestError),
            (deployed.call(_shiftedTest.Pixels) - adapted).abs().max().item<float>()
        );
    }

    public void Dispose()
    {
        _few.Dispose();
        _shiftedTest.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private Tuning Measured(string name, DigitsTransformer model, long bytes, IReadOnlyList<double> accuracies) =>
        new(
            name,
            model.parameters().Where(parameter => parameter.requires_grad).Sum(parameter => parameter.numel()),
            bytes,
            Classification.Accuracy(model, _shiftedTest),
            Classification.Accuracy(model, _data.Test),
            accuracies
        );

    /// <returns>The accuracy after each epoch.</returns>
    private List<double> Train(
        DigitsTransformer model,
        LabelledImages train,
        LabelledImages test,
        int epochs,
        double learningRate,
        SideBySide.Report report
    )
    {
        var accuracies = new List<double>();
        new Training(epochs, learningRate, _setting.Seed).Run(
            model,
            train,
            (epoch, _) =>
            {
                accuracies.Add(Classification.Accuracy(model, test));
                report(epoch, epochs, $"accuracy {accuracies[^1]:0.0%}");
            }
        );
        return accuracies;
    }

    private static DigitsTransformer CopyOf(DigitsTransformer model)
    {
        var copy = SideBySide.Draw(0, () => new DigitsTransformer());
        copy.load_state_dict(model.state_dict());
        return copy;
    }
}
