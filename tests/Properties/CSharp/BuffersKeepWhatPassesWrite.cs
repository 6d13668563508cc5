using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp;

/// <summary>A buffer that a forward pass changes in place, as norms do while they train, keeps the change.</summary>
public class BuffersKeepWhatPassesWrite
{
    private static BatchNorm1d Norm() =>
        nn.BatchNorm1d(4)
            .register_parametrization("running_var", Parametrizations.Positive)
            .register_parametrization("running_mean", Parametrizations.Bounded(-100, 100));

    [Property(MaxTest = 30)]
    public Property Statistics_are_those_of_a_plain_norm() =>
        Prop.ForAll(
            (
                from modes in Gen.Elements(true, false).NonEmptyListOf()
                from isCached in Gen.Elements(true, false)
                select (modes, isCached)
            ).ToArbitrary(),
            drawn =>
            {
                var (plain, norm) = (nn.BatchNorm1d(4), Norm());
                using (drawn.isCached ? parametrize.cached(norm) : null)
                    foreach (var trains in drawn.modes)
                    {
                        plain.train(trains);
                        norm.train(trains);
                        using var input = randn(6, 4) * 3 + 1;
                        Near.Same(plain.call(input), norm.call(input));
                        Near.Same(plain.running_mean!, norm.parametrization("running_mean").Value);
                        Near.Same(plain.running_var!, norm.parametrization("running_var").Value);
                    }
                norm.remove_parametrizations("running_var").remove_parametrizations("running_mean");
                Near.Same(plain.running_mean!, norm.running_mean!);
                Near.Same(plain.running_var!, norm.running_var!);
            }
        );

    public static TheoryData<Parametrization> Values =>
        [Parametrizations.Identity, Parametrizations.Bounded(-100, 100), Parametrizations.PrunedL1(2)];

    [Theory]
    [MemberData(nameof(Values))]
    public void Passes_before_one_backward_have_their_gradients(Parametrization value)
    {
        foreach (var isCached in new[] { false, true })
        {
            var (plain, norm) = (nn.BatchNorm1d(4), nn.BatchNorm1d(4));
            norm.register_parametrization("running_mean", value).register_parametrization("running_var", value);
            using var input = randn(6, 4, requires_grad: true);
            Tensor Gradient(BatchNorm1d of)
            {
                input.grad = null;
                (of.call(input).pow(3).sum() + of.call(input * 2).exp().sum()).backward();
                return input.grad!;
            }

            using (isCached ? parametrize.cached() : null)
                Near.Same(Gradient(plain), Gradient(norm));
        }
    }

    [Fact]
    public void What_is_not_allowed_is_projected()
    {
        var value = Parametrizations.Sphere();
        var norm = nn.BatchNorm1d(4).register_parametrization("running_mean", value);
        using var before = norm.parametrization("running_mean").Value;
        using var input = randn(6, 4) + 5;
        norm.call(input);
        using var free = before * 0.9 + input.mean([0]) * 0.1;
        Near.Same(value.Project(free), norm.parametrization("running_mean").Value);
    }

    [Property(MaxTest = 10)]
    public void Joint_statistics_are_those_of_a_plain_norm(bool isCached)
    {
        const string Both = "running_mean+running_var";
        var (plain, norm) = (nn.BatchNorm1d(4), nn.BatchNorm1d(4));
        norm.register_parametrization(Both, Parametrizations.Bounded(-100, 100));
        using (isCached ? parametrize.cached() : null)
            for (var step = 0; step < 3; step++)
            {
                using var input = randn(6, 4) * 3 + 1;
                Near.Same(plain.call(input), norm.call(input));
            }
        norm.remove_parametrizations(Both);
        Near.Same(plain.running_mean!, norm.running_mean!);
        Near.Same(plain.running_var!, norm.running_var!);
    }

    [Fact]
    public void A_pass_that_only_reads_writes_nothing()
    {
        var norm = Norm();
        norm.call(randn(6, 4));
        norm.eval();
        var before = Snapshot.Of(norm);
        norm.call(randn(6, 4));
        before.AssertUnchanged();
    }

    [Fact]
    public void What_is_not_finite_is_refused()
    {
        var norm = Norm();
        var before = Snapshot.Of(norm.parametrization("running_var"));
        var error = Assert.Throws<ParametrizationException>(() => norm.call(full(6, 4, float.NaN)));
        Assert.Contains("finite", error.Message);
        before.AssertUnchanged();
        norm.call(randn(6, 4));
    }

    [Property(MaxTest = 10)]
    public void Modules_that_share_a_buffer_write_it_both(bool isCached)
    {
        var (first, second) = (Norm(), nn.BatchNorm1d(4));
        var tensor = first.parametrization("running_var");
        second.share_parametrization("running_var", tensor);
        var plain = nn.BatchNorm1d(4);
        using (isCached ? parametrize.cached() : null)
            foreach (var norm in new[] { first, second, first })
            {
                using var input = randn(6, 4) * 2;
                plain.call(input);
                norm.call(input);
            }
        Near.Same(plain.running_var!, tensor.Value);
    }

    [Fact]
    public void A_module_of_ones_own_may_write_too()
    {
        var module = new Accumulating().register_parametrization("seen", Parametrizations.Positive);
        module.eval();
        for (var step = 0; step < 3; step++)
            module.call(ones(2));
        Near.Same(full(2, 4f), module.parametrization("seen").Value);
    }

