using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Parametrize.CSharp.Registration;
using Parametrize.CSharp.State;

namespace Parametrize.CSharp.Adapters;

/// <summary>PEFT's folder of an adapter: its configuration, and its tensors under `base_model.model.MODULE.lora_A.weight`.</summary>
internal static class AdapterFiles
{
    public const string TensorsName = "adapter_model.safetensors";
    public const string Prefix = "base_model.model.";

    public static void Write(nn.Module model, string folder, LoraConfig wishes)
    {
        var modules = ModelTree.Modules(model).ToDictionary(entry => entry.Name, entry => entry.Module);
        AdapterTargets.RequireAll(model, nameof(wishes.ModulesToSave), wishes.ModulesToSave, modules.Keys);
        var found = Adapters(model, modules);
        var config = Described(found, wishes);
        if (SharedWeights.Fault(model, [.. found.Select(entry => entry.Layer.WeightName)], config) is { } fault)
            throw new NotSupportedException($"{fault} PEFT's files do not hold such an adapter; a state_dict does.");
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var tensors = new Dictionary<string, Tensor>();
        foreach (var (layer, tensor, _) in found)
        foreach (var (key, written) in layer.Written(tensor.Originals))
            tensors[$"{Prefix}{ModelTree.Join(layer.Name, key)}"] = written;
        foreach (var (name, own) in SavedWhole(modules, config))
            tensors[$"{Prefix}{name}"] = own;

        Directory.CreateDirectory(folder);
        var text = AdapterConfigFile.Text(config, Targets(config, modules.Keys));
        WholeFile.Write(
            Path.Combine(folder, AdapterConfigFile.Name),
            stream =>
            {
                stream.Write(System.Text.Encoding.UTF8.GetBytes(text));
                // Before the configuration gets its name: tensors never stand beside another one's configuration.
                Safetensors.Save(
                    Path.Combine(folder, TensorsName),
                    tensors,
                    new Dictionary<string, string> { ["format"] = "pt" }
                );
            }
        );
    }

    /// <summary>The parameters and buffers of the modules that are saved as a whole.</summary>
    public static IEnumerable<(string Name, Tensor Tensor)> SavedWhole(
        IReadOnlyDictionary<string, nn.Module> modules,
        LoraConfig config
    )
    {
        foreach (var (name, module) in modules.Where(pair => AdapterTargets.IsSavedWhole(config, pair.Key)))
        {
            if (ModelTree.Tensors(module) is [var (inside, _), ..])
                throw new NotSupportedException(
                    $"'{name}' is to be saved whole, but {ModelTree.Join(name, inside)} in it is parametrized, which PEFT's files do not "
                        + "hold. Remove that parametrization, or save the model's state_dict."
                );
            foreach (var own in ModelTree.TensorsOf(module))
                yield return (ModelTree.Join(name, own.Name), own.Tensor);
        }
    }

    private static List<(AdapterLayer Layer, ParametrizedTensor Tensor, LowRankAdapter Adapter)> Adapters(
        nn.Module model,
        IReadOnlyDictionary<string, nn.Module> modules
    )
    {
        var found = new List<(AdapterLayer, ParametrizedTensor, LowRankAdapter)>();
        foreach (var (name, tensor) in AdapterTargets.AdaptersIn(ModelTree.CurrentTensors(model)))
        {
            var module = name.LastIndexOf('.') is var dot and >= 0 ? name[..dot] : "";
            var layer = modules.TryGetValue(module, out var owner) ? new AdapterLayer(module, owner) : null;
            var adapter = Adapter.tryLowRank(tensor.Parametrization)?.Value;
            var reason =
                layer?.WeightName != name ? "is not the weight of a module"
                : layer.WhyUnsuited is { } unsuited ? $"is of a module that {unsuited}"
                : adapter is null ? $"is {tensor.Code}"
                : adapter.MagnitudeDimension is { Value: var dimension } && dimension != layer.MagnitudeDimension
                    ? $"is {tensor.Code}, whose norms are of another dimension than PEFT's"
                : null;
            if (reason is not null)
                throw new NotSupportedException(
                    $"{name} {reason}, which PEFT's files of low-rank adapters do not hold. Save the model's state_dict."
                );
            found.Add((layer!, tensor, adapter!));
        }
        return found.Count > 0
            ? found
            : throw new InvalidOperationException($"{model.Title()} has no adapter: call get_peft_model first.");
    }

    /// <summary>The configuration that describes these adapters: the commonest rank and alpha, and patterns for others.</summary>
    private static LoraConfig Described(
        IReadOnlyList<(AdapterLayer Layer, ParametrizedTensor Tensor, LowRankAdapter Adapter)> found,
        LoraConfig wishes
    )
    {
        var rank = Commonest(found.Select(entry => entry.Adapter.Rank));
        var alpha = Commonest(found.Select(entry => entry.Adapter.Alpha));
        bool Uniform(Func<LowRankAdapter, bool> what) =>
            found.Select(entry => what(entry.Adapter)).Distinct().ToList() is [var only]
                ? only
                : throw new NotSupportedException(
                    $"{found[0].Layer.WeightName} and others have adapters of several kinds, but PEFT's files hold one kind. Save the "
                        + "model's state_dict."
                );
        return wishes with
        {
            Rank = rank,
            Alpha = alpha,
            TargetModules = [.. found.Select(entry => entry.Layer.Name)],
            UseRankStabilized = Uniform(adapter => adapter.IsStabilized),
            UseDora = Uniform(adapter => adapter.MagnitudeDimension is not null),
            RankPattern = found
                .Where(entry => entry.Adapter.Rank != rank)
                .ToDictionary(entry => Whole(entry.Layer.Name), entry => entry.Adapter.Rank),
            AlphaPattern = found
                .Where(entry => entry.Adapter.Alpha != alpha)
                .ToDictionary(entry => Whole(entry.Layer.Name), entry => entry.Adapter.Alpha),
        };
    }

    private static T Commonest<T>(IEnumerable<T> values) =>
        values.GroupBy(value => value).MaxBy(group => group.Count())!.Key;

    /// <summary>
    /// Names by which PEFT finds exactly these modules: a list, or a pattern when the end of another module's name would match a
    /// name of the list.
    /// </summary>
    private static JsonNode Targets(LoraConfig config, IEnumerable<string> modules) =>
        modules.All(module =>
            config.TargetModules.Contains(module) || !AdapterTargets.IsNamed(config.TargetModules, module)
        )
            ? AdapterConfigFile.Shown(config.TargetModules)
            : JsonValue.Create(string.Join('|', config.TargetModules.Select(Regex.Escape)));

    /// <summary>A pattern that matches this name, but no longer name that ends with it.</summary>
    private static string Whole(string name) => $"^{Regex.Escape(name)}";
}
