using Parametrize.CSharp.Threads;

namespace Parametrize.CSharp.Grouping;

/// <summary>
/// Values of tensors that this thread is about to use one after the other. Small tensors with equal values, shapes and element
/// types are computed as one batch. Each value is used once, and only if its parts have not changed since. In every other case the
/// tensor is computed by itself.
/// </summary>
internal sealed class GroupedValues : IDisposable
{
    [ThreadStatic]
    private static GroupedValues? _current;

    private readonly GroupedValues? _outer = _current;
    private readonly Dictionary<IGroupable, Computed> _values = [];

    /// <summary>Whether tensors that are alike are computed together.</summary>
    public static bool AreOn { get; set; } = true;

    /// <summary>Computes the values for these uses; null when no two tensors can be computed together.</summary>
    public static GroupedValues? For(IReadOnlyList<IUpcomingUse> uses)
    {
        if (!AreOn || uses.Count < 2)
            return null;
        var groups = Alike(uses);
        if (groups is null || groups.Values.All(group => group.Count < 2))
            return null;
        var values = new GroupedValues();
        foreach (var ((_, isToKeep), group) in groups)
            if (group.Count > 1)
                values.Compute([.. group], isToKeep);
        _current = values;
        return values;
    }

    /// <summary>The computed value, which the caller now owns; null when there is none.</summary>
    /// <param name="tensor">The tensor. In training its learnt buffers are updated.</param>
    /// <param name="learnt">The number of writes to its buffers.</param>
    public static Tensor? Take(IGroupable tensor, out long learnt)
    {
        learnt = 0;
        if (_current is null || !_current._values.Remove(tensor, out var computed))
            return null;
        if (ReferenceEquals(computed.Parts, tensor.Tensors) && computed.At == VersionOf(tensor))
        {
            learnt = tensor.WriteBuffers(computed.Made.Learnt);
            return computed.Made.Value;
        }
        computed.Made.Dispose();
        return null;
    }

    public void Dispose()
    {
        _current = _outer;
        foreach (var (_, computed) in _values)
            computed.Made.Dispose();
    }

    private static PartsVersion VersionOf(IGroupable tensor) => PartsVersion.Of(tensor.Inputs, tensor.Tensors);

    /// <summary>The tensors to compute, those that are alike together; null when there are none.</summary>
    private static Dictionary<(IGroupable, bool), HashSet<IGroupable>>? Alike(IReadOnlyList<IUpcomingUse> uses)
    {
        // With access to all that are compared: another thread may be replacing or removing one.
        var visits = new List<(TensorAccess Access, Visit Visit)>();
        try
        {
            Dictionary<(IGroupable, bool), HashSet<IGroupable>>? groups = null;
            foreach (var use in uses)
            {
                if (!Likeness.MayBeGrouped(use.Tensor) || use.Tensor.Access.TryBegin() is not { } visit)
                    continue;
                visits.Add((use.Tensor.Access, visit));
                if (!use.WillCompute)
                    continue;
                groups ??= new(Likeness.Comparer);
                var key = (use.Tensor, use.WillKeep);
                if (groups.TryGetValue(key, out var group))
                    group.Add(use.Tensor);
                else
                    groups.Add(key, [use.Tensor]);
            }
            return groups;
        }
        finally
        {
            End(visits);
        }
    }

    private static void End(List<(TensorAccess Access, Visit Visit)> visits) =>
        Every.FromTheLast(CollectionsMarshal.AsSpan(visits), entry => entry.Access.End(entry.Visit));

    private void Compute(List<IGroupable> group, bool isToKeep)
    {
        var visits = new List<(TensorAccess Access, Visit Visit)>();
        try
        {
            // It waits for no other thread: a tensor in use by another thread is computed later, by itself.
            foreach (var tensor in group)
                if (tensor.Access.TryBeginAlone() is { } visit)
                    visits.Add((tensor.Access, visit));
            if (visits.Count < group.Count)
                return;
            using var _ = isToKeep ? Modes.Lasting() : null;
            var moments = group.ConvertAll(VersionOf);
            var made = StackedMap.Of(group);
            for (var index = 0; index < made.Length; index++)
                _values[group[index]] = new(made[index], moments[index], group[index].Tensors);
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            // The tensor that cannot be computed throws later, when it is computed by itself.
        }
        finally
        {
            End(visits);
        }
    }

    private readonly record struct Computed(MadeTensor Made, PartsVersion At, Tensor[] Parts);
}
