using Samples.Training;

namespace Showcase.Experiments;

/// <summary>What an experiment is asked for.</summary>
/// <param name="Seed">Draws whatever is random.</param>
/// <param name="IsQuick">Whether a few steps are enough.</param>
/// <param name="Threads">How many nets are trained at once.</param>
internal sealed record Setting(int Seed, bool IsQuick, int Threads)
{
    /// <summary>How many steps, epochs or seeds there are.</summary>
    public int Choose(int usual, int quick) => IsQuick ? quick : usual;

    /// <summary>Trains what is compared, at the same time, and shows how far that is.</summary>
    public IReadOnlyList<TResult> Compare<TSubject, TResult>(
        IReadOnlyList<TSubject> subjects,
        Func<TSubject, string> name,
        Func<TSubject, SideBySide.Report, TResult> train
    ) => SideBySide.Run(subjects, name, Threads, train);

    /// <summary>The same with several seeds for each.</summary>
    /// <returns>For each subject its results, one for each seed.</returns>
    public IReadOnlyList<IReadOnlyList<TResult>> CompareSeeds<TSubject, TResult>(
        IReadOnlyList<TSubject> subjects,
        Func<TSubject, string> name,
        int seeds,
        Func<TSubject, int, SideBySide.Report, TResult> train
    )
    {
        var pairs = subjects.SelectMany(subject =>
            Enumerable.Range(Seed, seeds).Select(seed => (Subject: subject, Seed: seed))
        );
        var results = Compare(
            [.. pairs],
            pair => $"{name(pair.Subject)}, seed {pair.Seed}",
            (pair, report) => train(pair.Subject, pair.Seed, report)
        );
        return [.. results.Chunk(seeds)];
    }
}
