namespace Parametrize.Flows;

/// <summary>
/// Whether this thread computes data from latent tensors. A layer that sets itself by its first data (<see cref="ActNorm"/>) does
/// not do so meanwhile, even if it is inverted and this is its forward direction.
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
