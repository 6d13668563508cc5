using System.Diagnostics;

namespace Parametrize.Bench.SideBySide;

/// <summary>
/// Times alternatives in short turns of random order, so that what else the machine does meets all of them alike. Counts
/// the time of the processor: on one thread that is the time on the clock, less what other programs took of it.
/// </summary>
internal static class Race
{
    private static readonly TimeSpan Turn = TimeSpan.FromMilliseconds(1);

    // The runtime compiles methods that run often again, on a thread whose time would count; by then it has done so.
    private static readonly TimeSpan WarmUp = TimeSpan.FromMilliseconds(400);

    /// <summary>Runs the alternatives in turn until the time is over, at least five rounds.</summary>
    public static Laps[] Run(TimeSpan time, params Action[] alternatives)
    {
        var counts = alternatives.Select(RunsInATurn).ToArray();
        var laps = alternatives.Select(_ => new List<double>()).ToArray();
        var order = Enumerable.Range(0, alternatives.Length).ToArray();
        var random = new Random(0);
        var clock = Stopwatch.StartNew();
        for (var round = 0; round < 5 || clock.Elapsed < time; round++)
        {
            // Random order, because an alternative finds the caches of the one before, and pays for its garbage.
            random.Shuffle(order);
            foreach (var which in order)
                laps[which].Add(Microseconds(alternatives[which], counts[which]));
        }
        return [.. laps.Select(times => new Laps(times))];
    }

    /// <summary>Warms up, which counts how many runs fill a turn.</summary>
    private static int RunsInATurn(Action alternative)
    {
        var clock = Stopwatch.StartNew();
        var fastest = double.PositiveInfinity;
        for (var run = 0; run < 2 || clock.Elapsed < WarmUp; run++)
            fastest = Math.Min(fastest, Math.Max(Microseconds(alternative, runs: 1), 0.1));
        return Math.Max(1, (int)(Turn.TotalMicroseconds / fastest));
    }

    private static double Microseconds(Action alternative, int runs)
    {
        var before = Environment.CpuUsage.TotalTime;
        for (var run = 0; run < runs; run++)
            alternative();
        return (Environment.CpuUsage.TotalTime - before).TotalMicroseconds / runs;
    }
}
