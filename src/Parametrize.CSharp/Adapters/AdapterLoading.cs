using Parametrize.CSharp.Models;
using Parametrize.CSharp.Registration;
using Parametrize.CSharp.Threads;

namespace Parametrize.CSharp.Adapters;

/// <summary>An adapter read from a folder and checked against a model, before anything of the model changes.</summary>
internal sealed class AdapterLoading : IDisposable
{
    private readonly nn.Module _model;
    private readonly LoadedTensors _file;
    private readonly List<(AdapterLayer Layer, Parametrization Value, Tensor[] Originals)> _adapters = [];
    private readonly List<(Tensor Own, Tensor Loaded)> _whole = [];

    /// <summary>Reads the folder. Throws InvalidDataException where it does not fit the model.</summary>
    public AdapterLoading(nn.Module model, string folder)
    {
        _model = model;
        Config = LoraConfig.from_pretrained(folder);
        var path = Path.Combine(folder, AdapterFiles.TensorsName);
        if (!File.Exists(path) && File.Exists(Path.Combine(folder, "adapter_model.bin")))
            throw new NotSupportedException(
                $"{folder} has adapter_model.bin, which is pickled: save it with PEFT's safe_serialization=True."
            );
        _file = Safetensors.Load(path);
        try
        {
            Sort(path);
        }
        // Numbers and patterns of the configuration that no value takes.
        catch (ArgumentException error)
        {
            Dispose();
            throw new InvalidDataException($"{folder} does not fit {model.Title()}: {error.Message}", error);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public LoraConfig Config { get; }

    /// <summary>Registers the adapters that the model does not have yet, and writes the numbers.</summary>
    /// <returns>The names of the adapted weights.</returns>
    public IReadOnlyList<string> Commit(bool isTrained)
    {
        // Pending assignments are earlier than the load. One that is refused throws before anything changes.
        ModelTree.CurrentTensors(_model);
        ManyRegistrations.Register(
            _model,
            _adapters
                .Where(adapter => Present(adapter.Layer) is null)
                .Select(adapter => KeyValuePair.Create(adapter.Layer.WeightName, adapter.Value)),
            WhenNotAllowed.Project
        );
        // New adapters change nothing until their numbers are written. Passes of other threads see all numbers or none.
        using var alone = TensorAccess.WritingAll(() =>
            [.. _adapters.SelectMany(adapter => TensorPath.Resolve(_model, adapter.Layer.WeightName).Accesses)]
        );
        using var _ = no_grad();
        foreach (var (layer, _, originals) in _adapters)
        {
            var tensor = _model.parametrization(layer.WeightName);
            var parts = tensor.CurrentParts();
            tensor.Write(Core.ofTensorsOfShape(parts.Shape, originals, parts.Buffers, tensor.Parametrization));
            foreach (var own in tensor.Inputs)
                own.requires_grad = isTrained;
        }
        foreach (var (own, loaded) in _whole)
            own.copy_(loaded);
        return [.. _adapters.Select(adapter => adapter.Layer.WeightName)];
    }

    public void Dispose()
    {
        foreach (var tensor in _file.Values.Concat(_adapters.SelectMany(adapter => adapter.Originals)))
            tensor.Dispose();
    }

    private static string Listed(IReadOnlyCollection<string> names) =>
        string.Join(", ", names.Take(4)) + (names.Count > 4 ? $" and {names.Count - 4} more" : "");

    private static bool IsBias(string name) => name.EndsWith(".bias", StringComparison.Ordinal);

    private ParametrizedTensor? Present(AdapterLayer layer) => TensorPath.Find(_model, layer.WeightName);

    /// <summary>Finds the adapter or the module to which each tensor of the file belongs.</summary>
    private void Sort(string path)
    {
        var modules = ModelTree
            .Modules(_model, registering: true)
            .ToDictionary(entry => entry.Name, entry => entry.Module);
        var left = new Dictionary<string, string>();
        foreach (var key in _file.Keys)
        {
            var name = key.StartsWith(AdapterFiles.Prefix, StringComparison.Ordinal)
                ? key[AdapterFiles.Prefix.Length..]
                : key;
            if (!left.TryAdd(name, key))
                throw new InvalidDataException($"{path} has {name} twice: as {left[name]} and as {key}.");
        }
        foreach (var (name, module) in modules)
        {
            var layer = new AdapterLayer(name, module);
            if (!left.ContainsKey(ModelTree.Join(name, layer.A)))
                continue;
            if (layer.WhyUnsuited is { } reason)
                throw new InvalidDataException($"{path} has an adapter for '{name}', which {reason}.");
            Add(path, layer, left);
        }
        AddWhole(path, modules, left);
        if (left.Count > 0)
            throw new InvalidDataException(
                $"{path} has {Listed(left.Values)}, for which "
                    + $"{_model.Title()} has no place{(left.Keys.Any(IsBias) ? ": trained biases (bias = \"all\" or \"lora_only\") are not read" : "")}."
            );
        if (_adapters.Count == 0)
            throw new InvalidDataException($"{path} has no adapter.");
        if (
            SharedWeights.Fault(_model, [.. _adapters.Select(adapter => adapter.Layer.WeightName)], Config) is { } fault
        )
            throw new NotSupportedException(fault);
        RequireTargets(path, modules);
        RequireNoOther(path);
    }

    /// <summary>Throws unless the file has adapters for exactly the modules that the configuration names.</summary>
    private void RequireTargets(string path, IReadOnlyDictionary<string, nn.Module> modules)
    {
        var targets = Config.TargetModules.ToHashSet();
        var met = new HashSet<string>();
        foreach (var (layer, _, _) in _adapters)
        {
            var own = AdapterTargets.TargetsFor(layer.Name, modules[layer.Name], targets).ToList();
            if (targets.Count > 0 && own.Count == 0)
                throw new InvalidDataException(
                    $"{path} has an adapter for '{layer.Name}', which is not among the target_modules of its configuration: "
                        + $"{string.Join(", ", Config.TargetModules)}."
                );
            met.UnionWith(own);
        }
        if (Config.TargetModules.FirstOrDefault(target => !met.Contains(target)) is { } unmet)
            throw new InvalidDataException(
                $"{path} has no adapter for '{unmet}', which is among the target_modules of its configuration."
            );
    }

    /// <summary>Throws when the model has an adapter for which the folder has none: it would compute with both.</summary>
    private void RequireNoOther(string path)
    {
        var loaded = _adapters.Select(adapter => Present(adapter.Layer)).ToHashSet();
        var other = AdapterTargets
            .AdaptersIn(ModelTree.Tensors(_model))
            .Where(entry => !loaded.Contains(entry.Tensor))
            .Select(entry => entry.Name)
            .ToList();
        if (other.Count > 0)
            throw new InvalidOperationException(
                $"{_model.Title()} has an adapter on {Listed(other)}, for "
                    + $"which {path} has none: merge_adapter or unload first."
            );
    }

    private void Add(string path, AdapterLayer layer, Dictionary<string, string> left)
    {
        Tensor? Take(string key) => left.Remove(ModelTree.Join(layer.Name, key), out var whole) ? _file[whole] : null;
        var tensors = new Dictionary<string, Tensor?>
        {
            [layer.A] = Take(layer.A),
            [layer.B] = Take(layer.B),
            [AdapterLayer.Magnitude] = Config.UseDora
                ? Take(AdapterLayer.Magnitude) ?? Take($"{AdapterLayer.Magnitude}.weight")
                : null,
        };
        var value = AdapterTargets.ValueFor(layer, Config);
        var shape = ShapeOf(layer, value);
        var rank = AdapterTargets.PatternValue(Config.RankPattern, layer.Name, Config.Rank);
        foreach (var (key, expected) in layer.Shapes(rank, shape, Config.UseDora))
            if (tensors[key] is not { } tensor)
                throw new InvalidDataException($"{path} has no {key} for '{layer.Name}'.");
            else if (!tensor.is_floating_point() || Tensors.nonFinite(tensor) > 0)
                throw new InvalidDataException(
                    $"{path}: {key} of '{layer.Name}' has to be of finite floating-point numbers."
                );
            else if (!tensor.shape.SequenceEqual(expected))
                throw new InvalidDataException(
                    $"{path}: {key} of '{layer.Name}' has the shape {Form.Shown(tensor.shape)}; its rank {rank} and the weight "
                        + $"{Form.Shown(shape)} ask for {Form.Shown(expected)}."
                );
        _adapters.Add(
            (layer, value, layer.Read(tensors[layer.A]!, tensors[layer.B]!, tensors[AdapterLayer.Magnitude], shape))
        );
    }

    /// <summary>The shape of the weight. Throws where it has another parametrization.</summary>
    private long[] ShapeOf(AdapterLayer layer, Parametrization value)
    {
        if (Present(layer) is not { } present)
            return PlainTensor.Find(TensorPath.Resolve(_model, layer.WeightName)).Tensor.shape;
        return present.Parametrization.Equals(value)
            ? present.Shape
            : throw new InvalidOperationException(
                $"{layer.WeightName} is {present.Code}, not {value}: merge, unload or remove the present one first."
            );
    }

    private void AddWhole(string path, IReadOnlyDictionary<string, nn.Module> modules, Dictionary<string, string> left)
    {
        foreach (var (name, own) in AdapterFiles.SavedWhole(modules, Config))
        {
            if (!left.Remove(name, out var key))
                throw new InvalidDataException(
                    $"{path} has no {name}, which its configuration says that it has (modules_to_save)."
                );
            var loaded = _file[key];
            if (!loaded.shape.SequenceEqual(own.shape))
                throw new InvalidDataException(
                    $"'{key}' has the shape {Form.Shown(loaded.shape)}, but the model's has {Form.Shown(own.shape)}."
                );
            _whole.Add((own, loaded));
        }
    }
}
