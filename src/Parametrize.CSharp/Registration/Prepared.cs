using Parametrize.CSharp.Threads;

namespace Parametrize.CSharp.Registration;

/// <summary>A change of a model of which all that can fail is done: it is committed, or disposed and nothing has changed.</summary>
internal interface IPrepared : IDisposable
{
    void Commit();
}

/// <summary>Several changes: all or none.</summary>
internal sealed class Prepared : IPrepared
{
    private readonly List<IPrepared> _changes = [];

    private Prepared() { }

    /// <summary>Prepares one change after another; when one fails, those before it are disposed.</summary>
    /// <param name="changes">Prepares while it is enumerated.</param>
    public static Prepared All(IEnumerable<IPrepared> changes)
    {
        var all = new Prepared();
        try
        {
            all._changes.AddRange(changes);
            return all;
        }
        catch
        {
            all.Dispose();
            throw;
        }
    }

    /// <summary>Prepares changes of these tensors and commits all, while no other thread uses them.</summary>
    public static void CommitAll(IEnumerable<TensorPath> paths, Func<IEnumerable<IPrepared>> changes)
    {
        using var alone = TensorAccess.WritingAll(paths.SelectMany(path => path.Accesses));
        using var all = All(changes());
        all.Commit();
    }

    public void Commit() => _changes.ForEach(one => one.Commit());

    public void Dispose() => _changes.ForEach(one => one.Dispose());
}
