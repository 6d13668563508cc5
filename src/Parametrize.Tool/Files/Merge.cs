using Parametrize.CSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Parametrize.Tool.Files;

/// <summary>
/// Merges an adapter into the weights of a file. What its verbs need of a model is made from the names: a layer for each weight that
/// the adapter changes, and modules with the other tensors around these.
/// </summary>
internal sealed class Merge
{
    private const string Prefix = "base_model.model.";
    private const string Weight = ".weight";
    private static readonly string[] Suffixes = [".lora_A.weight", EmbeddingSuffix];
    private const string EmbeddingSuffix = ".lora_embedding_A";

    private readonly LoadedTensors _base;
    private readonly Dictionary<string, string> _metadata;

    /// <summary>Reads both and merges. Throws where they do not fit.</summary>
    public Merge(string path, string adapter)
    {
        var config =
            Input.AdapterOf(adapter)
            ?? throw ToolException.Unusable(
                $"{adapter} is no folder of a PEFT adapter, nor the tensors in one: there is no {Input.AdapterConfig}."
            );
        _base = Input.Tensors(path, out _metadata);
        Whole.RequireRead(_base.Unread);
        var keys = Input.Tensors(adapter, out _).Keys.Select(Bare).ToList();
        var layers = keys.Select(LayerOf).OfType<(string Name, bool IsEmbedding)>().ToList();
        foreach (var (name, _) in layers)
            RequireWeight(path, name + Weight);
        var model = new BaseModel();
        foreach (var (name, isEmbedding) in layers)
            model.Add(name, Layer(_base[name + Weight], isEmbedding, config.FanInFanOut));
        foreach (var (name, tensor) in _base)
            if (!layers.Any(layer => name.StartsWith($"{layer.Name}.", StringComparison.Ordinal)))
                model.Add(name, tensor);

        // Writes modules that were saved whole into the tensors of the file.
        peft.load_adapter(model, Input.AdapterFolder(adapter));
        Merged = peft.merge_and_unload(model);
        var state = model.state_dict();
        foreach (var (name, isEmbedding) in layers)
        {
            var weight = state[name + Weight];
            _base[name + Weight] = IsTransposed(weight, isEmbedding, config.FanInFanOut) ? weight.t() : weight;
        }
        Replaced = [.. keys.Where(_base.ContainsKey)];
    }

    /// <summary>The weights with an adapter in them, and what rounding has cost.</summary>
    public IReadOnlyList<MergedTensor> Merged { get; }

    /// <summary>The tensors that the adapter has whole.</summary>
    public IReadOnlyList<string> Replaced { get; }

    public void Save(string path) => Safetensors.Save(path, _base, _metadata);

    private static string Bare(string key) =>
        key.StartsWith(Prefix, StringComparison.Ordinal) ? key[Prefix.Length..] : key;

    private static (string Name, bool IsEmbedding)? LayerOf(string key) =>
        Suffixes.FirstOrDefault(suffix => key.EndsWith(suffix, StringComparison.Ordinal)) is { } suffix
            ? (key[..^suffix.Length], suffix == EmbeddingSuffix)
            : null;

    private void RequireWeight(string path, string name)
    {
        if (_base.ContainsKey(name))
            return;
        var module = name[..^Weight.Length];
        throw ToolException.Unusable(
            _base.Keys.Any(key => key.StartsWith($"{module}.parametrizations.weight.", StringComparison.Ordinal))
                ? $"The adapter changes {name}, which is parametrized in {path}: bake that first."
                : $"The adapter changes {name}, which {path} does not have. Is it the model for which the adapter was trained?"
        );
    }

    /// <summary>GPT-2 of Hugging Face has its weights as inputs by outputs, and PEFT says so.</summary>
    private static bool IsTransposed(Tensor weight, bool isEmbedding, bool fanInFanOut) =>
        fanInFanOut && !isEmbedding && weight.dim() == 2;

    private static nn.Module Layer(Tensor weight, bool isEmbedding, bool fanInFanOut)
    {
        var own = new Parameter(
            IsTransposed(weight, isEmbedding, fanInFanOut) ? weight.t().contiguous() : weight.alias(),
            requires_grad: false
        );
        return isEmbedding
            ? nn.Embedding(1, 1).With(own)
            : weight.dim() switch
            {
                2 => nn.Linear(1, 1, hasBias: false).With(own),
                3 => nn.Conv1d(1, 1, 1, bias: false).With(own),
                4 => nn.Conv2d(1, 1, 1, bias: false).With(own),
                5 => nn.Conv3d(1, 1, 1, bias: false).With(own),
                var count => throw ToolException.Unusable(
                    $"The adapter changes a weight of {count} dimensions, which no layer has that PEFT knows."
                ),
            };
    }
}
