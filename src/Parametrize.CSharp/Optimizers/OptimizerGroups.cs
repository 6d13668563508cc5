namespace Parametrize.CSharp.Optimizers;

/// <summary>
/// The groups of an optimizer. Parameters join a present group, because schedulers that were built before would not change a new
/// group.
/// </summary>
internal sealed class OptimizerGroups
{
    /// <summary>The parameters that have joined a group.</summary>
    private static readonly ConditionalWeakTable<ParamGroup, List<Joined>> AllJoined = [];

    private readonly OptimizerHelper _optimizer;
    private readonly IList<ParamGroup> _groups;
    private readonly Dictionary<Parameter, ParamGroup> _groupOf = new(ReferenceEqualityComparer.Instance);

    public OptimizerGroups(OptimizerHelper optimizer)
    {
        OptimizerInternals.Check();
        _optimizer = optimizer;
        _groups = OptimizerInternals.Groups(optimizer) ?? [];
        if (_groups.Count == 0)
            throw new ArgumentException(
                $"The {optimizer.GetType().Name} has no parameter group to join. Build it with one.",
                nameof(optimizer)
            );
        foreach (var group in _groups)
            DropRemoved(group);
        foreach (var group in _groups)
        foreach (var parameter in group.Parameters)
            _groupOf.TryAdd(parameter, group);
    }

    /// <summary>
    /// Adds the parameters of a tensor that the optimizer should train but has no state for. Nothing of a tensor whose parameter the
    /// optimizer has not trained before; of an adapter, the weight may have been frozen.
    /// </summary>
    /// <returns>Those that were added.</returns>
    public List<Parameter> AddMissing(ParametrizedTensor tensor)
    {
        List<Parameter> inputs = [.. tensor.parameters()];
        foreach (var input in inputs)
            if (OptimizerInternals.StateOf(_optimizer, input) is { } state && Momenta.IsOfOtherShape(state, input))
                OptimizerInternals.ForgetState(_optimizer, input);
        var missing = inputs.Where(IsMissing).ToList();
        // The group of the tensor's other parameters, or of the module's parameters that it replaces.
        List<Parameter> kept = [.. tensor.Binding.Kept];
        var group = inputs.Concat(kept).Select(_groupOf.GetValueOrDefault).FirstOrDefault(found => found is not null);
        var hadParameter = tensor.Reused >= 0 || kept.Count > 0;
        if (group is null && hadParameter && !tensor.IsAdapter)
            return [];
        foreach (var parameter in missing)
            Add(parameter, tensor, group ?? _groups[0]);
        return missing;
    }

    /// <summary>
    /// Takes out the parameters that have joined for tensors that were removed since: a loop that registers and removes would grow
    /// the group without end.
    /// </summary>
    private void DropRemoved(ParamGroup group)
    {
        if (!AllJoined.TryGetValue(group, out var joined))
            return;
        foreach (var removed in joined.Where(entry => entry.IsRemoved))
            OptimizerInternals.ForgetState(_optimizer, removed.Parameter);
        joined.RemoveAll(entry => entry.IsRemoved);
    }

    /// <summary>
    /// Whether the optimizer lacks a parameter that it should train. A group that was built from `model.parameters()` lists the
    /// parameter already, and needs its state even if it is frozen.
    /// </summary>
    private bool IsMissing(Parameter parameter) =>
        OptimizerInternals.StateOf(_optimizer, parameter) is null
        && (parameter.requires_grad || _groupOf.ContainsKey(parameter));

    private void Add(Parameter parameter, ParametrizedTensor tensor, ParamGroup sibling)
    {
        var isListed = _groupOf.TryGetValue(parameter, out var own);
        var group = own ?? sibling;
        MakeState(group, parameter);
        if (!AllJoined.TryGetValue(group, out var joined))
        {
            AllJoined.Add(group, joined = []);
            // A lazy sequence, as the original one may be: each enumeration reads both anew.
            group.Parameters = group.Parameters.Concat(
                joined.Where(entry => !entry.IsListed).Select(entry => entry.Parameter)
            );
        }
        joined.Add(new(new(tensor), parameter, isListed));
        _groupOf.TryAdd(parameter, group);
    }

    /// <summary>
    /// An optimizer makes states for a group when it is added. So the group is added a second time, with this one parameter, and
    /// then removed.
    /// </summary>
    private void MakeState(ParamGroup group, Parameter parameter)
    {
        var (parameters, initialRate, count) = (group.Parameters, group.InitialLearningRate, _groups.Count);
        group.Parameters = [parameter];
        try
        {
            _optimizer.add_param_group(group);
        }
        finally
        {
            if (_groups.Count > count)
                _groups.RemoveAt(count);
            group.Parameters = parameters;
            // Adding sets it to the present rate; schedulers built later start from it.
            group.InitialLearningRate = initialRate;
        }
    }

    /// <summary>A parameter that has joined a group.</summary>
    /// <param name="Tensor">The tensor that is computed from it.</param>
    /// <param name="IsListed">Whether the sequence from which the group was built lists the parameter by now.</param>
    private sealed record Joined(WeakReference<ParametrizedTensor> Tensor, Parameter Parameter, bool IsListed)
    {
        public bool IsRemoved => !Tensor.TryGetTarget(out var tensor) || tensor.IsDisposed;
    }
}
