using static TorchSharp.torch;

namespace Showcase.Copying;

/// <summary>
/// Symbols to remember, and nothing until they are to be said again (Hochreiter and Schmidhuber, Long short-term memory, 1997; as
/// in Arjovsky, Shah and Bengio, Unitary evolution recurrent neural networks, 2016).
/// </summary>
internal static class CopyingData
{
    public const int Alphabet = 8;
    public const int Symbols = 10;

    /// <summary>Sequence by place in it, numbers from 0 to 7.</summary>
    public static Tensor Draw(int sequences, Generator generator) =>
        randint(0, Alphabet, [sequences, Symbols], generator: generator);
}
