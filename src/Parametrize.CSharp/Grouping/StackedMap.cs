namespace Parametrize.CSharp.Grouping;

/// <summary>
/// Computes several tensors with equal values and forms as one batch: their parts are stacked, one map computes all, and each gets
/// its own tensor. Gradients are those of the tensors computed one by one: parameters whose tensor was not used get none, and the
/// tensors can go through backward passes of their own.
/// </summary>
internal sealed class StackedMap : autograd.MultiTensorFunction<StackedMap>
{
    /// <summary>
    /// The gradients that `backward` has returned. libtorch copies them after `backward` has ended, on the same thread, so they are
    /// disposed later.
    /// </summary>
    [ThreadStatic]
    private static List<Tensor?>? _returned;

    public override string Name => nameof(StackedMap);

    /// <summary>Computes a new tensor for each.</summary>
    public static MadeTensor[] Of(IReadOnlyList<IGroupable> tensors)
    {
        Release();
        using var scope = NewDisposeScope();
        var batch = new Batch(tensors);
        var values = batch.IsTrained
            ? apply([batch, .. batch.Inputs])
            : Batch.Divide(batch.Compute(batch.StackInputs(), batch.Buffers));
        return [.. values.Select((value, index) => new MadeTensor(value, batch.Learnt(index)).Kept())];
    }

    public override List<Tensor> forward(autograd.AutogradContext context, params object[] arguments)
    {
        var batch = (Batch)arguments[0];
        context.set_materialize_grads(false);
        context.save_data(nameof(Batch), batch);
        // Leaves of a graph of their own, because libtorch calls this method with gradients off.
        var leaves = batch.StackInputs();
        foreach (var (leaf, input) in leaves.Zip(batch.InputsOfOne))
            leaf.requires_grad = input.requires_grad;
        Tensor made;
        using (enable_grad())
            made = batch.Compute(leaves, batch.Buffers);
        context.save_for_backward([made, .. leaves, .. batch.Buffers.SelectMany(row => row)]);
        return Batch.Divide(made);
    }

    /// <summary>
    /// An exception must not leave this method: TorchSharp would end the process.
    /// </summary>
    public override List<Tensor> backward(autograd.AutogradContext context, List<Tensor> gradients)
    {
        Release();
        var batch = (Batch)context.get_data(nameof(Batch));
        using var scope = NewDisposeScope();
        try
        {
            _returned = [null, .. Gradients(batch, context.get_saved_variables(), gradients)];
        }
        catch (Exception)
        {
            // Lets libtorch throw: it refuses a gradient on another device than its input. The inputs are not read, since they
            // may be disposed.
            _returned = [null, .. batch.Inputs.Select(_ => empty(1, device: META))];
        }
        foreach (var gradient in gradients)
            if (gradient.IsInvalid)
                gradient.TakeOffCount(); // The gradient of an unused tensor: TorchSharp (0.107.0) counts it, but never disposes it.
            else
                gradient.Dispose();
        foreach (var gradient in _returned)
            gradient?.DetachFromDisposeScope();
        return _returned!;
    }

    /// <summary>The gradients of all inputs: those of the first input of every tensor, then those of the second.</summary>
    private static IEnumerable<Tensor?> Gradients(Batch batch, List<Tensor> saved, List<Tensor> gradients)
    {
        var (made, leaves) = (saved[0], saved[1..(1 + batch.InputsOfOne.Length)]);
        using var none = zeros_like(made[0]);
        using var all = stack([.. gradients.Select(gradient => gradient.IsInvalid ? none : gradient)]);
        var isGraphWanted = is_grad_enabled();
        if (isGraphWanted)
        {
            // The graph has to lead to the parameters themselves.
            var buffers = batch.RowsOf(saved[(1 + leaves.Count)..]);
            leaves =
            [
                .. batch.StackInputs().Zip(leaves, (now, then) => Scalars.Plus(now - now.detach(), then.detach())),
            ];
            made = batch.Compute([.. leaves], buffers);
        }
        var byLeaf = isGraphWanted ? PulledWithGraph(made, all, leaves) : Pulled(batch, made, all, leaves);
        foreach (var ofLeaf in byLeaf)
        {
            var ofEach = ofLeaf?.unbind(0);
            for (var index = 0; index < gradients.Count; index++)
                yield return gradients[index].IsInvalid ? null : ofEach?[index];
        }
    }

