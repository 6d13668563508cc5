using Parametrize;
using Parametrize.CSharp;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Lifetimes;

/// <summary>
/// `Tensor.TotalCount` is how users look for leaks. TorchSharp (0.107.0) itself counts a parameter twice when it makes one and
/// when it moves one; no verb of this library adds to that.
/// </summary>
public class TheCountOfTensorsTellsNoLeak
{
    private const int Times = 10;

    private static readonly Parametrization[] Values =
    [
        Parametrizations.Skew,
        Parametrizations.Orthogonal(),
        Parametrizations.WeightNorm(),
        Parametrizations.SpectralNorm(),
        Parametrizations.LowRank(2),
    ];

    public static TheoryData<string> Cases => [.. Actions(nn.Linear(4, 4), Parametrizations.Skew).Keys];

    /// <summary>All values in one count: to wait for the garbage collector takes longest.</summary>
    [Theory]
    [MemberData(nameof(Cases))]
    public void Nothing_is_counted_that_plain_modules_do_not_count(string action)
    {
        var pairs = Values.Select(value => Actions(nn.Linear(4, 4), value)[action]).ToArray();
        Assert.Equal(
            Growth(() => Array.ForEach(pairs, pair => pair.Plain())),
            Growth(() => Array.ForEach(pairs, pair => pair.Act()))
        );
    }

    [Fact]
    public void Native_modules_and_buffers_are_counted_like_others()
    {
        var (lstm, embedding, norm) = (nn.LSTM(4, 4), nn.Embedding(4, 4), nn.BatchNorm1d(4));
        Assert.Equal(0, Growth(() => RegisterAndRemove(lstm, "weight_hh_l0", Parametrizations.WeightNorm())));
        Assert.Equal(0, Growth(() => RegisterAndRemove(embedding, "weight", Parametrizations.Sphere())));
        Assert.Equal(0, Growth(() => RegisterAndRemove(norm, "running_var", Parametrizations.Positive)));
    }

    /// <summary>Layers that are alike are computed together, and one of them gets no gradient.</summary>
    [Fact]
    public void Layers_of_which_one_is_used_are_counted_like_one()
    {
        var layers = new[] { nn.Linear(4, 4), nn.Linear(4, 4) };
        foreach (var layer in layers)
            layer.register_parametrization("weight", Parametrizations.Symmetric);
        Assert.Equal(0, Growth(Step));

        void Step()
        {
            using var _ = NewDisposeScope();
            using var scope = parametrize.cached();
            layers[0].call(ones(2, 4)).sum().backward();
        }
    }

    [Fact]
    public void Properties_that_make_a_tensor_at_each_reading_leave_none_to_the_collector()
    {
        var (embedding, cell) = (nn.Embedding(4, 4), nn.GRUCell(4, 4));
        void Cycle()
        {
            RegisterAndRemove(embedding, "weight", Parametrizations.Sphere());
            RegisterAndRemove(cell, "weight_hh", Parametrizations.Sphere());
        }

        Cycle();
        var before = Tensor.TotalCount;
        for (var time = 0; time < 10; time++)
            Cycle();
        Assert.InRange(Tensor.TotalCount, 0, before);
    }

    [Fact]
    public void Masks_that_grow_and_weights_that_are_replaced_in_a_scope_leave_none_to_the_collector()
    {
        var (layer, scoped) = (nn.Linear(4, 4), nn.Linear(4, 4));
        scoped.register_parametrization("weight", Parametrizations.Symmetric);
        var pruned = Parametrizations.PrunedL1(2);
        void Replace(Action<Parameter> use)
        {
            using var scope = NewDisposeScope();
            using var own = new Parameter(zeros(4, 4));
            use(own);
        }

        // The object that stood in the field for the assigned one is left to the collector: a user may have put it elsewhere.
        var allowed = Left(() => Replace(_ => { })) + Times;
        Assert.InRange(
            Left(() =>
                layer
                    .register_parametrization("weight", pruned)
                    .register_parametrization("weight", pruned.Then(Parametrizations.Scale(2)))
                    .remove_parametrizations("weight")
            ),
            long.MinValue,
            0
        );
        Assert.InRange(
            Left(() =>
                Replace(own =>
                {
                    using var cached = parametrize.cached(scoped);
                    scoped.call(ones(2, 4));
                    scoped.weight = own;
                    scoped.call(ones(2, 4));
                })
            ),
            long.MinValue,
            allowed
        );

        // The collector may free others meanwhile.
        static long Left(Action cycle)
        {
            cycle();
            var before = Tensor.TotalCount;
            for (var time = 0; time < Times; time++)
                cycle();
            return Tensor.TotalCount - before;
        }
    }

