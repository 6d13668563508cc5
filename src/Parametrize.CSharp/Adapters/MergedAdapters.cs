using Parametrize.CSharp.Adapters;
using Parametrize.CSharp.Models;
using Parametrize.CSharp.Registration;
using Parametrize.CSharp.Threads;

namespace Parametrize.CSharp;

/// <summary>
/// Adapters that <see cref="peft.merge_adapter"/> has merged into the weights of a model, with the frozen weights and the adapters,
/// which <see cref="Unmerge"/> needs. Disposing it frees these; the model stays merged.
/// </summary>
public sealed class MergedAdapters : IDisposable
{
    /// <summary>For each module, the adapters that are merged into its weight, until they are taken out or freed.</summary>
    private static readonly ConditionalWeakTable<nn.Module, MergedAdapters> Present = [];

    private readonly nn.Module _model;
    private readonly List<nn.Module> _owners;
    private readonly List<Weight> _weights;

    private MergedAdapters(nn.Module model, List<Weight> weights)
    {
        (_model, _weights) = (model, weights);
        _owners = weights.ConvertAll(weight => TensorPath.Resolve(model, weight.Report.Name).Owner);
        foreach (var owner in _owners)
            Present.AddOrUpdate(owner, this);
    }

    /// <summary>The merged weights, with their rounding errors.</summary>
    public IReadOnlyList<MergedTensor> Tensors => [.. _weights.Select(weight => weight.Report)];

    /// <summary>Merges all adapters of a model, or throws before anything changes.</summary>
    internal static MergedAdapters Of(nn.Module model)
    {
        RequireNone(model);
        using var alone = Exclusive(model);
        var tensors = Adapted(model);
        List<Weight> weights = [.. tensors.Select(entry => Weight.Of(entry.Name, entry.Tensor))];
        // Rounding errors are finite where the weights are.
        if (weights.Find(weight => !double.IsFinite(weight.Report.LargestError)) is { Report.Name: var unsound })
        {
            weights.ForEach(weight => weight.Dispose());
            throw new InvalidOperationException(
                $"{unsound} contains NaN or infinite values after adding its adapter, so merging could not be undone. Nothing has changed. Check the adapter's weights."
            );
        }
        foreach (var (name, _) in tensors)
            MakePlain(model, name);
        return new(model, weights);
    }

    internal static void UnmergeIn(nn.Module model)
    {
        var merged = In(model);
        if (merged.Count == 0)
            throw new InvalidOperationException($"No adapter is merged into {model.Title()}.");
        merged.ForEach(adapters => adapters.RequireUnchanged());
        merged.ForEach(adapters => adapters.Unmerge());
    }

    /// <summary>Throws when adapters are merged into the model: new ones would be added on top.</summary>
    internal static void RequireNone(nn.Module model)
    {
        if (In(model) is [var merged, ..])
            throw new InvalidOperationException(
                $"The adapters of {model.Title()} are merged ({merged.Tensors[0].Name}). Take them out with peft.unmerge_adapter, or keep them "
                    + "by disposing what merge_adapter has returned, as merge_and_unload does."
            );
    }

    /// <summary>
    /// The merged adapters in the weights of a model that can be taken out; they may have been merged through this model, one
    /// around it or one inside.
    /// </summary>
    private static List<MergedAdapters> In(nn.Module model) =>
        [
            .. ModelTree
                .Modules(model)
                .Select(entry => Present.TryGetValue(entry.Module, out var merged) ? merged : null)
                .OfType<MergedAdapters>()
                .Distinct(),
        ];

    /// <summary>Takes all adapters off a model, whose weights are the frozen ones again, or throws before anything changes.</summary>
    internal static void Unload(nn.Module model)
    {
        using var alone = Exclusive(model);
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var weights = Adapted(model)
            .ConvertAll(entry =>
                (entry.Name, Weight: Adapter.without(entry.Tensor.Parametrization, entry.Tensor.CurrentParts()))
            );
        foreach (var (name, weight) in weights)
            MakePlain(model, name, weight);
    }

    /// <summary>
    /// Gives the weights their adapters again, bit for bit: frozen weights and adapters are what they were before merging. The
    /// parameters are new objects: build the optimizer anew.
    /// </summary>
    /// <exception cref="InvalidOperationException">
    /// A weight was changed after merging, or is parametrized now, so the adapter cannot be taken out exactly. Nothing has changed.
    /// </exception>
    /// <exception cref="ObjectDisposedException">This has been disposed, or the adapters are back already.</exception>
    public void Unmerge()
    {
        if (_weights.Count == 0)
            throw new ObjectDisposedException(
                nameof(MergedAdapters),
                "The adapters are back in the model, or this was disposed, which frees them and leaves the model merged."
            );
        using var alone = Exclusive(_model, () => _weights.Select(weight => weight.Report.Name));
        RequireUnchanged();
        ManyRegistrations.Register(
            _model,
            _weights.Select(weight => KeyValuePair.Create(weight.Report.Name, weight.Report.Parametrization)),
            WhenNotAllowed.Project
        );
        foreach (var weight in _weights)
            weight.Restore(_model);
        Dispose();
    }

    /// <summary>Frees the frozen weights and the adapters; the model stays merged.</summary>
    public void Dispose()
    {
        foreach (var weight in _weights)
            weight.Dispose();
        _weights.Clear();
        // They may have been merged again since.
        foreach (var owner in _owners)
            if (Present.TryGetValue(owner, out var present) && ReferenceEquals(present, this))
                Present.Remove(owner);
    }

