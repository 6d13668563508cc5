using Properties.CSharp.Support;
using Xunit;

namespace Properties.CSharp.Threads;

/// <summary>Whatever several threads do with one model, the process lives and every result is right.</summary>
public class ThreadsDoNotDisturbOneAnother
{
    public static TheoryData<string> Scenarios => [.. Traffic.Scenarios.Keys];

    [Theory]
    [MemberData(nameof(Scenarios))]
    public void In_a_process_of_its_own(string scenario)
    {
        var said = ChildProcess.Run(scenario, TimeSpan.FromMinutes(2));
        Assert.True(said.EndsWith("done"), said);
    }
}
