using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Lifetimes;

/// <summary>
/// Whatever a verb makes on its way it disposes itself, also when it refuses: what it returns is disposed here, and then as many
/// tensors are there as before, without a dispose scope and before any collection.
/// </summary>
public class NoVerbLeavesATensor
{
    private static readonly Dictionary<string, Func<Action>> Verbs = VerbsOfStates
        .All.Concat(VerbsOfModules.All)
        .ToDictionary();

    public static TheoryData<string> Names => [.. Verbs.Keys];

    /// <summary>What an optimizer may have goes, emptied, with the last who holds it: the two factors of an adapter.</summary>
    private static readonly Dictionary<string, int> Emptied = new() { ["adapters"] = 2, ["adapters, merged"] = 2 };

    [Theory]
    [MemberData(nameof(Names))]
    public void As_many_are_there_as_before(string verb) =>
        Assert.Equal(Emptied.GetValueOrDefault(verb), Growth(Verbs[verb]()));

    /// <summary>What an optimizer keeps of a parameter goes when it is told that the parameter is gone.</summary>
    [Fact]
    public void An_optimizer_that_keeps_much_leaves_no_more_than_one_that_keeps_nothing()
    {
        Assert.Equal(Growth(Cycle("SGD")), Growth(Cycle("Adam amsgrad")));

        static Action Cycle(string name)
        {
            var layer = nn.Linear(4, 4);
            var optimizer = AnyOptimizer.Build(name, [.. layer.parameters()]);
            return () =>
            {
                layer.weight_norm();
                optimizer.add_parametrized_parameters(layer);
                layer.remove_parametrizations("weight");
                optimizer.add_parametrized_parameters(layer);
            };
        }
    }

    /// <summary>A collection would hide what was left to it: then it is counted again.</summary>
    private static long Growth(Action act)
    {
        act();
        act();
        GC.Collect();
        GC.WaitForPendingFinalizers();
        for (var attempt = 0; ; attempt++)
        {
            var (collections, before) = (GC.CollectionCount(0), Tensor.TotalCount);
            act();
            var growth = Tensor.TotalCount - before;
            if (collections == GC.CollectionCount(0) || attempt == 20)
                return growth;
        }
    }
}
