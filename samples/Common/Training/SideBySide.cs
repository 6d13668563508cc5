using System.Collections.Concurrent;
using Samples.Report;
using static TorchSharp.torch;

namespace Samples.Training;

/// <summary>Trains what is to be compared, each on a thread of its own.</summary>
public static class SideBySide
{
    private static readonly Lock Drawing = new();

    /// <summary>Says that so many steps are done, and what is known by now.</summary>
    public delegate void Report(int done, int steps, string state);

    /// <summary>Does all the work, so much of it at a time, and shows how far it is.</summary>
    /// <param name="subjects">What is compared.</param>
    /// <param name="name">How a subject is called.</param>
    /// <param name="atOnce">How many threads there are.</param>
    /// <param name="train">What is done with a subject.</param>
    /// <returns>A result for each subject.</returns>
    public static IReadOnlyList<TResult> Run<TSubject, TResult>(
        IReadOnlyList<TSubject> subjects,
        Func<TSubject, string> name,
        int atOnce,
        Func<TSubject, Report, TResult> train
    )
    {
        // The matrices are too small to share among threads: a core for each subject is faster than all cores for one.
        set_num_threads(1);
        TResult Train(TSubject subject, Work.Report report) =>
            train(subject, (done, steps, state) => report(name(subject), done, steps, state));
        return Work.Show<IReadOnlyList<TResult>>(
            [.. subjects.Select(name)],
            report =>
                [
                    .. Partitioner
                        .Create(subjects.ToArray(), loadBalance: true)
                        .AsParallel()
                        .AsOrdered()
                        .WithDegreeOfParallelism(Math.Min(atOnce, subjects.Count))
                        .Select(subject => Train(subject, report)),
                ]
        );
    }

    /// <summary>Makes what draws initial weights from the one generator that all threads share.</summary>
    public static T Draw<T>(int seed, Func<T> make)
    {
        lock (Drawing)
        {
            manual_seed(seed);
            return make();
        }
    }
}