    private static void RegisterAndRemove(nn.Module module, string name, Parametrization value) =>
        module.register_parametrization(name, value).remove_parametrizations(name);

    /// <summary>What is done with the library, and the same of TorchSharp alone.</summary>
    private static Dictionary<string, (Action Act, Action Plain)> Actions(Linear plain, Parametrization value)
    {
        var layer = nn.Linear(4, 4).register_parametrization("weight", value);
        var tensor = layer.parametrization("weight");
        var input = randn(2, 4);
        static void Nothing() { }
        return new()
        {
            ["register and remove"] = (() => RegisterAndRemove(plain, "weight", value), Nothing),
            ["register twice"] = (
                () =>
                {
                    plain.register_parametrization("weight", value);
                    RegisterAndRemove(plain, "weight", Parametrizations.Identity);
                },
                Nothing
            ),
            ["joint"] = (
                () =>
                    plain
                        .register_parametrization(["weight", "bias"], Parametrizations.WeightNorm())
                        .remove_parametrizations("weight+bias"),
                Nothing
            ),
            ["register and dispose"] = (
                () =>
                {
                    using var module = nn.Linear(4, 4).register_parametrization("weight", value);
                },
                () => nn.Linear(4, 4).Dispose()
            ),
            ["copy"] = (
                () =>
                {
                    using var other = nn.Linear(4, 4);
                    parametrize.copy_parametrizations(layer, other);
                },
                () => nn.Linear(4, 4).Dispose()
            ),
            ["refused"] = (
                () =>
                    Assert.ThrowsAny<Exception>(() =>
                        plain.register_parametrization("bias", Parametrizations.Orthogonal())
                    ),
                Nothing
            ),
            ["refused half-way"] = (
                () =>
                    Assert.ThrowsAny<Exception>(() =>
                        nn.ModuleList<nn.Module>(plain, new BatchNormOnly())
                            .register_parametrizations((name, _) => name is "0" or "1", "weight", value)
                    ),
                () => nn.ModuleList<nn.Module>(plain, new BatchNormOnly())
            ),
            ["load"] = (
                () =>
                {
                    using var _ = NewDisposeScope();
                    layer.load_parametrized_state_dict(layer.state_dict());
                },
                Nothing
            ),
            ["load with projection"] = (
                () =>
                {
                    using var _ = NewDisposeScope();
                    layer.load_parametrized_state_dict(plain.state_dict(), whenNotAllowed: WhenNotAllowed.Project);
                },
                Nothing
            ),
            ["assign"] = (
                () =>
                {
                    using var present = tensor.Value;
                    tensor.Value = present;
                },
                Nothing
            ),
            ["assign to the field"] = (
                () =>
                {
                    using var _ = NewDisposeScope();
                    layer.weight = nn.Parameter(tensor.Value.detach().clone());
                    layer.call(input);
                },
                () => nn.Parameter(zeros(4, 4)).Dispose()
            ),
            ["call"] = (() => layer.call(input).Dispose(), Nothing),
            ["cached"] = (
                () =>
                {
                    using var scope = parametrize.cached();
                    layer.call(input).Dispose();
                },
                Nothing
            ),
            ["report"] = (() => layer.parametrization_report(spectraUpTo: 4).ToHtml(), Nothing),
            ["prune"] = (
                () =>
                    plain
                        .l1_unstructured("weight", 0.25)
                        .l1_unstructured("weight", 0.25)
                        .remove_parametrizations("weight"),
                Nothing
            ),
        };
    }

    /// <summary>
    /// By how much the count grows, as soon as it does twice by the same: what other tests have left to the garbage collector may go
    /// meanwhile.
    /// </summary>
    private static long Growth(Action act)
    {
        long CountAfterSome()
        {
            for (var time = 0; time < Times; time++)
                act();
            Collect();
            return Tensor.TotalCount;
        }

        var count = CountAfterSome();
        long? growth = null;
        long? before = null;
        for (var attempt = 0; attempt < 2 || growth != before && attempt < 6; attempt++)
        {
            var next = CountAfterSome();
            (before, growth, count) = (growth, next - count, next);
        }
        return growth!.Value;
    }

    /// <summary>Tensors that nobody disposes are counted until they are collected.</summary>
    private static void Collect()
    {
        for (var time = 0; time < 2; time++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
    }

    private sealed class BatchNormOnly() : nn.Module(nameof(BatchNormOnly));
}
