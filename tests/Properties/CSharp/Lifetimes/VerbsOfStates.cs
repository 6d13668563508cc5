using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Adapters;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static Properties.CSharp.Lifetimes.VerbsOfModules;
using static TorchSharp.torch;

namespace Properties.CSharp.Lifetimes;

/// <summary>Whatever is done with states, files and averages of a model, again and again.</summary>
internal static class VerbsOfStates
{
    private static readonly Tensor Broken = full([4, 4], double.NaN, dtype: float32);

    /// <summary>Each makes what it needs once, and yields what is done again and again.</summary>
    public static readonly Dictionary<string, Func<Action>> All = new()
    {
        ["baked_state_dict"] = () =>
        {
            var model = Model();
            return () => Free(model.baked_state_dict());
        },
        ["load"] = () => Loading(_ => { }),
        ["load of plain tensors"] = () => Loading(_ => { }, isBaked: true),
        ["load with projection"] = () => Loading(_ => { }, isBaked: true, WhenNotAllowed.Project),
        ["load that lacks a key"] = () => Loading(state => state.Remove("turn.bias"), refuses: true),
        ["load of NaN"] = () =>
            Loading(state => state["normed.parametrizations.weight.original0"] = Broken, refuses: true),
        ["load of what is not allowed"] = () =>
            Loading(state => state["turn.weight"] = Broken, isBaked: true, refuses: true),
        ["save and load a file"] = () => InFolder(path => Free(Safetensors.Load(path))),
        ["open a saved model"] = () => InFolder(path => SavedModel.Load(path).Dispose()),
        ["open, bake and save a saved model"] = () =>
            InFolder(path =>
            {
                using var saved = SavedModel.Load(path);
                Free(saved.baked_state_dict());
                saved.Save(path);
            }),
        ["convert a saved model"] = () =>
            InFolder(path =>
            {
                using var saved = SavedModel.Load(path);
                saved.Convert("turn.weight", Parametrizations.Identity);
                Assert.ThrowsAny<Exception>(() => saved.Convert("turn.weight", Parametrizations.Positive));
            }),
        ["open a saved model with a map of no tensor"] = () =>
            InFolder(path =>
                Assert.Throws<ArgumentException>(() =>
                    SavedModel.Load(path, new Dictionary<string, Parametrization> { ["none"] = Parametrizations.Skew })
                )
            ),
        ["average of values"] = () => Averaging(AverageOf.Values, float32),
        ["average of originals"] = () => Averaging(AverageOf.Originals, float32),
        ["pytorch_state_dict"] = () =>
        {
            var model = Model();
            return () => Free(model.pytorch_state_dict());
        },
        ["average of values, finer"] = () => Averaging(AverageOf.Values, float64),
        ["average of originals, finer"] = () => Averaging(AverageOf.Originals, float64),
        ["average of NaN"] = () => Averaging(AverageOf.Originals, float32, refuses: true),
    };

    private static Action Loading(
        Action<Dictionary<string, Tensor>> change,
        bool isBaked = false,
        WhenNotAllowed whenNotAllowed = WhenNotAllowed.Refuse,
        bool refuses = false
    )
    {
        var model = Model();
        var state = isBaked
            ? model.baked_state_dict()
            : model.state_dict().ToDictionary(entry => entry.Key, entry => entry.Value.detach().clone());
        change(state);
        return () =>
        {
            if (refuses)
                Assert.Throws<StateDictException>(() => model.load_parametrized_state_dict(state));
            else
                model.load_parametrized_state_dict(state, whenNotAllowed: whenNotAllowed);
        };
    }

    private static Action InFolder(Action<string> act)
    {
        var (folder, model) = (new Folder(), Model());
        var path = Path.Combine(folder.Path, "model.safetensors");
        return () =>
        {
            Safetensors.Save(path, model);
            act(path);
        };
    }

    private static Action Averaging(AverageOf averageOf, ScalarType dtype, bool refuses = false)
    {
        var (model, other) = (Model(), Model());
        other.to(dtype);
        var average = new AveragedModel<Sequential>(other, 0.5, averageOf);
        average.update_parameters(model);
        if (refuses)
            using (no_grad())
                model.parametrization("turn.weight").Original.fill_(double.NaN);
        return () =>
        {
            if (refuses)
                Assert.Throws<ParametrizationException>(() => average.update_parameters(model));
            else
                average.update_parameters(model);
        };
    }

    private static void Free(Dictionary<string, Tensor> tensors)
    {
        foreach (var tensor in tensors.Values)
            tensor.Dispose();
    }
}
