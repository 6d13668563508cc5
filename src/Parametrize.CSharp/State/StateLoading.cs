using Parametrize.CSharp.Joint;
using Parametrize.CSharp.Registration;
using Parametrize.CSharp.Threads;

namespace Parametrize.CSharp.State;

/// <summary>Finds, for each tensor of a model, its entries in a state dictionary, and plans to load them.</summary>
internal sealed class StateLoading(StateSource source, StatePlan plan, bool strict, NamedMaps maps, bool convert)
{
    private readonly List<(string Key, Tensor Tensor, StateTarget Target)> _missing = [];

    public static IncompatibleKeys Load(
        nn.Module model,
        IReadOnlyDictionary<string, Tensor> state,
        bool strict,
        WhenNotAllowed whenNotAllowed,
        NamedMaps maps,
        bool convert,
        string prefix
    )
    {
        var bindings = ModelTree.Tensors(model).ConvertAll(entry => entry.Tensor.Binding);
        using var alone = TensorAccess.WritingAll(bindings.Select(binding => binding.Access));
        var source = new StateSource(state, prefix);
        if (source.Faults.Count > 0)
            throw new StateDictException(model.Title(), new([], []), source.Faults);
        bindings.ForEach(binding => binding.SyncWithModules());
        var targets = StateTarget.Of(model);
        RequireData(model, state);
        using var plan = new StatePlan(whenNotAllowed);
        var loading = new StateLoading(source, plan, strict, maps, convert);
        var members = loading.PlanMembers(targets);
        foreach (var target in targets.Where(target => !members.Contains(target.Key)))
            if (target.Own is { } own)
                loading.PlanOwn(target, own);
            else
                loading.PlanParametrized(target, target.Parametrized!);

        plan.Problems.AddRange(maps.Unused(source));
        var missing = loading.Missing(model);
        var keys = new IncompatibleKeys([.. missing.Select(absent => absent.Key)], source.UnusedKeys);
        var isIncompatible = strict && keys.MissingKeys.Count + keys.UnexpectedKeys.Count > 0;
        if (strict)
            plan.Problems.AddRange(missing.SelectMany(absent => source.UnreadOf(absent.Target)).Distinct());
        if (isIncompatible || plan.Problems.Count > 0)
            throw new StateDictException(model.Title(), strict ? keys : new([], []), plan.Problems);
        plan.CarryOut(targets);
        return keys;
    }

    /// <summary>
    /// The missing tensors. A tied tensor is not missing when the state has it under another name. `num_batches_tracked` is never
    /// missing: early norms of PyTorch did not have it, and a norm keeps its count when a state lacks it.
    /// </summary>
    private List<(string Key, Tensor Tensor, StateTarget Target)> Missing(nn.Module model)
    {
        var counts = ModelTree
            .Modules(model)
            .Where(entry => entry.Module is NormBase)
            .Select(entry => ModuleInternals.BufferOf(entry.Module, "num_batches_tracked"))
            .OfType<Tensor>()
            .ToHashSet(NativeTensors.Comparer);
        return [.. _missing.Where(absent => !plan.Writes(absent.Tensor) && !counts.Contains(absent.Tensor))];
    }

    private static void RequireData(nn.Module model, IReadOnlyDictionary<string, Tensor> state)
    {
        var empty = state.Where(pair => pair.Value.device_type == TorchSharp.DeviceType.META).ToList();
        if (empty.Count > 0)
            throw new StateDictException(
                model.Title(),
                new([], []),
                empty.ConvertAll(pair => $"{pair.Key}: numbers were expected, but it is on the meta device.")
            );
    }

