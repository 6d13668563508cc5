using System.Runtime.ExceptionServices;

namespace Parametrize.CSharp.Torch;

/// <summary>What has to be done with every one, also where one throws.</summary>
internal static class Every
{
    /// <summary>The last first. Throws the first exception when all are done.</summary>
    public static void FromTheLast<T>(ReadOnlySpan<T> all, Action<T> what)
    {
        ExceptionDispatchInfo? first = null;
        for (var index = all.Length - 1; index >= 0; index--)
            try
            {
                what(all[index]);
            }
            catch (Exception error)
            {
                first ??= ExceptionDispatchInfo.Capture(error);
            }
        first?.Throw();
    }
}
