using Parametrize.CSharp.Binding;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using Core = Parametrize.ParametrizationModule;

namespace Parametrize.CSharp;

/// <summary>
/// One constrained tensor and what it is computed from: a module whose parameters an optimizer trains (`original`, or
/// `original0`, `original1`, ...) and whose buffers sit in children named by the position of their link (`0.base`).
/// </summary>
/// <remarks>
/// A module of your own holds it as a field, reads <see cref="Value"/> in `forward`, and lets RegisterComponents find
/// it. Registering on an existing module makes one too: see <see cref="parametrize"/>.
/// </remarks>
public sealed partial class ParametrizedTensor : nn.Module
{
    private readonly bool _isBuffer;
    private Tensor[] _inputs = [];
    private Tensor[][] _buffers = [];

    /// <summary>A tensor of one's own, to be held by a module.</summary>
    /// <param name="parametrization">The value that says which space and which map.</param>
    /// <param name="initial">The first value. It is copied; its dtype and device are those of the parts.</param>
    /// <param name="whenNotAllowed">What to do when <paramref name="initial"/> is outside the space.</param>
    /// <exception cref="ParametrizationException">The tensor does not suit, or the policy refuses it.</exception>
    public ParametrizedTensor(
        Parametrization parametrization,
        Tensor initial,
        WhenNotAllowed whenNotAllowed = WhenNotAllowed.Project
    )
        : this(parametrization, StartingParts.For(parametrization, initial, whenNotAllowed), null, false, true) =>
        IsOnesOwn = true;

    /// <summary>Adopts the parts. `reused`, when given, becomes the parameter of its shape, still unchanged.</summary>
    internal ParametrizedTensor(
        Parametrization parametrization,
        Parts parts,
        Tensor? reused,
        bool isBuffer,
        bool requiresGrad
    )
        : base(nameof(ParametrizedTensor))
    {
        Parametrization = parametrization;
        _isBuffer = isBuffer;
        Binding = new(this);
        Reused = reused is null
            ? -1
            : parts.Parameters.ToList().FindLastIndex(p => p.shape.SequenceEqual(reused.shape));
        foreach (var (name, index) in Core.parameterNames(parametrization).Select((name, index) => (name, index)))
        {
            var tensor = index == Reused ? reused! : Owned(parts.Parameters[index], requiresGrad && !isBuffer);
            if (isBuffer)
                register_buffer(name, tensor);
            else
                register_parameter(name, (Parameter)tensor);
        }
        AddLinks(parts, from: 0);
        Refresh();
        (_deviceType, _deviceIndex) = (_inputs[0].device_type, _inputs[0].device_index);
    }

    /// <summary>What constrains the tensor.</summary>
    public Parametrization Parametrization { get; private set; }

    /// <summary>
    /// The constrained tensor. Reading computes it (once in a cached scope) and gives a new tensor, the caller's to
    /// dispose, through which gradients flow. Assigning writes the right inverse into the parameters, in place.
    /// </summary>
    /// <exception cref="ParametrizationException">The assigned tensor is not allowed; nothing has changed.</exception>
    public Tensor Value
    {
        get => Binding.Read();
        set => Assign(value).OrThrow(Where);
    }

    /// <summary>The modules that compute with it.</summary>
    internal TensorBinding Binding { get; }

    /// <summary>Whether its user made it and keeps it: no module may take its parameters or dispose it.</summary>
    internal bool IsOnesOwn { get; }

    internal bool IsBuffer => _isBuffer;

    /// <summary>The parameter that was the module's own tensor before, or -1.</summary>
    internal int Reused { get; }

    internal string? Where => Binding.Where;

    internal bool HasBase => Core.hasBase(Parametrization);

    internal Tensor[] Inputs => _inputs;

    /// <summary>All that the value is computed from: parameters, then buffers.</summary>
    internal Tensor[] Tensors { get; private set; } = [];

    /// <summary>Assigns if the tensor is allowed.</summary>
    /// <returns>Null, or why nothing was changed.</returns>
    public ParametrizationError? TryAssign(Tensor value) => Assign(value).ErrorOrNull();

    /// <summary>
    /// Moves what is carried to the present point: a base becomes the present tensor and its parameter zero. The value
    /// stays; gradients are cleared. An optimizer's momenta stay too: <see cref="parametrize.update_base"/> resets them.
    /// </summary>
    public void MoveBase() => Bases.Move([this], null);

    /// <summary>The inverse of an invertible matrix, by two triangular solves.</summary>
    /// <exception cref="InvalidOperationException">The parametrization is not `invertible`.</exception>
    public Tensor Inverse() => Invertible.inverse(Parametrization, FollowedParts());

    /// <summary>log det W of an invertible matrix, a sum over n numbers.</summary>
    /// <exception cref="InvalidOperationException">The parametrization is not `invertible`.</exception>
    public Tensor LogDeterminant() => Invertible.logDeterminant(Parametrization, FollowedParts());

    /// <summary>Sets the mode; only in training does a tensor learn besides gradients (power iterations).</summary>
    public override void train(bool train = true)
    {
        if (train != training)
            Binding.Forget();
        base.train(train);
    }

    /// <inheritdoc/>
    public override IEnumerable<(string name, Parameter parameter)> named_parameters(bool recurse = true)
    {
        Binding.Follow();
        return base.named_parameters(recurse);
    }

    /// <inheritdoc/>
    public override IEnumerable<(string name, Tensor buffer)> named_buffers(
        bool recurse = true,
        bool include_nonpersistent = true
    )
    {
        Binding.Follow();
        return base.named_buffers(recurse, include_nonpersistent);
    }