    /// <summary>Plans the plain tensors of the model that the dictionary has as members of a joint tensor.</summary>
    /// <returns>Their keys.</returns>
    private HashSet<string> PlanMembers(IEnumerable<StateTarget> targets)
    {
        var planned = new HashSet<string>();
        var plain = targets
            .Where(target => target.Own is not null)
            .DistinctBy(target => target.Key)
            .ToDictionary(target => target.Key, target => target.Own!);
        foreach (var key in source.JointKeys)
        {
            var keys = JointName.Keys(key);
            if (!keys.All(plain.ContainsKey))
                continue;
            var members = keys.Select(member => plain[member]).ToList();
            var target = new StateTarget(key, members[0], null, "");
            if (
                source.PiecesOf(target) is not { } pieces
                || LayoutOf(key, JointLayout.All(keys, members), pieces) is not { } layout
                || !TryBake(target, members[0], layout.Shape, pieces, out var value)
            )
                continue;
            planned.UnionWith(keys);
            if (value is not null)
                foreach (var (index, member) in layout.Divide(value).Index())
                    plan.Copy(keys[index], members[index], member);
        }
        return planned;
    }

    /// <summary>
    /// The layout in which the pieces were saved: one for which the map accepts the pieces, or whose shape is that of the largest
    /// piece. If neither decides, the first possible layout, so that its mismatch is reported; null when there is none.
    /// </summary>
    private JointLayout? LayoutOf(string key, List<JointLayout> layouts, StatePieces pieces)
    {
        var fitting = (maps.MapOf(key) ?? NamedByState(key)) is { } map
            ? layouts.FindAll(layout => pieces.FitMap(map, layout.Shape))
            : [];
        return fitting.Find(IsWidest) ?? fitting.FirstOrDefault() ?? layouts.Find(IsWidest) ?? layouts.FirstOrDefault();

        bool IsWidest(JointLayout layout) => layout.Shape.SequenceEqual(pieces.LargestParameter.shape);
    }

    private void PlanOwn(StateTarget target, Tensor own)
    {
        if (source.KeyOf(target.Key) is { } key)
            plan.Copy(key, own, source.Take(key));
        else if (
            TryBake(target, own, own.shape, source.PiecesOf(target) ?? source.OldPiecesOf(target.Key), out var value)
        )
        {
            if (value is not null)
                plan.Copy(target.Key, own, value);
        }
        else
            _missing.Add((target.Key, own, target));
    }

    private void PlanParametrized(StateTarget target, ParametrizedTensor parametrized)
    {
        var own = target.Pieces();
        var pieces = source.PiecesOf(target);
        var keys = target.PlainKeys.Select(source.KeyOf).OfType<string>().ToList();
        if (pieces is null && keys.Count == target.PlainKeys.Count)
        {
            if (target.Layout is { } layout)
                plan.AssignJoint(target, layout, keys.ConvertAll(key => (key, source.Take(key))));
            else
                plan.Assign(keys[0], parametrized, source.Take(keys[0]));
            return;
        }

        if (pieces is not null && maps.MapOf(target.Key) is null && PlanConversion(target, parametrized, pieces))
            return;

        if (pieces is not null && IsNormedVector(own, pieces))
        {
            var vector = source.Take(pieces.Keys["original"]);
            plan.Assign(target.Key, parametrized, vector, WhenNotAllowed.Project);
            return;
        }

        // Under old names all pieces must be present; under new names some may be missing.
        var old = pieces is null ? source.OldPiecesOf(target.Key) : null;
        var found = pieces ?? old;
        var hasItsNames = old is null
            ? pieces?.Keys.Keys.All(own.ContainsKey) ?? false
            : old.HaveNames(own.Keys)
                && InferredParametrization.AreOfKind(old, parametrized.Parametrization)
                && old.FitMap(parametrized.Parametrization, parametrized.Shape);
        if (hasItsNames && (maps.MapOf(target.Key)?.Equals(parametrized.Parametrization) ?? true))
            CopyPieces(target, own, found);
        else if (!TryBake(target, parametrized.Inputs[^1], parametrized.Shape, found, out var value))
            CopyPieces(target, own, pieces);
        else if (value is not null)
            plan.Assign(target.Key, parametrized, value);
    }

