using TorchSharp.Modules;

namespace Parametrize.CSharp.Optimizers;

/// <summary>
/// The groups of an optimizer. Parameters join a present group, because schedulers that were built before would not change a new
/// group.
/// </summary>
internal sealed class OptimizerGroups
{
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
        foreach (var parameter in group.Parameters)
            _groupOf.TryAdd(parameter, group);
    }

    /// <summary>Adds the parameters of one tensor that the optimizer should train but has no state for.</summary>
    /// <param name="inputs">All parameters from which the tensor is computed.</param>
    /// <param name="replaced">The modules' own parameters whose place the tensor has taken.</param>
    /// <returns>Those that were added.</returns>
    public List<Parameter> AddMissing(IReadOnlyList<Parameter> inputs, IEnumerable<Parameter> replaced)
    {
        var missing = inputs.Where(IsMissing).ToList();
        var group = inputs.Concat(replaced).Select(_groupOf.GetValueOrDefault).FirstOrDefault(one => one is not null);
        foreach (var parameter in missing)
            Add(parameter, group ?? _groups[0]);
        return missing;
    }

    /// <summary>A group that was given `model.parameters()` lists it already, and needs its state even if it is frozen.</summary>
    private bool IsMissing(Parameter parameter) =>
        OptimizerInternals.StateOf(_optimizer, parameter) is null
        && (parameter.requires_grad || _groupOf.ContainsKey(parameter));

    private void Add(Parameter parameter, ParamGroup sibling)
    {
        var isListed = _groupOf.TryGetValue(parameter, out var own);
        var group = own ?? sibling;
        MakeState(group, parameter);
        if (isListed)
            return;
        group.Parameters = group.Parameters.Append(parameter);
        _groupOf.Add(parameter, group);
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
}
