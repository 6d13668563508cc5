using Parametrize.CSharp.Binding;
using TorchSharp;
using static TorchSharp.torch;

namespace Parametrize.CSharp;

/// <summary>
/// Takes registrations of several tensors back when one of them fails: parametrized tensors return to what they were,
/// modules get their own parameter object with its values and its gradient.
/// </summary>
internal sealed class Undo : IDisposable
{
    private readonly Stack<(Action TakeBack, IDisposable?[] Saved)> _steps = new();

    /// <summary>Runs everything, or nothing.</summary>
    public static void Unless(Action<Undo> work)
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
        if (path.Tensor is { } present)
            Remember(present);
        else
            RememberPlain(path);
    }

    public void Remember(ParametrizedTensor tensor)
    {
        var memory = tensor.Remember();
        _steps.Push((() => tensor.Return(memory), [memory]));
    }

    public void Dispose()
    {
        foreach (var saved in _steps.SelectMany(step => step.Saved))
            saved?.Dispose();
    }

    private void RememberPlain(TensorPath path)
    {
        var places = path.Parts.Select(part => new PlainMemory(part)).ToList();
        _steps.Push((TakeBack, [.. places]));

        void TakeBack()
        {
            if (path.Tensor is not { } parametrized)
                return;
            // The unconstrained parameter needs no computing, which may be what has failed.
            Registration.Remove(path, leaveParametrized: !Registration.HasUnconstrained(parametrized));
            places.ForEach(place => place.Return());
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
        private readonly Tensor _copy;
        private readonly Tensor? _gradient;
        private readonly bool _isTrained;

        public PlainMemory(TensorPath path)
        {
            _path = path;
            (_slot, _tensor) = SlotFinder.Find(path.Owner, path.Name);
            using var values = _tensor.detach();
            (_copy, _gradient, _isTrained) = (values.clone(), _tensor.grad, _tensor.requires_grad);
            _copy.DetachFromDisposeScope();
            _gradient?.DetachFromDisposeScope();
        }

        /// <summary>Called when the module has a tensor of its own again.</summary>
        public void Return()
        {
            var (_, now) = SlotFinder.Find(_path.Owner, _path.Name);
            if (!ReferenceEquals(now, _tensor))
            {
                _slot.Restore(_tensor);
                now.Dispose();
            }
            Registration.Overwrite(_tensor, _copy);
            _tensor.requires_grad = _isTrained;
            _tensor.grad = _gradient;
        }

        public void Dispose()
        {
            _copy.Dispose();
            _gradient?.Dispose();
        }
    }
}
