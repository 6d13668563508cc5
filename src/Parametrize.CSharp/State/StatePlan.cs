using Parametrize.CSharp.Joint;
using Parametrize.CSharp.Values;
using TorchSharp;

namespace Parametrize.CSharp.State;

/// <summary>
/// The writes that loading will make. Everything that can fail happens while the plan is made; carrying it out copies between
/// tensors of equal shape, type and device.
/// </summary>
internal sealed class StatePlan(WhenNotAllowed whenNotAllowed) : IDisposable
{
    private readonly List<(Tensor Target, Tensor Value)> _copies = [];
    private readonly List<(ParametrizedTensor Target, Parts Value)> _assignments = [];
    private readonly HashSet<Tensor> _written = new(NativeTensors.Comparer);
    private readonly DisposeScope _scope = NewDisposeScope();

    /// <summary>The reasons why the plan cannot be carried out.</summary>
    public List<string> Problems { get; } = [];

    /// <summary>Whether the plan writes the tensor, under this name or another.</summary>
    public bool Writes(Tensor tensor) => _written.Contains(tensor);

    public void Copy(string key, Tensor target, Tensor value)
    {
        _written.Add(target);
        if (Fault(target.shape, target, value) is { } fault)
            Problems.Add($"{key}: {fault}");
        else
            _copies.Add((target, ConvertedFor(target, value)));
    }

    /// <summary>Plans to copy the pieces of a tensor. Pieces that the state lacks stay as they are.</summary>
    public void CopyPieces(ParametrizedTensor target, StatePieces pieces)
    {
        var (map, own, before) = (target.Parametrization, target.CurrentParts().Tensors.ToArray(), Problems.Count);
        var next = own.ToArray();
        var found = StatePieces.NamesOf(map).Index().Where(piece => pieces.Keys.ContainsKey(piece.Item)).ToList();
        var forms = pieces.Forms(map, Core.form(map, target.CurrentParts()));
        foreach (var (index, name) in found)
        {
            next[index] = pieces[name];
            _written.Add(own[index]);
            if (Fault(forms[index].Shape, own[index], next[index]) is { } fault)
                Problems.Add($"{pieces.Keys[name]}: {fault}");
        }
        if (found.Count == 0 || Problems.Count > before)
            return;

        var isRounded = next.Zip(own, StatePieces.IsCoarser).Any(isCoarser => isCoarser);
        var parts = StatePieces.Joined(map, target.Shape, own.Zip(next, ConvertedFor));
        if (pieces.Checked(map, parts, isRounded, Problems)?.Tensors.ToArray() is { } loaded)
            _copies.AddRange(found.Select(piece => (own[piece.Index], loaded[piece.Index])));
    }

    /// <summary>Plans to assign a joint tensor, joined from plain tensors of the state.</summary>
    public void AssignJoint(StateTarget target, JointLayout layout, IReadOnlyList<(string Key, Tensor Value)> members)
    {
        var like = target.Parametrized!.Inputs[0];
        foreach (var (key, member) in members)
            if (Fault(like, member) is { } fault)
            {
                Problems.Add($"{key}: {fault}");
                return;
            }
        try
        {
            Assign(
                target.Key,
                target.Parametrized,
                layout.Join([.. members.Select(member => ConvertedFor(like, member.Value))])
            );
        }
        catch (ArgumentException refusal)
        {
            Problems.Add($"{target.Key}: {refusal.Message}");
        }
    }