    private void RequireUnchanged() => _weights.ForEach(weight => weight.RequireUnchanged(_model));

    /// <summary>Exclusive access to all adapted weights, so that no removal has to wait for a thread, or is refused.</summary>
    private static Leases Exclusive(nn.Module model) =>
        Exclusive(model, () => AdapterTargets.AdaptersIn(ModelTree.Tensors(model)).Select(entry => entry.Name));

    private static Leases Exclusive(nn.Module model, Func<IEnumerable<string>> weights) =>
        TensorAccess.WritingAll(() => [.. weights().SelectMany(name => TensorPath.Resolve(model, name).Accesses)]);

    /// <summary>The adapters of a model. Throws when one belongs to several weights.</summary>
    private static List<(string Name, ParametrizedTensor Tensor)> Adapted(nn.Module model)
    {
        var tensors = AdapterTargets.AdaptersIn(ModelTree.CurrentTensors(model));
        if (tensors.Count == 0)
            throw new InvalidOperationException($"{model.Title()} has no adapter.");
        foreach (var (name, tensor) in tensors)
            RequireOwn(model, name, tensor);
        return tensors;
    }

    /// <summary>Makes the weight plain, with its adapter included or with other numbers, and frozen as it was before.</summary>
    private static Tensor MakePlain(nn.Module model, string name, Tensor? numbers = null)
    {
        Registrar.RemoveTied(TensorPath.Resolve(model, name), numbers);
        return PlainTensor.Find(TensorPath.Resolve(model, name)).Tensor.requires_grad_(false);
    }

    private static void RequireOwn(nn.Module model, string name, ParametrizedTensor tensor)
    {
        var path = TensorPath.Resolve(model, name);
        if (path.Members.Count > 1)
            throw new NotSupportedException(
                $"{name} is made up of several tensors, and an adapter is merged into one weight, or taken off one. Nothing has changed. Use "
                    + "remove_parametrizations."
            );
        if (path.IsHeld)
            throw new InvalidOperationException(
                $"{name} is a ParametrizedTensor that a module holds itself, so there is no plain weight to merge into. Nothing has changed."
            );
        // Tied modules get one plain weight.
        if (
            !tensor.Binding.IsTied
            && ModelTree
                .AllNames(model)
                .Where(entry => ReferenceEquals(entry.Tensor, tensor))
                .Select(entry => entry.Name)
                .ToList()
                is { Count: > 1 } names
        )
            throw new NotSupportedException(
                $"{string.Join(" and ", names)} share one weight now, but had one each before they shared it. Merging would give each its own copy. Nothing has changed. Remove the sharing first."
            );
    }

    /// <summary>The parts from which one weight was computed.</summary>
    private sealed record Weight(MergedTensor Report, Parts Parts, IReadOnlyList<bool> Trained) : IDisposable
    {
        public static Weight Of(string name, ParametrizedTensor tensor)
        {
            using var _ = no_grad();
            var (value, now) = (tensor.Parametrization, tensor.CurrentParts());
            Parts Copied(Func<Tensor, Tensor> copy) =>
                Core.ofTensorsOfShape(
                    now.Shape,
                    [.. now.Parameters.Select(copy)],
                    [.. now.Buffers.Select(copy)],
                    value
                );
            var parts = Copied(part => part.Copied());
            using var scope = NewDisposeScope();
            var exact = Core.forward(value, Copied(part => part.to(ScalarType.Float64)));
            var merged = tensor.Detached();
            var error = (merged.to(ScalarType.Float64) - exact).abs().max().item<double>();
            return new(
                new(name, value, error, exact.abs().max().item<double>()),
                parts,
                [.. tensor.Inputs.Select(input => input.requires_grad)]
            );
        }

        public void RequireUnchanged(nn.Module model)
        {
            if (TensorPath.Find(model, Report.Name) is { } present)
                throw new InvalidOperationException(
                    $"{Report.Name} was plain after merging, but is {present.Code} now. Nothing has changed. Remove that parametrization first."
                );
            using var scope = NewDisposeScope();
            using var _ = no_grad();
            var now = PlainTensor.Find(TensorPath.Resolve(model, Report.Name)).Tensor;
            var merged = Core.forward(Report.Parametrization, Parts);
            if (!now.HasSameTypeAndDevice(merged) || !now.eq(merged).all().item<bool>())
                throw new InvalidOperationException(
                    $"{Report.Name} was changed or moved since its adapter was merged, so the adapter cannot be taken out exactly. Nothing has "
                        + "changed."
                );
        }

        public void Restore(nn.Module model)
        {
            var tensor = model.parametrization(Report.Name);
            tensor.Write(Parts);
            foreach (var (input, isTrained) in tensor.Inputs.Zip(Trained))
                input.requires_grad = isTrained;
        }

        public void Dispose()
        {
            foreach (var part in Parts.Tensors)
                part.Dispose();
        }
    }
}

/// <summary>A weight into which an adapter has been merged.</summary>
/// <param name="Name">Its name in the model: `encoder.query.weight`.</param>
/// <param name="Parametrization">The adapter.</param>
/// <param name="LargestError">
/// The rounding error of the weight's element type: the largest difference of an entry from the adapted weight computed in float64.
/// </param>
/// <param name="LargestEntry">The largest modulus of an entry.</param>
public sealed record MergedTensor(
    string Name,
    Parametrization Parametrization,
    double LargestError,
    double LargestEntry
);