    /// <summary>
    /// The gradients by the leaves. It calls `backward`, because TorchSharp's `grad` ends the process where `backward` throws.
    /// </summary>
    private static List<Tensor?> Pulled(Batch batch, Tensor made, Tensor gradient, List<Tensor> leaves)
    {
        List<Tensor> trained = [.. leaves.Where(leaf => leaf.requires_grad)];
        // Threads may share a cached value, and its leaves.
        lock (batch)
            try
            {
                autograd.backward([made], [gradient], retain_graph: true, inputs: trained);
                return leaves.ConvertAll(leaf => leaf.requires_grad ? leaf.grad : null);
            }
            finally
            {
                foreach (var leaf in trained)
                    leaf.grad = null;
            }
    }

    private static List<Tensor?> PulledWithGraph(Tensor made, Tensor gradient, List<Tensor> leaves)
    {
        List<Tensor> trained = [.. leaves.Where(leaf => leaf.requires_grad)];
        var found = new Queue<Tensor?>(
            autograd.grad([made], trained, [gradient], retain_graph: true, create_graph: true, allow_unused: true)
        );
        return leaves.ConvertAll(leaf =>
            leaf.requires_grad && found.Dequeue() is { IsInvalid: false } pulled ? pulled : null
        );
    }

    private static void Release()
    {
        foreach (var gradient in _returned ?? [])
            gradient?.Dispose();
        _returned = null;
    }

    /// <summary>The stacked parts of the tensors of one batch.</summary>
    private sealed class Batch
    {
        private readonly Parametrization _value;
        private readonly long[] _shape;
        private readonly int _count;

        private readonly bool _isLearning;

        public Batch(IReadOnlyList<IGroupable> tensors)
        {
            var first = tensors[0];
            (_value, _shape, _count, _isLearning) = (
                first.Parametrization,
                first.Shape,
                tensors.Count,
                first.IsLearning
            );
            InputsOfOne = first.Inputs;
            Inputs = [.. InputsOfOne.SelectMany((_, place) => tensors.Select(tensor => tensor.Inputs[place]))];
            IsTrained = is_grad_enabled() && Array.Exists(InputsOfOne, input => input.requires_grad);
            using var _ = no_grad();
            Buffers =
            [
                .. first.Buffers.Select(
                    (row, node) =>
                        row.Select((_, place) => stack([.. tensors.Select(tensor => tensor.Buffers[node][place])]))
                            .ToArray()
                ),
            ];
            if (_isLearning)
                Buffers = Stacks.advance(_value, new Parts(_shape, StackInputs(), Buffers)).BufferArrays;
        }

        /// <summary>The updated buffers of one tensor; empty when it learns nothing.</summary>
        public Tensor[][] Learnt(int index) =>
            _isLearning ? [.. Buffers.Select(row => row.Select(buffer => buffer.select(0, index)).ToArray())] : [];

        /// <summary>The inputs of the first tensor; the others have inputs of the same kind.</summary>
        public Tensor[] InputsOfOne { get; }

        /// <summary>The inputs of all tensors: the first input of every tensor, then the second.</summary>
        public Tensor[] Inputs { get; }

        public Tensor[][] Buffers { get; }

        public bool IsTrained { get; }

        public Tensor[] StackInputs() => [.. Inputs.Chunk(_count).Select(alike => stack(alike))];

        public Tensor Compute(Tensor[] leaves, Tensor[][] buffers) =>
            Stacks.forward(_value, new Parts(_shape, leaves, buffers));

        /// <summary>The tensors of the batch, each in its own memory: a pass may write into one of them.</summary>
        public static List<Tensor> Divide(Tensor made) => [.. made.detach().unbind(0).Select(tensor => tensor.clone())];

        public Tensor[][] RowsOf(List<Tensor> buffers)
        {
            var next = 0;
            return [.. Buffers.Select(row => row.Select(_ => buffers[next++]).ToArray())];
        }
    }
}

/// <summary>A computed tensor, and its updated buffers if it learns.</summary>
internal readonly record struct MadeTensor(Tensor Value, Tensor[][] Learnt) : IDisposable
{
    public MadeTensor Kept()
    {
        foreach (var tensor in All)
            tensor.DetachFromDisposeScope();
        return this;
    }

    public void Dispose()
    {
        foreach (var tensor in All)
            tensor.Dispose();
    }

    private IEnumerable<Tensor> All => Learnt.SelectMany(row => row).Prepend(Value);
}