    /// <inheritdoc/>
    public override Dictionary<string, Tensor> state_dict(
        Dictionary<string, Tensor>? destination = null,
        string? prefix = null
    )
    {
        Binding.Lend();
        return base.state_dict(destination, prefix);
    }

    /// <summary>The value now, learning what training steps learn.</summary>
    internal Tensor Evaluate()
    {
        if (!Core.learns(Parametrization))
            return Core.forward(Parametrization, CurrentParts());

        // The graph keeps the tensors that forward has used. It gets new ones: the buffers are written after, or by a
        // training pass between this one and its backward.
        if (!training)
        {
            using var copies = NewDisposeScope();
            Tensor[][] kept = [.. _buffers.Select(row => row.Select(buffer => buffer.clone()).ToArray())];
            return Core.forward(Parametrization, Core.ofArrays(_inputs, kept)).MoveToOuterDisposeScope();
        }
        var advanced = Core.advance(Parametrization, CurrentParts());
        var value = Core.forward(Parametrization, advanced);
        Carry(advanced);
        return value;
    }

    /// <summary>New parts of the present value, whose base is that value.</summary>
    internal Parts Rebased() => Core.rebase(Parametrization, FollowedParts()).OrThrow(Where);

    internal Parts CurrentParts() => Core.ofArrays(_inputs, _buffers);

    /// <summary>Writes new tensors into the old ones, so that optimizers and state dicts keep theirs.</summary>
    internal void Write(Parts parts)
    {
        using var _ = no_grad();
        foreach (var (old, next) in Tensors.Zip(parts.Tensors))
            if (old.shape.SequenceEqual(next.shape))
                old.copy_(next);
            else
                old.set_(next);
        Binding.Forget();
    }

    /// <summary>Assigns the tensor, its projection when it is not allowed.</summary>
    internal void TakeNearest(Tensor value)
    {
        using var parts = Core.extend(Parametrization, CurrentParts(), value).OrThrow(Where);
        Write(parts);
    }

    /// <summary>Puts more links behind the present ones and keeps the value where they allow it.</summary>
    internal void Append(Parametrization more, WhenNotAllowed whenNotAllowed)
    {
        Binding.Follow();
        var longer = Core.tryAndThen(more, Parametrization).OrThrow(Where);
        using var present = Detached();
        var extended =
            ContinuedParts(longer, more, present, whenNotAllowed)
            ?? StartingParts.ForMore(longer, more, CurrentParts(), present, whenNotAllowed, Where);
        var before = _buffers.Length;
        Parametrization = longer;
        AddLinks(extended, before);
        Refresh();
        Write(extended);
        foreach (var copied in extended.Tensors.Except(Tensors))
            copied.Dispose();
    }

    /// <summary>The value without gradients and without learning.</summary>
    internal Tensor Detached()
    {
        using var _ = no_grad();
        return Core.forward(Parametrization, CurrentParts());
    }

    /// <summary>
    /// Disposing this spares what it is computed from: one goes back to the module, and optimizers that have the others
    /// must find them, empty.
    /// </summary>
    internal void ReleaseInputs()
    {
        foreach (var (index, name) in Core.parameterNames(Parametrization).Index())
        {
            if (_isBuffer)
                ModuleInternals.Buffers(this).Remove(name);
            else
                ModuleInternals.Parameters(this).Remove(name);
            if (index != Reused)
                _inputs[index].Empty();
        }
    }

    internal void MoveTo(ScalarType dtype, Device device) => _to(device, dtype, false);

    /// <inheritdoc/>
    protected override void _toEpilog(ScalarType? dtype, Device? device, bool non_blocking)
    {
        var before = FormModule.epsilon(_inputs[0].dtype);
        base._toEpilog(dtype, device, non_blocking);
        Refresh();
        if (FormModule.epsilon(_inputs[0].dtype) < before)
            Carry(Core.mend(Parametrization, CurrentParts())); // What was rounded there is outside the space here.
        Binding.Moved();
    }

    private static Tensor Owned(Tensor parameter, bool requiresGrad) =>
        parameter.with_requires_grad(requiresGrad).DetachFromDisposeScope();

    /// <summary>Writes the buffers that are new into those in use.</summary>
    private void Carry(Parts next)
    {
        using var _ = no_grad();
        foreach (var (buffer, changed) in CurrentParts().Buffers.Zip(next.Buffers))
            if (!ReferenceEquals(buffer, changed))
            {
                buffer.copy_(changed);
                changed.Dispose();
            }
    }

    private Parts FollowedParts()
    {
        Binding.Follow();
        return CurrentParts();
    }

    private Microsoft.FSharp.Core.FSharpResult<Parts, ParametrizationError> Assign(Tensor value)
    {
        ArgumentNullException.ThrowIfNull(value);
        Binding.Follow();
        var parts = Core.rightInverse(Parametrization, CurrentParts(), value);
        if (parts.IsOk)
        {
            using var written = parts.ResultValue;
            Write(written);
        }
        return parts;
    }

    private void AddLinks(Parts parts, int from)
    {
        foreach (var (link, position) in Parametrization.Links.Select((link, position) => (link, position)).Skip(from))
        {
            var child = new LinkBuffers(link.BufferNames, Core.buffersOf(parts, position));
            child.train(training);
            register_module($"{position}", child);
        }
    }

    /// <summary>Reads again what moving has replaced.</summary>
    private void Refresh()
    {
        _inputs =
        [
            .. Core.parameterNames(Parametrization)
                .Select(name => _isBuffer ? get_buffer(name)! : get_parameter(name)!),
        ];
        _buffers = [.. named_children().Select(child => ((LinkBuffers)child.module).Tensors())];
        Tensors = [.. _inputs, .. _buffers.SelectMany(row => row)];
    }
}
