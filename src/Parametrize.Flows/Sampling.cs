namespace Parametrize.Flows;

/// <summary>
/// Whether layers run from latent tensors to data on this thread. What a layer takes from the first data it takes on their way
/// to latent tensors only, whichever of its directions that is.
/// </summary>
internal readonly struct Sampling : IDisposable
{
    [ThreadStatic]
    private static int _depth;

    public static bool IsRunning => _depth > 0;

    public static Sampling Begin()
    {
        _depth++;
        return default;
    }

    public void Dispose() => _depth--;
}
