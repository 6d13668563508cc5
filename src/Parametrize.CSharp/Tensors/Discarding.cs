using Parametrize.CSharp.Binding;
using TorchSharp.Modules;

namespace Parametrize.CSharp;

/// <summary>Parts whose numbers have been written into others.</summary>
internal static class Discarding
{
    /// <summary>Disposes them, and takes off what TorchSharp (0.107.0) has counted twice: see <see cref="StandIn"/>.</summary>
    public static void Discard(this Parts parts)
    {
        foreach (var _ in parts.Parameters.Where(one => one is Parameter { IsInvalid: false }))
            Interlocked.Decrement(ref ModuleInternals.TensorCount(null));
        parts.Dispose();
    }
}
