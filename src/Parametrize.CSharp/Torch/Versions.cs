using TorchSharp;

namespace Parametrize.CSharp.Torch;

/// <summary>
/// How often tensors have been written to: libtorch counts it for autograd (`Tensor._version`), TorchSharp does not
/// show it. Writes through raw memory are not counted.
/// </summary>
internal static class Versions
{
    // A c10::TensorImpl has the pointer to its virtual table, reference counts, the storage, two more pointers, and the pointer
    // to its version counter. The counter has the pointer to its virtual table, reference counts, and the number.
    private const int CounterInTensor = 40;
    private const int NumberInCounter = 16;

    private const string Script = """
        def versions(tensors: List[Tensor]) -> int:
            total = 0
            for tensor in tensors:
                if not tensor.is_inference():
                    total += tensor._version()
            return total

        """;

    private static readonly Lazy<bool> AreInMemory = new(TryReading);
    private static readonly Lazy<jit.CompilationUnit> Compiled = new(() => jit.compile(Script));

    /// <summary>A sum that grows with each write to one of the tensors; inference tensors have no counter.</summary>
    public static long Of(Tensor[] tensors) => AreInMemory.Value ? Read(tensors) : Ask(tensors);

    /// <summary>Whether a write to one counts as a write to the other; false where that cannot be seen.</summary>
    public static bool SharesCounter(Tensor left, Tensor right) =>
        CounterOf(left) != 0 && CounterOf(left) == CounterOf(right);

    /// <summary>The address of its count, which all views share; zero for an inference tensor, and where it cannot be seen.</summary>
    public static IntPtr CounterOf(Tensor tensor) => AreInMemory.Value ? Counter(tensor) : 0;

    /// <summary>Reads the counters from memory, which takes some nanoseconds.</summary>
    public static long Read(Tensor[] tensors)
    {
        var total = 0L;
        foreach (var tensor in tensors)
            if (Counter(tensor) is var counter and not 0)
                total += (uint)Marshal.ReadInt32(counter, NumberInCounter);
        return total;
    }

    /// <summary>
    /// Asks TorchScript, when tensors have another layout in memory: some microseconds, and 0.3 s the first time.
    /// </summary>
    public static long Ask(Tensor[] tensors)
    {
        using var total = (Scalar)Compiled.Value.invoke("versions", (object)tensors);
        return total.ToInt64();
    }

    private static IntPtr Counter(Tensor tensor) => Marshal.ReadIntPtr(NativeTensors.Identity(tensor), CounterInTensor);

    /// <summary>
    /// Tests that the address is that of the counter before reading there: views share a counter, other tensors in the same storage
    /// do not.
    /// </summary>
    private static bool TryReading()
    {
        using var _ = NewDisposeScope();
        using var counted = inference_mode(false);
        var (tensor, other) = (zeros(1, device: CPU), empty(0, device: CPU));
        var view = tensor.alias();
        using (no_grad())
            other.set_(tensor);
        if (Counter(tensor) == 0 || Counter(tensor) != Counter(view) || Counter(tensor) == Counter(other))
            return false;

        var before = (Read([tensor]), Read([other]));
        view.zero_();
        return before.Item1 == 0 && (Read([tensor]), Read([other])) == (1, before.Item2);
    }
}

/// <summary>The number of writes to the parts, and which parameters are trained.</summary>
internal readonly record struct PartsVersion(long Writes, long Trained)
{
    /// <summary>
    /// The present version. Freezing counts as a change, because an earlier graph would still give gradients to the frozen
    /// parameter.
    /// </summary>
    /// <param name="inputs">The parameters.</param>
    /// <param name="tensors">All that the value is computed from.</param>
    public static PartsVersion Of(Tensor[] inputs, Tensor[] tensors)
    {
        var trained = 0L;
        foreach (var input in inputs)
            trained = unchecked(31 * trained + (input.requires_grad ? 2 : 1)); // Any number of inputs counts.
        return new(Versions.Of(tensors), trained);
    }
}