    [Property(MaxTest = 40)]
    public void It_goes_along_when_the_pass_moves_the_module(bool movesAll, bool isCached, bool throws, bool writes)
    {
        var (plain, norm) = (nn.BatchNorm1d(4), nn.BatchNorm1d(4));
        Before Around(BatchNorm1d inner) =>
            new(
                inner,
                model =>
                {
                    if (writes)
                        using (no_grad())
                            inner.running_mean!.add_(1);
                    if (throws)
                        throw new InvalidOperationException();
                    foreach (var dtype in new[] { ScalarType.Float64, ScalarType.Float32 })
                        (movesAll ? model : (nn.Module)inner).to(dtype);
                }
            );
        var (expected, found) = (Around(plain), Around(norm));
        // So the buffers are there during the pass of the model.
        found.register_parametrization("inner.running_var", Parametrizations.Positive);
        found.register_parametrization("inner.running_mean", Parametrizations.Bounded(-100, 100));
        using (isCached ? parametrize.cached(found) : null)
            for (var pass = 0; pass < 3; pass++)
            {
                using var input = randn(6, 4) * 3 + 1;
                expected.CallAndCatch(input);
                found.CallAndCatch(input);
            }
        if (throws)
            found.to(float64).to(float32);
        Near.Same(plain.running_mean!, norm.parametrization("running_mean").Value, 1e-4);
        Near.Same(plain.running_var!, norm.parametrization("running_var").Value, 1e-4);
    }

    [Theory]
    [InlineData("copy")]
    [InlineData("load_state_dict")]
    [InlineData("load")]
    [InlineData("load_parametrized_state_dict")]
    public void What_is_written_after_a_pass_that_threw_is_later(string way)
    {
        var norm = nn.BatchNorm1d(4).register_parametrization("running_mean", Parametrizations.Identity);
        var model = new Before(norm, _ => throw new InvalidOperationException());
        var path = Path.GetTempFileName();
        model.save(path);
        var state = model.state_dict().ToDictionary(pair => pair.Key, pair => pair.Value.clone());
        model.CallAndCatch(randn(6, 4) + 5);
        using (no_grad())
            _ = way switch
            {
                "copy" => norm.parametrization("running_mean").Original.copy_(zeros(4)),
                "load" => (object)model.load(path),
                "load_state_dict" => model.load_state_dict(state),
                _ => model.load_parametrized_state_dict(state),
            };
        File.Delete(path);
        Near.Same(zeros(4), norm.parametrization("running_mean").Value);
    }

    [Fact]
    public void States_after_a_pass_that_threw_have_it()
    {
        var norm = nn.BatchNorm1d(4).register_parametrization("running_mean", Parametrizations.Identity);
        var plain = nn.BatchNorm1d(4);
        using var input = randn(6, 4) + 5;
        new Before(norm, _ => throw new InvalidOperationException()).CallAndCatch(input);
        plain.call(input);
        Near.Same(plain.running_mean!, norm.state_dict()["parametrizations.running_mean.original"]);
    }

    [Fact]
    public void States_after_a_pass_of_the_module_itself_that_threw_have_it()
    {
        var module = new Doubled().register_parametrization("running", Parametrizations.Positive);
        Assert.Throws<InvalidOperationException>(() => module.call(ones(2)));
        var original = module.state_dict()["parametrizations.running.original"];
        Near.Same(full(2, 2), nn.functional.softplus(original));
    }

    private sealed class Doubled : nn.Module<Tensor, Tensor>
    {
        private readonly Tensor running = ones(2);

        public Doubled()
            : base(nameof(Doubled)) => RegisterComponents();

        public override Tensor forward(Tensor input)
        {
            running.mul_(2);
            throw new InvalidOperationException();
        }
    }

    /// <summary>Runs a module, and does something else before the pass ends.</summary>
    private sealed class Before : nn.Module<Tensor, Tensor>
    {
        private readonly nn.Module<Tensor, Tensor> inner;
        private readonly Action<nn.Module> last;

        public Before(nn.Module<Tensor, Tensor> inner, Action<nn.Module> last)
            : base(nameof(Before))
        {
            (this.inner, this.last) = (inner, last);
            RegisterComponents();
        }

        public override Tensor forward(Tensor input)
        {
            var result = inner.call(input);
            last(this);
            return result;
        }

        public void CallAndCatch(Tensor input)
        {
            try
            {
                call(input);
            }
            catch (InvalidOperationException) { }
        }
    }

    private sealed class Accumulating : nn.Module<Tensor, Tensor>
    {
        private readonly Tensor seen = ones(2);

        public Accumulating()
            : base(nameof(Accumulating)) => RegisterComponents();

        public override Tensor forward(Tensor input) => seen.add_(input).alias();
    }

    [Fact]
    public void A_pass_that_changes_no_buffer_writes_none_back_whatever_its_numbers()
    {
        var norm = nn.BatchNorm1d(4).register_parametrization("running_mean", Parametrizations.Identity);
        norm.eval();
        using (no_grad())
            norm.parametrization("running_mean").named_buffers().First().buffer.fill_(float.NaN);
        using var output = norm.call(ones(2, 4));
        Assert.True(output.isnan().all().item<bool>());
    }
}
