namespace Parametrize.CSharp.Torch;

/// <summary>The modes in which libtorch computes.</summary>
internal static class Modes
{
    /// <summary>
    /// Turns gradients on and inference mode off, whatever the caller's modes are: for tensors that outlive these modes. A tensor
    /// that is made in inference mode can never be trained, and a value that is computed without gradients would lack them for
    /// other users.
    /// </summary>
    public static IDisposable Lasting() => inference_mode(false);
}
