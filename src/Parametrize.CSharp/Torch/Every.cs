using System.Runtime.ExceptionServices;

namespace Parametrize.CSharp.Torch;

/// <summary>Runs an action for every item, also when it throws for some of them. When all are done, throws the first exception.</summary>
internal static class Every
{
    /// <summary>Runs it for the last item first.</summary>
    public static void FromTheLast<T>(ReadOnlySpan<T> all, Action<T> what)
    {
        ExceptionDispatchInfo? first = null;
        for (var index = all.Length - 1; index >= 0; index--)
            Do(all[index], what, ref first);
        first?.Throw();
    }

    /// <summary>Runs it for the first item first.</summary>
    public static void InOrder<T>(List<T> all, Action<T> what)
    {
        ExceptionDispatchInfo? first = null;
        foreach (var item in CollectionsMarshal.AsSpan(all))
            Do(item, what, ref first);
        first?.Throw();
    }

    private static void Do<T>(T item, Action<T> what, ref ExceptionDispatchInfo? first)
    {
        try
        {
            what(item);
        }
        catch (Exception error)
        {
            first ??= ExceptionDispatchInfo.Capture(error);
        }
    }
}
