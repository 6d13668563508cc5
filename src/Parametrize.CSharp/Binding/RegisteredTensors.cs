using System.Collections.Immutable;

namespace Parametrize.CSharp.Binding;

/// <summary>
/// The tensors that one flow of execution has registered: a thread or task, with those that have started it. A cached scope for
/// everything computes them at once, so that their fields can be read; other flows' models are not computed for it.
/// </summary>
internal static class RegisteredTensors
{
    private const int RoomForDead = 64;

    /// <summary>Never changed, but replaced: flows that one has started go on from its list, each with one of its own.</summary>
    private static readonly AsyncLocal<(ImmutableList<WeakReference<TensorBinding>> Tensors, int Room)> Current = new();

    public static void Add(TensorBinding tensor)
    {
        var (tensors, room) = (Current.Value.Tensors ?? [], Current.Value.Room);
        if (tensors.Count >= room)
        {
            tensors = tensors.RemoveAll(one => !one.TryGetTarget(out _));
            room = 2 * tensors.Count + RoomForDead;
        }
        Current.Value = (tensors.Add(new(tensor)), room);
    }

    public static IEnumerable<TensorBinding> OfThisFlow() =>
        (Current.Value.Tensors ?? [])
            .Select(one => one.TryGetTarget(out var tensor) ? tensor : null)
            .OfType<TensorBinding>();
}
