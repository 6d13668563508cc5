using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Parametrize.CSharp.Adapters;

/// <summary>PEFT's `adapter_config.json`.</summary>
internal static class AdapterConfigFile
{
    public const string Name = "adapter_config.json";

    /// <summary>Settings that change the weights in ways that this library does not support.</summary>
    private static readonly string[] Unsupported =
    [
        "alora_invocation_tokens",
        "arrow_config",
        "kasa_config",
        "layer_replication",
        "lora_bias",
        "megatron_config",
        "monteclora_config",
        "target_parameters",
        "trainable_token_indices",
        "use_bdlora",
        "use_qalora",
    ];

    /// <summary>
    /// Initializations that also change the base weights, so that the adapter's file alone does not give the model.
    /// </summary>
    private static readonly string[] ChangesBase = ["pissa", "olora", "corda", "loftq", "lora_ga"];

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    /// <summary>
    /// Reads the file. Throws InvalidDataException when it is no such configuration, or has a setting that this library does not
    /// support.
    /// </summary>
    public static LoraConfig Read(string path)
    {
        try
        {
            var json =
                JsonNode.Parse(File.ReadAllText(path)) as JsonObject
                ?? throw new InvalidDataException($"{path} has to be a JSON object.");
            Refuse(path, json);
            return new()
            {
                Rank = Number(json, "r", 8L),
                Alpha = Number(json, "lora_alpha", 8.0),
                TargetModules = Texts(json["target_modules"]),
                UseRankStabilized = Given(json, "use_rslora", false),
                UseDora = Given(json, "use_dora", false),
                FanInFanOut = Given(json, "fan_in_fan_out", false),
                RankPattern = Pattern<long>(json["rank_pattern"]),
                AlphaPattern = Pattern<double>(json["alpha_pattern"]),
                ModulesToSave = Texts(json["modules_to_save"]),
                BaseModelNameOrPath = (string?)json["base_model_name_or_path"],
                TaskType = (string?)json["task_type"],
            };
        }
        catch (Exception error)
            when (error is JsonException or InvalidOperationException or FormatException or ArgumentException)
        {
            throw new InvalidDataException($"{path} is not PEFT's configuration of an adapter: {error.Message}", error);
        }
    }

    /// <summary>The text of the file. Keys are sorted, as PEFT sorts them.</summary>
    public static string Text(LoraConfig config, JsonNode targets) =>
        new JsonObject
        {
            ["alpha_pattern"] = Shown(config.AlphaPattern),
            ["base_model_name_or_path"] = config.BaseModelNameOrPath,
            ["bias"] = "none",
            ["fan_in_fan_out"] = config.FanInFanOut,
            ["inference_mode"] = true,
            ["init_lora_weights"] = true,
            ["lora_alpha"] = Number(config.Alpha),
            ["lora_dropout"] = 0.0,
            ["modules_to_save"] = config.ModulesToSave.Count == 0 ? null : Shown(config.ModulesToSave),
            ["peft_type"] = "LORA",
            ["r"] = config.Rank,
            ["rank_pattern"] = Shown(config.RankPattern),
            ["target_modules"] = targets,
            ["task_type"] = config.TaskType,
            ["use_dora"] = config.UseDora,
            ["use_rslora"] = config.UseRankStabilized,
        }.ToJsonString(Indented);

    public static JsonArray Shown(IEnumerable<string> texts) => [.. texts.Select(text => JsonValue.Create(text))];

    private static void Refuse(string path, JsonObject json)
    {
        if ((string?)json["peft_type"] is var type and not "LORA")
            throw new InvalidDataException($"{path} has peft_type = {type ?? "null"}; LORA is what can be read.");
        foreach (var name in Unsupported)
            if (json[name] is { } node && !IsOff(node))
                throw new InvalidDataException($"{path} has {name} = {node.ToJsonString()}, which is not supported.");
        if (
            json["init_lora_weights"] is JsonValue start
            && start.GetValueKind() is JsonValueKind.String
            && ChangesBase.Any(method => ((string)start!).StartsWith(method, StringComparison.OrdinalIgnoreCase))
        )
            throw new InvalidDataException(
                $"{path} has init_lora_weights = {start}, which changed the base weights: convert the adapter with PEFT "
                    + "(path_initial_model_for_weight_conversion)."
            );
    }

    private static bool IsOff(JsonNode node) =>
        node switch
        {
            JsonValue value => value.GetValueKind() is JsonValueKind.False or JsonValueKind.Null,
            JsonArray array => array.Count == 0,
            JsonObject map => map.Count == 0,
            _ => false,
        };

    /// <summary>PEFT cannot compute with null in place of a number.</summary>
    private static T Number<T>(JsonObject json, string name, T otherwise) =>
        json.TryGetPropertyValue(name, out var node) && node is null
            ? throw new FormatException($"{name} has no number.")
            : Given(json, name, otherwise);

    private static T Given<T>(JsonObject json, string name, T otherwise) =>
        json[name] is { } node ? node.GetValue<T>() : otherwise;

    /// <summary>A list of names, or one pattern.</summary>
    private static IReadOnlyList<string> Texts(JsonNode? node) =>
        node switch
        {
            null => [],
            JsonArray array => [.. array.Select(text => (string)text!)],
            _ => [(string)node!],
        };

    private static Dictionary<string, T> Pattern<T>(JsonNode? node) =>
        node is JsonObject map
            ? map.ToDictionary(
                pair => pair.Key,
                pair =>
                    pair.Value is { } value
                        ? value.GetValue<T>()
                        : throw new FormatException($"{pair.Key} has no number.")
            )
            : [];

    private static JsonObject Shown<T>(IReadOnlyDictionary<string, T> pattern)
    {
        var shown = new JsonObject();
        foreach (var (key, value) in pattern)
            shown[key] = value is double number ? Number(number) : JsonValue.Create(value);
        return shown;
    }

    /// <summary>Writes a whole number without a fraction, as PEFT does. JSON has no NaN and no infinity.</summary>
    private static JsonNode Number(double value) =>
        value == Math.Floor(value) && Math.Abs(value) < 1e15 ? JsonValue.Create((long)value)
        : double.IsFinite(value) ? JsonValue.Create(value)
        : JsonValue.Create(value.ToString(CultureInfo.InvariantCulture))!;
}
