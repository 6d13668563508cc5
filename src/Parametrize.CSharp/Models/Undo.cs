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
        var (slot, tensor) = SlotFinder.Find(path.Owner, path.Name);
        var (copy, gradient, isTrained) = (tensor.Copied(), tensor.grad, tensor.requires_grad);
        gradient?.DetachFromDisposeScope();
        _steps.Push((TakeBack, [copy, gradient]));

        void TakeBack()
        {
            if (path.Tensor is not { } parametrized)
                return;
            // Nothing is computed, which may be what has failed.
            Registration.TakeOut(path, parametrized, value: null);
            var (_, now) = SlotFinder.Find(path.Owner, path.Name);
            if (!ReferenceEquals(now, tensor))
            {
                slot.Restore(tensor);
                now.Dispose();
            }
            using var _ = no_grad();
            tensor.copy_(copy);
            tensor.requires_grad = isTrained;
            tensor.grad = gradient;
        }
    }

    private void TakeBack()
    {
        foreach (var (takeBack, _) in _steps)
            takeBack();
    }
}
