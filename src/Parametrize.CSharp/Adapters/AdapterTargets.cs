using System.Text.RegularExpressions;
using Parametrize.CSharp.Registration;

namespace Parametrize.CSharp.Adapters;

/// <summary>Finds the modules that a configuration names, by PEFT's rules for names.</summary>
internal static class AdapterTargets
{
    /// <summary>Those of the tensors of a model that are computed by adapters.</summary>
    public static List<(string Name, ParametrizedTensor Tensor)> AdaptersIn(
        List<(string Name, ParametrizedTensor Tensor)> tensors
    ) => tensors.FindAll(entry => entry.Tensor.IsAdapter);

    /// <summary>Whether a target is the module's whole name, or the end of it behind a dot.</summary>
    public static bool IsNamed(IEnumerable<string> targets, string module) =>
        targets.Any(target => module == target || module.EndsWith($".{target}", StringComparison.Ordinal));

    /// <summary>The value of the first pattern that matches the end of the name; the common value when none matches.</summary>
    public static T PatternValue<T>(IReadOnlyDictionary<string, T> patterns, string module, T otherwise)
    {
        foreach (var (pattern, value) in patterns)
            if (Matches(module, $@"^(.*\.)?({pattern})$"))
                return value;
        return otherwise;
    }

    /// <summary>Throws an ArgumentException for a pattern, perhaps of a file, that takes too long.</summary>
    private static bool Matches(string name, string pattern)
    {
        try
        {
            return Regex.IsMatch(name, pattern, RegexOptions.None, TimeSpan.FromSeconds(1));
        }
        catch (RegexMatchTimeoutException error)
        {
            throw new ArgumentException(
                $"Matching the pattern {pattern} with '{name}' takes more than a second. Write a pattern without nested repetitions.",
                error
            );
        }
    }

    /// <summary>The targets that mean a module: ends of its name, `all-linear`, or, as PEFT reads a text, a pattern for the whole name.</summary>
    public static IEnumerable<string> TargetsFor(string name, nn.Module module, IReadOnlySet<string> targets)
    {
        for (var start = 0; start >= 0; start = name.IndexOf('.', start) is >= 0 and var dot ? dot + 1 : -1)
            if (targets.Contains(name[start..]))
                yield return name[start..];
        if (module is Linear && targets.Contains(LoraConfig.AllLinear))
            yield return LoraConfig.AllLinear;
        if (targets.Count == 1 && Matches(name, $"^({targets.Single()})$"))
            yield return targets.Single();
    }

    /// <summary>Whether a module is saved as a whole, or is inside a module that is.</summary>
    public static bool IsSavedWhole(LoraConfig config, string module)
    {
        var parts = module.Split('.');
        return Enumerable
            .Range(1, parts.Length)
            .Any(count => IsNamed(config.ModulesToSave, string.Join('.', parts[..count])));
    }

    /// <summary>
    /// The layers that get adapters. Throws when there is none, a name matches no module, or a layer cannot have an adapter.
    /// </summary>
    public static IReadOnlyList<AdapterLayer> Find(nn.Module model, LoraConfig config)
    {
        var modules = ModelTree.Modules(model, registering: true);
        var names = config.TargetModules.Where(target => target != LoraConfig.AllLinear).ToList();
        var meansLinear = names.Count < config.TargetModules.Count;
        RequireAll(model, nameof(config.TargetModules), names, modules.Select(module => module.Name));
        RequireAll(model, nameof(config.ModulesToSave), config.ModulesToSave, modules.Select(module => module.Name));
        if (meansLinear && !modules.Any(entry => entry.Module is Linear))
            throw new ArgumentException(
                $"{model.Title()} has no Linear ({LoraConfig.AllLinear}). {Has(model, modules.Select(module => module.Name))}",
                nameof(config)
            );
        if (meansLinear)
            RequireNoneInNativeMemory(modules.Select(entry => (entry.Name, entry.Module)));
        List<AdapterLayer> layers =
        [
            .. modules
                .Where(entry => meansLinear && entry.Module is Linear || IsNamed(names, entry.Name))
                .Where(entry => !IsSavedWhole(config, entry.Name))
                .Select(entry => new AdapterLayer(entry.Name, entry.Module)),
        ];
        if (layers.Count == 0)
            throw new ArgumentException(
                config.TargetModules.Count == 0
                    ? $"TargetModules is empty: name the modules to change. {Has(model, modules.Select(module => module.Name))}"
                    : $"Every module in TargetModules ({string.Join(", ", config.TargetModules)}) is also in ModulesToSave, so no adapter would be added. Remove it from one of the two.",
                nameof(config)
            );
        foreach (var layer in layers)
            if (layer.WhyUnsuited is { } reason)
                throw new ArgumentException($"'{layer.Name}' {reason}: it has no adapter of low rank.", nameof(config));
        return layers;
    }

    /// <summary>
    /// Throws when a module has inner linear layers that TorchSharp does not show as modules: attention, transformers.
    /// </summary>
    private static void RequireNoneInNativeMemory(IEnumerable<(string Name, nn.Module Module)> modules)
    {
        foreach (var (name, module) in modules)
        foreach (var (inside, tensor) in ModelTree.TensorsOf(module))
            if (inside.EndsWith($".{AdapterLayer.TensorName}", StringComparison.Ordinal) && tensor.dim() == 2)
                throw new ArgumentException(
                    $"{LoraConfig.AllLinear} would pass over '{ModelTree.Join(name, inside)}', which {module.Title()} keeps in native memory. Name "
                        + "modules in TargetModules, and register Parametrizations.Lora on such tensors by their names.",
                    "config"
                );
    }

    /// <summary>Throws when a name of a list matches no module.</summary>
    public static void RequireAll(nn.Module model, string list, IEnumerable<string> names, IEnumerable<string> modules)
    {
        foreach (var name in names)
            if (!modules.Any(module => IsNamed([name], module)))
                throw new ArgumentException(
                    $"{list} has '{name}', but no module of {model.Title()} is named so. {Has(model, modules)}",
                    "config"
                );
    }

    private static string Has(nn.Module model, IEnumerable<string> modules) =>
        modules.Where(module => module.Length > 0).ToList() is { Count: > 0 } names
            ? $"It has: {string.Join(", ", names)}."
            : $"It has no modules inside: register on its tensors, model.register_parametrization(\"weight\", Parametrizations.Lora(rank, alpha)).";

    public static Parametrization ValueFor(AdapterLayer layer, LoraConfig config) =>
        Adapter.ofLowRank(
            new(
                PatternValue(config.RankPattern, layer.Name, config.Rank),
                PatternValue(config.AlphaPattern, layer.Name, config.Alpha),
                config.UseRankStabilized,
                config.UseDora ? layer.MagnitudeDimension : null
            )
        );
}
