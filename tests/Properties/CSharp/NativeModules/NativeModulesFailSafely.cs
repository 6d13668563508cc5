using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.NativeModules;

/// <summary>What fails or ends around a native module leaves it usable, and nothing behind.</summary>
public class NativeModulesFailSafely
{
    public static TheoryData<string> Kinds => Subject.NativeKinds;

    [Fact]
    public void A_pass_that_fails_leaves_the_module_usable()
    {
        var lstm = nn.LSTM(3, 4);
        lstm.register_parametrization("weight_hh_l0", Parametrizations.WeightNorm());
        using var input = randn(5, 2, 3);
        using var before = lstm.call(input).Item1;
        Assert.ThrowsAny<Exception>(() => lstm.call(randn(5, 2, 7)));
        Near.Same(before, lstm.call(input).Item1);
        lstm.remove_parametrizations("weight_hh_l0");
        Near.Same(before, lstm.call(input).Item1);
    }

    [Fact]
    public void A_refused_registration_changes_nothing()
    {
        var encoder = nn.TransformerEncoderLayer(4, 2, 6, 0);
        var before = Snapshot.Of(encoder);
        Assert.ThrowsAny<Exception>(() => encoder.register_parametrization("linear1.weight", Parametrizations.Skew));
        Assert.ThrowsAny<Exception>(() => encoder.register_parametrization("linear1.nothing", Parametrizations.Skew));
        before.AssertUnchanged();
    }

    /// <summary>Classes of TorchSharp have no field for such a buffer, and their native modules do not know it.</summary>
    [Fact]
    public void A_buffer_that_was_added_to_a_module_of_TorchSharp_is_refused()
    {
        var layer = nn.Linear(2, 2);
        layer.register_buffer("scales", ones(2, 2));
        var before = Snapshot.Of(layer);
        Assert.Equal(
            "Linear.scales cannot be parametrized: TorchSharp keeps it in native memory, where a forward pass cannot be "
                + "given another tensor. Compute with a ParametrizedTensor in a module of your own.",
            Assert
                .Throws<NotSupportedException>(() =>
                    layer.register_parametrization("scales", Parametrizations.Positive)
                )
                .Message
        );
        before.AssertUnchanged();
    }

    [Fact]
    public void A_scope_outlives_its_native_module()
    {
        foreach (var kind in Subject.Native)
        {
            var (subject, _) = Subject.Registered(kind.Name);
            using var scope = parametrize.cached(subject.Module);
            subject.Module.Dispose();
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Nothing_is_left_behind(string kind)
    {
        var (subject, name) = Subject.Registered(kind);
        Assert.Equal(0, Balance(() => subject.Output()));
        Assert.Equal(0, Balance(() => subject.Output().sum().backward()));
        Assert.Equal(
            0,
            Balance(() =>
            {
                subject.Module.remove_parametrizations(name);
                subject.Module.register_parametrization(name, new Doubling().Value);
            })
        );

        static long Balance(Action action)
        {
            Once();
            var before = DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount;
            for (var time = 0; time < 3; time++)
                Once();
            return DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount - before;

            void Once()
            {
                using var _ = NewDisposeScope();
                action();
            }
        }
    }

    [Fact]
    public void Registering_on_many_modules_is_undone_when_one_refuses()
    {
        var model = nn.Sequential(
            ("wide", nn.TransformerEncoderLayer(4, 2, 4, 0)),
            ("narrow", nn.TransformerEncoderLayer(4, 2, 6, 0))
        );
        model.eval();
        using var input = randn(3, 2, 4);
        foreach (
            var value in new[] { Parametrizations.Skew, Parametrizations.WeightNorm().Then(Parametrizations.Skew) }
        )
        {
            var (before, output) = (Snapshot.Of(model), model.call(input));
            Assert.ThrowsAny<Exception>(() =>
                model.register_parametrizations(
                    (_, module) => module is TransformerEncoderLayer,
                    "linear1.weight",
                    value,
                    WhenNotAllowed.Project
                )
            );
            before.AssertUnchanged();
            Near.Same(output, model.call(input));
        }
    }
}
