using Parametrize.CSharp.Adapters;
using Parametrize.CSharp.Models;
using Parametrize.CSharp.Registration;

namespace Parametrize.CSharp;

/// <summary>
/// The verbs of Hugging Face's PEFT for adapters of low rank (LoRA, rsLoRA, DoRA), under PEFT's names, with its files. An adapter
/// is a parametrization: `Parametrizations.Lora(8, 16)` can be registered on any weight; these verbs do it for whole models.
/// </summary>
public static class peft
{
    /// <summary>The configuration with which a model got its adapters.</summary>
    private static readonly ConditionalWeakTable<nn.Module, LoraConfig> Configs = [];

    /// <summary>
    /// Puts adapters on the modules that the configuration names, and freezes all other parameters except those of `ModulesToSave`.
    /// If one module cannot have an adapter, nothing changes. The model computes the same outputs as before, until it is trained (with
    /// DoRA up to rounding). The factors A are drawn from torch's generator, as `manual_seed` has set it.
    /// </summary>
    /// <param name="config">Ranks, alphas and modules.</param>
    /// <returns>The model, changed in place.</returns>
    /// <exception cref="ArgumentException">
    /// A name matches no module, or a module cannot have an adapter, has one already, or shares its weight with another. Nothing has
    /// changed.
    /// </exception>
    /// <exception cref="InvalidOperationException">Adapters are merged into the model.</exception>
    public static T get_peft_model<T>(this T model, LoraConfig config)
        where T : nn.Module
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(config);
        MergedAdapters.RequireNone(model);
        var layers = AdapterTargets.Find(model, config);
        var values = layers.ToDictionary(layer => layer.WeightName, layer => AdapterTargets.ValueFor(layer, config));
        RequirePlain(model, values.Keys);
        if (SharedWeights.Fault(model, values.Keys, config) is { } fault)
            throw new ArgumentException(fault, nameof(config));
        ManyRegistrations.Register(model, values, WhenNotAllowed.Project);
        foreach (var name in values.Keys)
            Draw(model.parametrization(name));
        Freeze(model, values.Keys, config);
        Configs.AddOrUpdate(model, config);
        return model;
    }

    /// <summary>
    /// Writes the adapters of a model as PEFT does: `adapter_config.json` and `adapter_model.safetensors` in a folder, which is
    /// made. `PeftModel.from_pretrained` reads them.
    /// </summary>
    /// <param name="config">
    /// The settings that the adapters do not have: `BaseModelNameOrPath`, `TaskType` and `ModulesToSave`. Default: the
    /// configuration with which this model got its adapters. An empty `ModulesToSave` stands for the list of that configuration.
    /// </param>
    /// <exception cref="ArgumentException">`ModulesToSave` has a name that matches no module.</exception>
    /// <exception cref="InvalidOperationException">The model has no adapter, or adapters are merged into it.</exception>
    /// <exception cref="NotSupportedException">PEFT's files cannot hold an adapter of the model. Nothing is written.</exception>
    public static void save_pretrained(nn.Module model, string folder, LoraConfig? config = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentException.ThrowIfNullOrEmpty(folder);
        MergedAdapters.RequireNone(model);
        var known = Configs.TryGetValue(model, out var present) ? present : new();
        config ??= known;
        AdapterFiles.Write(
            model,
            folder,
            config.ModulesToSave is [] ? config with { ModulesToSave = known.ModulesToSave } : config
        );
    }

    /// <summary>
    /// Reads a folder that PEFT or <see cref="save_pretrained"/> has written, puts its adapters on the model, and loads modules
    /// that were saved whole. A model that has the same adapters already gets their numbers; a pass of another thread computes with all
    /// of them or with none. The dropout before an adapter, which PEFT applies in training only, is not applied.
    /// </summary>
    /// <param name="model">The model with the weights that the adapters were trained for.</param>
    /// <param name="is_trainable">Whether the adapters are to be trained further. Default: false, as in PEFT.</param>
    /// <returns>The configuration of the folder.</returns>
    /// <exception cref="InvalidDataException">
    /// The folder does not fit the model, or has a setting that is not supported.
    /// </exception>
    /// <exception cref="InvalidOperationException">
    /// A weight has another parametrization, or an adapter for which the folder has none: <see cref="unload"/> it first. Or adapters
    /// are merged into the model.
    /// </exception>
    /// <exception cref="NotSupportedException">
    /// A module of the folder shares its weight with another in this model, or the folder's tensors are pickled.
    /// </exception>
    /// <exception cref="IOException">A file cannot be read. In every case nothing has changed.</exception>
    public static LoraConfig load_adapter(nn.Module model, string folder, bool is_trainable = false)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentException.ThrowIfNullOrEmpty(folder);
        MergedAdapters.RequireNone(model);
        using var loading = new AdapterLoading(model, folder);
        var adapted = loading.Commit(is_trainable);
        Freeze(model, adapted, is_trainable ? loading.Config : new());
        Configs.AddOrUpdate(model, loading.Config);
        return loading.Config;
    }

    /// <summary>
    /// Computes each adapted weight once and gives the model plain, frozen weights instead: calls cost as much as without adapters.
    /// Works for every value that changes a frozen weight, also `Oft`.
    /// </summary>
    /// <returns>The rounding error of each weight; its `Unmerge` takes the adapters out again.</returns>
    /// <exception cref="InvalidOperationException">The model has no adapter, or a module holds one itself.</exception>
    /// <exception cref="NotSupportedException">An adapted weight is that of several modules. Nothing has changed.</exception>
    public static MergedAdapters merge_adapter(nn.Module model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return MergedAdapters.Of(model);
    }

    /// <summary>Merges as <see cref="merge_adapter"/> does, and frees the adapters: they cannot be taken out again.</summary>
    /// <inheritdoc cref="merge_adapter"/>
    /// <returns>The rounding error of each weight.</returns>
    public static IReadOnlyList<MergedTensor> merge_and_unload(nn.Module model)
    {
        using var merged = merge_adapter(model);
        Configs.Remove(model);
        return merged.Tensors;
    }

    /// <summary>Takes merged adapters out again: <see cref="MergedAdapters.Unmerge"/> of what `merge_adapter` has returned.</summary>
    /// <exception cref="InvalidOperationException">
    /// Nothing is merged into the model, or a weight was changed since. Nothing has changed.
    /// </exception>
    public static void unmerge_adapter(nn.Module model)
    {
        ArgumentNullException.ThrowIfNull(model);
        MergedAdapters.UnmergeIn(model);
    }

    /// <summary>
    /// Removes the adapters, so that each weight is the frozen one again. If an adapter is part of a larger value, the weight
    /// becomes what this value yields without the adapter's change. Call it before <see cref="load_adapter"/> reads an adapter of
    /// other modules, or of another rank. Modules that were loaded as a whole with an adapter stay as they are.
    /// </summary>
    /// <exception cref="InvalidOperationException">The model has no adapter, or a module holds one itself.</exception>
    /// <exception cref="NotSupportedException">An adapted weight is that of several modules. Nothing has changed.</exception>
    public static void unload(nn.Module model)
    {
        ArgumentNullException.ThrowIfNull(model);
        MergedAdapters.Unload(model);
        Configs.Remove(model);
    }

    /// <summary>
    /// Leaves the adapters out until the result is disposed, as PEFT's `disable_adapter` does: every call, of any thread, computes with
    /// the frozen weights, without gradients through them. What is saved, baked, merged or reported still has the adapters. Modules of `ModulesToSave` compute as they are, because their former weights
    /// are not kept. Parameters, gradients and optimizers do not change.
    /// </summary>
    /// <returns>Dispose it to compute with the adapters again. Calls may be nested.</returns>
    /// <exception cref="InvalidOperationException">The model has no adapter, or adapters are merged into it.</exception>
    public static IDisposable disable_adapter(nn.Module model)
    {
        ArgumentNullException.ThrowIfNull(model);
        MergedAdapters.RequireNone(model);
        return new DisabledAdapters(model);
    }

    private static void RequirePlain(nn.Module model, IEnumerable<string> weights)
    {
        foreach (var name in weights)
            if (TensorPath.Find(model, name) is { IsAdapter: true } present)
                throw new ArgumentException(
                    $"{name} has an adapter already ({present.Code}). Take it off by peft.unload, or merge it by peft.merge_and_unload, before "
                        + "get_peft_model puts on another.",
                    "config"
                );
    }

    /// <summary>
    /// Draws A as PEFT does, from torch's generator: the value alone starts all layers of a shape from the same numbers. B is zero, so
    /// the weight stays.
    /// </summary>
    private static void Draw(ParametrizedTensor tensor)
    {
        using var alone = tensor.Binding.Access.Writing();
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var a = tensor.Originals[^2];
        var bound = 1 / Math.Sqrt(a.numel() / (double)a.size(0));
        a.uniform_(-bound, bound);
    }

    /// <summary>Freezes all parameters except those of these adapters, and those of modules that are saved as a whole.</summary>
    private static void Freeze(nn.Module model, IEnumerable<string> adapted, LoraConfig config)
    {
        var kept = new HashSet<Tensor>(
            adapted.SelectMany(name => model.parametrization(name).parameters()),
            NativeTensors.Comparer
        );
        foreach (var saved in ModelTree.Modules(model).Where(entry => AdapterTargets.IsSavedWhole(config, entry.Name)))
        foreach (var parameter in saved.Module.parameters())
        {
            kept.Add(parameter);
            // Trained, even if the model was frozen before: a module is saved as a whole because it is trained.
            if (parameter.is_floating_point() || parameter.is_complex())
                parameter.requires_grad = true;
        }
        foreach (var parameter in model.other_parameters().Concat(model.parametrized_parameters()))
            if (!kept.Contains(parameter))
                parameter.requires_grad = false;
    }
}
