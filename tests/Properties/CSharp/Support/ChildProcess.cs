using System.Diagnostics;

namespace Properties.CSharp.Support;

/// <summary>Runs what may end the process in a process of its own: this assembly, started as a program.</summary>
internal static class ChildProcess
{
    /// <returns>What it has written; ends with "done" when it has come to its end.</returns>
    public static string Run(string scenario, TimeSpan limit)
    {
        var start = new ProcessStartInfo("dotnet", [typeof(ChildProcess).Assembly.Location, scenario])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        if (!process.WaitForExit(limit))
            process.Kill();
        process.WaitForExit();
        return $"{errors.Result}{output.Result}".TrimEnd();
    }

    public static void Main(string[] scenarios)
    {
        foreach (var scenario in scenarios)
            if (scenario == State.SavesReplaceFiles.Dying)
                State.SavesReplaceFiles.SaveAndDie();
            else if (scenario == Architecture.PublicSurfaceIsWrittenDown.Writing)
                Architecture.PublicSurfaceIsWrittenDown.Write();
            else
                Threads.Traffic.Scenarios[scenario]();
        Console.WriteLine("done");
    }
}
