using static TorchSharp.torch;

namespace Parametrize.CSharp.Torch;

/// <summary>In which modes libtorch computes.</summary>
internal static class Modes
{
    /// <summary>
    /// With gradients and without inference mode, whatever the caller's modes are: for tensors that outlive them. What is
    /// made in inference mode can never be trained, and what is computed without gradients would lack them for others.
    /// </summary>
    public static IDisposable Lasting() => inference_mode(false);
}
