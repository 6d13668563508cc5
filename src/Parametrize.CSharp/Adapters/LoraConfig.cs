using Parametrize.CSharp.Adapters;

namespace Parametrize.CSharp;

/// <summary>The settings of PEFT's <c>LoraConfig</c> that change weights, as in `adapter_config.json`.</summary>
public sealed record LoraConfig
{
    /// <summary>
    /// PEFT's name for every Linear of a model: `TargetModules = [LoraConfig.AllLinear]`. Put a head that is trained without an
    /// adapter into `ModulesToSave`.
    /// </summary>
    public const string AllLinear = "all-linear";

    /// <summary>The rank, PEFT's `r`. Default: 8.</summary>
    public long Rank { get; init; } = 8;

    /// <summary>PEFT's `lora_alpha`: the change is `alpha / rank` times B A. Default: 8.</summary>
    public double Alpha { get; init; } = 8;

    /// <summary>
    /// The modules to change: whole names (`encoder.query`) or their ends (`query`), or <see cref="AllLinear"/>. Linear, Embedding and
    /// convolutions that are not grouped. Default: none.
    /// </summary>
    public IReadOnlyList<string> TargetModules
    {
        get;
        init => field = [.. value ?? throw new ArgumentNullException(nameof(TargetModules))];
    } = [];

    /// <summary>Whether the factor is `alpha / sqrt(rank)`, PEFT's `use_rslora`. Default: false.</summary>
    public bool UseRankStabilized { get; init; }

    /// <summary>Whether magnitudes are separate parameters, PEFT's `use_dora`. Default: false.</summary>
    public bool UseDora { get; init; }

    /// <summary>
    /// Whether the base model's file has linear weights as inputs by outputs, PEFT's `fan_in_fan_out`, as GPT-2 has them. Models
    /// of TorchSharp have none. Default: false.
    /// </summary>
    public bool FanInFanOut { get; init; }

    /// <summary>
    /// Other ranks, by a pattern that a module's name ends with: a regular expression. As in PEFT, one that matches no module changes
    /// nothing. Default: none.
    /// </summary>
    public IReadOnlyDictionary<string, long> RankPattern
    {
        get;
        init => field = new Dictionary<string, long>(value ?? throw new ArgumentNullException(nameof(RankPattern)));
    } = new Dictionary<string, long>();

    /// <summary>Other alphas, by patterns as for `RankPattern`. Default: none.</summary>
    public IReadOnlyDictionary<string, double> AlphaPattern
    {
        get;
        init => field = new Dictionary<string, double>(value ?? throw new ArgumentNullException(nameof(AlphaPattern)));
    } = new Dictionary<string, double>();

    /// <summary>Modules that are trained and saved whole, such as a new head: whole names or their ends. Default: none.</summary>
    public IReadOnlyList<string> ModulesToSave
    {
        get;
        init => field = [.. value ?? throw new ArgumentNullException(nameof(ModulesToSave))];
    } = [];

    /// <summary>Where the base model comes from: PEFT loads it from there. Default: not said.</summary>
    public string? BaseModelNameOrPath { get; init; }

    /// <summary>PEFT's `task_type`, such as `CAUSAL_LM`. Default: not said.</summary>
    public string? TaskType { get; init; }

    /// <summary>
    /// Whether another configuration has the same settings: the same modules in any order, as PEFT's sets, and the same patterns in the
    /// same order, of which the first that matches counts.
    /// </summary>
    public bool Equals(LoraConfig? other) => other is not null && Sorted() == other.Sorted();

    /// <summary>The hash of the settings.</summary>
    public override int GetHashCode() => Sorted().GetHashCode(StringComparison.Ordinal);

    /// <summary>The text of `adapter_config.json`.</summary>
    public override string ToString() => AdapterConfigFile.Text(this, AdapterConfigFile.Shown(TargetModules));

    private string Sorted() =>
        (
            this with
            {
                TargetModules = [.. TargetModules.Order(StringComparer.Ordinal)],
                ModulesToSave = [.. ModulesToSave.Order(StringComparer.Ordinal)],
            }
        ).ToString();

    /// <summary>Reads the configuration in the folder of an adapter.</summary>
    /// <exception cref="InvalidDataException">
    /// The file is no LORA configuration, or has a setting that is not supported.
    /// </exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static LoraConfig from_pretrained(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        var path = Path.Combine(folder, AdapterConfigFile.Name);
        return File.Exists(path)
            ? AdapterConfigFile.Read(path)
            : throw new FileNotFoundException(
                $"{folder} has no {AdapterConfigFile.Name}: it is not the folder of an adapter.",
                path
            );
    }
}
