using static TorchSharp.torch;

namespace Properties.CSharp.Support;

internal static class Seeded
{
    /// <summary>TorchSharp's `manual_seed` is for the CPU alone, and tensors without a device are made on the GPU where there is one.</summary>
    public static void Everywhere(long seed)
    {
        manual_seed(seed);
        cuda.manual_seed_all(seed);
    }
}