    /// <summary>
    /// Handles pieces that were saved from another parametrization: plans to load their value, or notes a problem. False when the
    /// state does not say that they were.
    /// </summary>
    private bool PlanConversion(StateTarget target, ParametrizedTensor parametrized, StatePieces pieces)
    {
        var map = parametrized.Parametrization;
        if (source.CodeOf(target.Key) is not { } code || code == map.Code)
            return false;
        // Masks are loaded as they are, whichever pruning has chosen them.
        if (NamedByState(target.Key) is { } named && Pruned.areAlike(named, map))
            return false;
        source.Take(pieces);
        if (!convert)
            plan.Problems.Add(
                $"{target.Key}: the state is of {Brief.ofValue(code)}, but the model has {Brief.ofValue(map.Code)}. Load with convert: true to take its value"
                    + (
                        NamedByState(target.Key) is null
                            ? $", and pass your value of that name: parametrizations: {{ [\"{target.Key}\"] = ... }}."
                            : "."
                    )
            );
        else if (NamedByState(target.Key) is not { } other)
            plan.Problems.Add(UnknownMap(target, pieces));
        else if (plan.Bake(target.Key, parametrized.Inputs[^1], parametrized.Shape, pieces, other) is { } value)
            plan.Assign(target.Key, parametrized, value);
        return true;
    }

    /// <summary>The map that the state names; null when it names none, or a user's map, which cannot be read.</summary>
    private Parametrization? NamedByState(string key)
    {
        if (source.CodeOf(key) is not { } code)
            return null;
        var read = Reading.parse(code);
        return read.IsOk ? read.ResultValue : null;
    }

    private string UnknownMap(StateTarget target, StatePieces pieces) =>
        source.CodeOf(target.Key) is { } code
            ? $"{target.Key}: the state is of {Brief.ofValue(code)}, which is no value of the library. "
                + $"Pass your value of that name: parametrizations: {{ [\"{target.Key}\"] = ... }}."
        : InferredParametrization.MaskFault(pieces) is { } fault ? $"{target.Key}: {fault}"
        : $"{target.Key}: it can be computed from {pieces}, but they do not show which map computes it. "
            + $"If it was saved from these, name the map: parametrizations: {{ [\"{target.Key}\"] = "
            + $"{InferredParametrization.Example(pieces).ToCSharp()} }}.";

    /// <summary>
    /// PyTorch's spectral norm of a vector has no buffers. Here the singular vectors are computed from the vector.
    /// </summary>
    private static bool IsNormedVector(Dictionary<string, Tensor> own, StatePieces pieces) =>
        pieces.HaveNames(["original"]) && own.ContainsKey("0._u") && own["original"].dim() == 1;

    private void CopyPieces(StateTarget target, Dictionary<string, Tensor> own, StatePieces? pieces)
    {
        foreach (var (piece, tensor) in own)
            if (pieces?.Keys.ContainsKey(piece) ?? false)
                source.Take(pieces.Keys[piece]);
            else
                _missing.Add((target.Prefix + piece, tensor, target));
        if (pieces is not null)
            plan.CopyPieces(target.Parametrized!, pieces);
    }

    /// <summary>
    /// Computes the value of the pieces. False when the pieces are not those of the target. True with a null value when a problem
    /// has been noted.
    /// </summary>
    private bool TryBake(StateTarget target, Tensor like, long[] shape, StatePieces? pieces, out Tensor? value)
    {
        value = null;
        if (pieces is null)
            return false;
        // The map that the state names is for pieces under new names, not for old ones.
        var named = pieces.AreOld ? null : NamedByState(target.Key);
        var map = maps.MapOf(target.Key) ?? named ?? InferredParametrization.Of(pieces);
        if (map is null && (target.Own is null || !strict))
            return false;
        source.Take(pieces);
        if (map is not null)
            value = plan.Bake(target.Key, like, shape, pieces, map);
        else
            plan.Problems.Add(UnknownMap(target, pieces));
        return true;
    }
}
