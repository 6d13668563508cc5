namespace Parametrize.Bench.SideBySide;

/// <summary>The tables by name, in the order in which they are printed.</summary>
internal static class Tables
{
    /// <summary>Each prints itself, and returns whether its figures stay within their limits.</summary>
    public static IReadOnlyList<(string Name, Func<Options, bool> Print)> All { get; } =
    [
        // Before anything else is registered.
        ("registering", Always(RegisterTable.Print)),
        ("steps", _ => StepTable.Print()),
        ("maps", options => Held(() => MapTable.Print(options))),
        ("models", Always(ModelTable.Print)),
        ("factored", Always(FactoredTable.Print)),
        ("cached", Always(CachedTable.Print)),
        ("recurrent", Always(RecurrentTable.Print)),
        ("inference", Always(InferenceTable.Print)),
        ("flows", Always(FlowTable.Print)),
        ("pruning", Always(PruneTable.Print)),
        ("growth", Always(GrowthTable.Print)),
        ("large", Always(LargeTable.Print)),
        ("memory", options => Held(() => MemoryTable.Print(options))),
    ];

    private static Func<Options, bool> Always(Action print) => _ => Held(print);

    private static bool Held(Action print)
    {
        print();
        return true;
    }
}
