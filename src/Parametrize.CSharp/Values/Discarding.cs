using Parametrize.CSharp.Torch;
using TorchSharp.Modules;

namespace Parametrize.CSharp.Values;

/// <summary>Parts whose numbers have been written into others.</summary>
internal static class Discarding
{
    /// <summary>Disposes them, and takes the parameters off the count.</summary>
    public static void Discard(this Parts parts)
    {
        foreach (var _ in parts.Parameters.Where(one => one is Parameter { IsInvalid: false }))
            ModuleInternals.TakeOffCount();
        parts.Dispose();
    }
}
