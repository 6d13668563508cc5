using Parametrize.CSharp.Binding;
using Parametrize.CSharp.Torch;
using static TorchSharp.torch;

namespace Parametrize.CSharp.Registration;

/// <summary>
/// Takes registrations of several tensors back when one of them fails: parametrized tensors return to what they were,
/// modules get their own parameter object with its values and its gradient.
/// </summary>
internal sealed class Undo : IDisposable
{
    private readonly Stack<(Action TakeBack, IDisposable?[] Saved)> _steps = new();

    /// <summary>Does all of the work, or none.</summary>
    public static void OnFailure(Action<Undo> work)
    {
        using var undo = new Undo();
        try
        {
            work(undo);
        }
        catch
        {
            undo.TakeBack();
            throw;
        }
    }

    /// <summary>Called before a tensor is registered or changed.</summary>
    public void Remember(TensorPath path)
    {
        if (path.Tensor is not { } present)
        {
            RememberPlain(path);
            return;
        }
        var memory = present.Remember();
        _steps.Push((() => present.Return(memory), [memory]));
    }

    public void Dispose()
    {
        foreach (var saved in _steps.SelectMany(step => step.Saved))
            saved?.Dispose();
    }

    private void RememberPlain(TensorPath path)
    {
        var memories = path.Members.Select(member => new PlainMemory(member)).ToList();
        _steps.Push((TakeBack, [.. memories]));

        void TakeBack()
        {
            if (path.Tensor is not { } parametrized)
                return;
            // Nothing is computed, which may be what has failed.
            var copies = memories.ConvertAll(memory => memory.Copy);
            using var whole = copies.Count > 1 ? parametrized.Binding.Layout!.Join(copies) : null;
            Registrar.TakeOut(path, parametrized, whole ?? copies[0]);
            memories.ForEach(memory => memory.Return());
        }
    }

    private void TakeBack()
    {
        foreach (var (takeBack, _) in _steps)
            takeBack();
    }

    /// <summary>A module's own tensor: the object, its numbers and its gradient.</summary>
    private sealed class PlainMemory : IDisposable
    {
        private readonly TensorPath _path;
        private readonly Slot _slot;
        private readonly Tensor _tensor;
        private readonly Tensor? _gradient;
        private readonly bool _isTrained;

        public PlainMemory(TensorPath path)
        {
            _path = path;
            (_slot, _tensor) = PlainTensor.Find(path);
            (Copy, _gradient, _isTrained) = (_tensor.Copied(), _tensor.grad, _tensor.requires_grad);
            _gradient?.DetachFromDisposeScope();
        }

        public Tensor Copy { get; }

        /// <summary>Called when the module has a tensor of its own again.</summary>
        public void Return()
        {
            var (_, now) = PlainTensor.Find(_path);
            if (!ReferenceEquals(now, _tensor))
            {
                _slot.Restore(_tensor);
                now.Dispose();
            }
            Registrar.Overwrite(_tensor, Copy);
            _tensor.requires_grad = _isTrained;
            _tensor.grad = _gradient;
        }

        public void Dispose()
        {
            Copy.Dispose();
            _gradient?.Dispose();
        }
    }
}
