using System.Collections.Immutable;

namespace Parametrize.CSharp.Binding;

/// <summary>
/// The tensors that were registered in this execution context (`ExecutionContext`): by this thread or task, or by one that started
/// it. A cached scope of all tensors computes them at once, so that their fields can be read; it does not compute those of other
/// contexts.
/// </summary>
internal static class RegisteredTensors
{
    private const int RoomForDead = 64;

    /// <summary>
    /// Replaced as a whole, never changed: a task starts with the list of the context that started it, and then has a list of its
    /// own.
    /// </summary>
    private static readonly AsyncLocal<(ImmutableList<WeakReference<TensorBinding>> Tensors, int Room)> Current = new();

    public static void Add(TensorBinding tensor)
    {
        var (tensors, room) = (Current.Value.Tensors ?? [], Current.Value.Room);
        if (tensors.Count >= room)
        {
            tensors = tensors.RemoveAll(reference => !reference.TryGetTarget(out _));
            room = 2 * tensors.Count + RoomForDead;
        }
        Current.Value = (tensors.Add(new(tensor)), room);
    }

    public static IEnumerable<TensorBinding> OfThisFlow() =>
        (Current.Value.Tensors ?? [])
            .Select(reference => reference.TryGetTarget(out var tensor) ? tensor : null)
            .OfType<TensorBinding>();
}
