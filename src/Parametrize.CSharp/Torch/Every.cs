using System.Runtime.ExceptionServices;

namespace Parametrize.CSharp.Torch;

/// <summary>Runs an action for every item, also when it throws for some of them.</summary>
internal static class Every
{
    /// <summary>Runs it for the last item first. When all are done, throws the exception that came first.</summary>
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
