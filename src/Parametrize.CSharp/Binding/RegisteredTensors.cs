namespace Parametrize.CSharp.Binding;

/// <summary>
/// The tensors that one flow of execution has registered: a thread or task with those that it has started since. A cached
/// scope for everything computes them at once, so that their fields can be read; other flows' models are not computed for it.
/// </summary>
internal sealed class RegisteredTensors
{
    private static readonly AsyncLocal<RegisteredTensors?> Current = new();

    private readonly List<WeakReference<TensorBinding>> _tensors = [];
    private int _roomForDead = 64;

    public static void Add(TensorBinding tensor) => (Current.Value ??= new()).AddOwn(tensor);

    public static IReadOnlyList<TensorBinding> OfThisFlow() => Current.Value?.Alive() ?? [];

    private void AddOwn(TensorBinding tensor)
    {
        lock (_tensors)
        {
            if (_tensors.Count > _roomForDead)
            {
                _tensors.RemoveAll(one => !one.TryGetTarget(out _));
                _roomForDead = 2 * _tensors.Count + 64;
            }
            _tensors.Add(new(tensor));
        }
    }

    private List<TensorBinding> Alive()
    {
        lock (_tensors)
            return
            [
                .. _tensors.Select(one => one.TryGetTarget(out var tensor) ? tensor : null).OfType<TensorBinding>(),
            ];
    }
}