    /// <summary>Plans to assign a value to a parametrized tensor.</summary>
    /// <param name="key">Its key in messages.</param>
    /// <param name="policy">
    /// What to do when the value is not allowed. Default: the policy that the caller of loading has given.
    /// </param>
    public void Assign(string key, ParametrizedTensor target, Tensor value, WhenNotAllowed? policy = null)
    {
        _written.UnionWith(target.CurrentParts().Tensors);
        var like = target.Inputs[0];
        if (Fault(target.Shape, like, value) is { } fault)
        {
            Problems.Add($"{key}: {fault}");
            return;
        }
        try
        {
            _assignments.Add(
                (
                    target,
                    StartingParts.ForAssigned(
                        target.Parametrization,
                        target.CurrentParts(),
                        ConvertedFor(like, value),
                        policy ?? whenNotAllowed
                    )
                )
            );
        }
        catch (ParametrizationException refusal)
        {
            var advice = refusal.Error.IsNotAllowed ? " Or load with WhenNotAllowed.Project." : "";
            Problems.Add($"{key}: {refusal.Error.Message}{advice}");
        }
    }

    /// <summary>The value that the pieces give for a tensor; null when a problem has been noted.</summary>
    public Tensor? Bake(string key, Tensor like, long[] shape, StatePieces pieces, Parametrization map)
    {
        try
        {
            using var _ = no_grad();
            return pieces.Parts(map, shape, like, Problems) is { } parts ? Core.forward(map, parts) : null;
        }
        catch (Exception error) when (error is ExternalException or ArgumentException or ParametrizationException)
        {
            Problems.Add($"{key}: {error.Message.Split('\n')[0]}");
            return null;
        }
    }

    /// <summary>Writes, in place, so that optimizers keep their parameters.</summary>
    public void CarryOut(IEnumerable<StateTarget> targets)
    {
        CopyAliases();
        foreach (var (target, value) in _copies)
            target.WriteOver(value);
        foreach (var (target, value) in _assignments)
            target.Write(value);
        // Cached values were computed from the old parts, so they are dropped. Assigning has done so already.
        var copied = targets.Select(target => target.Parametrized).OfType<ParametrizedTensor>();
        foreach (var target in copied.Except(_assignments.Select(assignment => assignment.Target)))
        {
            target.FollowMasks();
            target.Binding.Forget();
            target.Binding.ShowAgain();
        }
    }

    /// <summary>
    /// Copies values that are the model's own tensors under other names, which the plan is going to write over.
    /// </summary>
    private void CopyAliases()
    {
        var written = _copies.Select(copy => Versions.CounterOf(copy.Target)).ToHashSet();
        for (var index = 0; index < _copies.Count; index++)
            if (written.Contains(Versions.CounterOf(_copies[index].Value)))
                _copies[index] = (_copies[index].Target, _copies[index].Value.detach().clone());
    }

    /// <summary>Disposes the tensors that were computed for the plan.</summary>
    public void Dispose()
    {
        foreach (var (_, value) in _assignments)
            value.Discard();
        _scope.Dispose();
    }

    /// <summary>Why a tensor cannot be written into the target, where this shape is expected; null when it can.</summary>
    private static string? Fault(long[] shape, Tensor target, Tensor value) =>
        shape.SequenceEqual(value.shape)
            ? Fault(target, value)
            : $"shape {Form.Shown(shape)} was expected, but {Form.Shown(value.shape)} was found.";

    /// <summary>Why `copy_` would fail, or would lose data without an error; null when it would not.</summary>
    private static string? Fault(Tensor target, Tensor value)
    {
        if (target.device_type == DeviceType.META)
            return "the model's tensor is on the meta device, which holds no data. Move the model first.";
        if (FormModule.layoutFault(value)?.Value is { } layout)
            return $"{layout.Item1} was expected, but it is {layout.Item2}.";
        return value.is_complex() && !target.is_complex()
            ? $"{target.dtype} was expected, but {value.dtype} was found, whose imaginary part would be lost."
            : null;
    }

    /// <summary>The value in the element type and on the device of the target; the value itself when these agree.</summary>
    private static Tensor ConvertedFor(Tensor target, Tensor value)
    {
        using var _ = no_grad();
        return value.HasSameTypeAndDevice(target) ? value : value.to(target.dtype, target.device);
    }
}
