using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.NativeModules;

/// <summary>A native module computes with values that are put into it, and is otherwise as any module.</summary>
public class NativeTensorsAreLent
{
    public static TheoryData<string> Kinds => new(Subject.Native.Select(type => type.Name));

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Reading_a_tensor_that_a_call_has_not_put_there_gives_no_number(string kind)
    {
        var (subject, name) = Registered(kind);
        using var _ = no_grad();
        for (var pass = 0; pass < 2; pass++)
        {
            Assert.True(Bypass(subject).isnan().any().item<bool>());
            Assert.False(subject.Output().isnan().any().item<bool>());
        }
        Assert.False(subject.Module.parametrization(name).Value.isnan().any().item<bool>());
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void An_optimizer_built_before_goes_on_and_keeps_its_momenta(string kind)
    {
        var ((subject, name), (other, _)) = (Made(kind), Made(kind));
        other.Module.load_state_dict(subject.Module.state_dict());
        var (optimizer, reference) = (Adam(subject.Module), Adam(other.Module));
        Step(subject, optimizer);
        Step(other, reference);

        // A parametrization that changes nothing must change nothing.
        subject.Module.register_parametrization(name, Parametrizations.Identity);
        for (var step = 0; step < 3; step++)
        {
            Step(subject, optimizer);
            Step(other, reference);
        }

        Near.Same(other.Own(name), subject.Module.parametrization(name).Value);
        subject.Module.remove_parametrizations(name);
        Step(subject, optimizer);
        Step(other, reference);
        Near.Same(other.Own(name), subject.Own(name));
        Near.Same(other.Output(), subject.Output());
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void The_module_moves_with_and_without_gradients_and_scopes(string kind)
    {
        foreach (var trained in new[] { false, true })
        foreach (var held in new[] { false, true })
        {
            var (subject, name) = Registered(kind);
            if (trained)
                subject.Output().sum().backward();
            using var scope = held ? parametrize.cached(subject.Module) : null;
            var before = subject.Output().detach();

            subject.Module.to(ScalarType.Float64);

            Near.Same(before.to(ScalarType.Float64), subject.Output(), 1e-5);
            Assert.All(subject.Module.state_dict().Values, tensor => Assert.Equal(ScalarType.Float64, tensor.dtype));
            subject.Output().sum().backward();
            Assert.NotNull(subject.Module.parametrization(name).get_parameter("original")!.grad);
            scope?.Dispose();
            subject.Module.to(ScalarType.Float32);
            Near.Same(before, subject.Output());
            subject.Module.remove_parametrizations(name);
            Assert.Equal(ScalarType.Float32, subject.Own(name).dtype);
            Near.Same(before, subject.Output());
            subject.Output().sum().backward();
            Assert.NotNull(subject.Own(name).grad);
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Saving_and_loading_gives_the_same_output(string kind)
    {
        var ((subject, _), (other, _)) = (Registered(kind), Registered(kind));
        using var stream = new MemoryStream();
        using (var writer = new BinaryWriter(stream, System.Text.Encoding.UTF8, leaveOpen: true))
            subject.Module.save(writer);
        stream.Position = 0;
        using var reader = new BinaryReader(stream);

        other.Module.load(reader);

        Near.Same(subject.Output(), other.Output());
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_cached_scope_computes_once_for_any_number_of_passes(string kind)
    {
        var (subject, name) = Made(kind);
        var doubling = new Doubling();
        subject.Module.register_parametrization(name, doubling.Value);
        var original = subject.Module.parametrization(name).get_parameter("original")!;
        subject.Output().pow(3).sum().backward();
        using var once = original.grad!.clone();
        original.grad = null;

        var evaluations = doubling.Evaluations;
        using (parametrize.cached())
        {
            var total = subject.Output().pow(3).sum() + subject.Output().pow(3).sum();
            Near.Same(subject.Output(), Bypass(subject));
            Near.Same(subject.Module.parametrization(name).Value, original * 2);
            total.backward();
        }

        Assert.Equal(evaluations + 1, doubling.Evaluations);
        Near.Same(once * 2, original.grad!, 1e-3 * (1 + once.abs().max().item<float>()));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Going_back_after_the_scope_has_ended_gives_the_same_gradients(string kind)
    {
        var (subject, name) = Registered(kind);
        var original = subject.Module.parametrization(name).get_parameter("original")!;
        subject.Output().pow(3).sum().backward();
        using var expected = original.grad!.clone();
        original.grad = null;

        Tensor loss;
        using (parametrize.cached())
            loss = subject.Output().pow(3).sum();
        loss.backward();

        Near.Same(expected, original.grad!);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Whatever_comes_between_a_pass_and_its_backward_gradients_are_right_or_refused(string kind)
    {
        Action<Subject, string>[] between =
        [
            (subject, _) => subject.Output(),
            (subject, _) =>
            {
                using var __ = no_grad();
                subject.Output();
            },
            (subject, name) => subject.Module.remove_parametrizations(name),
            (subject, name) =>
                subject.Module.parametrization(name).Value = subject.Module.parametrization(name).Value * 3,
            (subject, name) =>
            {
                subject.Module.parametrization(name).Value = subject.Module.parametrization(name).Value * 3;
                subject.Output();
            },
        ];
        foreach (var action in between)
        {
            var (subject, name) = Registered(kind);
            var original = subject.Module.parametrization(name).get_parameter("original")!;
            subject.Output().pow(3).sum().backward();
            using var expected = original.grad!.clone();
            original.grad = null;

            var loss = subject.Output().pow(3).sum();
            action(subject, name);
            try
            {
                loss.backward();
            }
            catch (Exception exception)
            {
                Assert.Matches("modified by an inplace operation|has been detached in-place", exception.Message);
                continue;
            }
            if (original.grad is { } gradient)
                Near.Same(expected, gradient);
        }
    }

    [Theory]
    [InlineData("RNNCell")]
    [InlineData("GRUCell")]
    [InlineData("LSTMCell")]
    [InlineData("Embedding")]
    [InlineData("EmbeddingBag")]
    public void What_has_a_property_can_be_called_many_times_before_one_backward(string kind)
    {
        var (subject, name) = Registered(kind);
        var original = subject.Module.parametrization(name).get_parameter("original")!;
        subject.Output().pow(3).sum().backward();
        using var once = original.grad!.clone();
        original.grad = null;

        (subject.Output().pow(3).sum() + subject.Output().pow(3).sum() + subject.Output().pow(3).sum()).backward();

        Near.Same(once * 3, original.grad!, 1e-3 * (1 + once.abs().max().item<float>()));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_frozen_tensor_stays_frozen(string kind)
    {
        var (subject, name) = Made(kind);
        subject.Own(name).requires_grad = false;
        subject.Module.register_parametrization(name, new Doubling().Value);
        subject.Output();
        Assert.False(subject.Module.parametrization(name).get_parameter("original")!.requires_grad);
        subject.Module.remove_parametrizations(name);
        Assert.False(subject.Own(name).requires_grad);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_parametrization_of_several_tensors_binds_and_is_removed(string kind)
    {
        var (subject, name) = Made(kind);
        var before = subject.Output().detach();
        subject.Module.register_parametrization(name, Parametrizations.WeightNorm());
        var prefix = name[..^name.Split('.')[^1].Length] + "parametrizations.";
        Assert.Equal(2, subject.Module.state_dict().Keys.Count(key => key.StartsWith(prefix)));
        Near.Same(before, subject.Output());
        subject.Output().sum().backward();
        Assert.All(
            subject.Module.parametrization(name).parameters(),
            parameter => Assert.False(parameter.grad is null)
        );

        subject.Module.remove_parametrizations(name);

        Assert.DoesNotContain(subject.Module.named_modules(), child => child.name.Contains("parametrizations"));
        Near.Same(before, subject.Output());
        using (no_grad())
            subject.Own(name).mul_(1.5);
        Near.Different(before, subject.Output());
    }

    /// <summary>Values of a random choice of tensors are used, in any order of registering and removing.</summary>
    [Property(MaxTest = 40)]
    public Property Any_choice_of_tensors_of_a_module_can_be_parametrized() =>
        Prop.ForAll(
            Gen.Elements(Subject.Native)
                .SelectMany(type => Gen.Choose(0, int.MaxValue).Select(seed => (type, seed)))
                .ToArbitrary(),
            choice =>
            {
                var random = new Random(choice.seed);
                var subject = Subject.Of[choice.type]();
                var names = subject.Names.Where(_ => random.Next(2) == 0).OrderBy(_ => random.Next()).ToList();
                var values = names.ToDictionary(name => name, name => randn(subject.Own(name).shape));
                var state = subject.Module.state_dict().Keys.ToList();

                foreach (var name in names)
                    subject.Module.register_parametrization(name, new Doubling().Value);
                foreach (var name in names)
                    subject.Module.parametrization(name).Value = values[name];
                var parametrized = subject.Output().detach();
                foreach (var name in names.OrderBy(_ => random.Next()))
                    subject.Module.remove_parametrizations(name);

                Near.Same(subject.Output(), parametrized);
                foreach (var name in names)
                    Near.Same(values[name], subject.Own(name));
                Assert.Equal(state, subject.Module.state_dict().Keys);
                Assert.Empty(subject.Module.named_modules());
            }
        );

    [Fact]
    public void Getters_and_setters_of_properties_are_understood()
    {
        var layer = nn.Embedding(4, 4);
        layer.register_parametrization(l => l.weight, Parametrizations.Skew);
        layer.register_parametrization(l => l.weight, Parametrizations.Cayley());
        Assert.Equal("skew >>> cayley", layer.parametrization("weight").Parametrization.ToString());
        Assert.True(layer.weight!.isnan().all().item<bool>());

        var assigned = nn.Embedding(4, 4).register_parametrization("weight", new Doubling().Value);
        using var value = randn(4, 4);
        assigned.weight = nn.Parameter(value.clone());
        Near.Same(value, assigned.call(arange(4)));
        Near.Same(value, assigned.parametrization("weight").Value);
        Assert.Equal(["parametrizations.weight.original"], assigned.state_dict().Keys);
        using (parametrize.cached(assigned))
            Near.Same(value, assigned.weight!);
    }

    [Fact]
    public void A_lambda_points_at_what_a_getter_of_a_native_tensor_gives()
    {
        var rnn = nn.RNN(4, 4, 2);
        rnn.register_parametrization(m => m.get_weight_hh(1), Parametrizations.Orthogonal());
        Assert.True(rnn.is_parametrized("weight_hh_l1"));
        rnn.register_parametrization(m => m.get_weight_hh(1), new Doubling().Value);
        Assert.Equal(2, rnn.parametrization("weight_hh_l1").Parametrization.Links.Count());
    }

    [Fact]
    public void Overloads_that_run_no_hooks_work_in_a_scope()
    {
        var layer = nn.TransformerEncoderLayer(4, 2, 6, 0);
        layer.eval();
        layer.register_parametrization("self_attn.in_proj_weight", new Doubling().Value);
        var (input, mask) = (randn(3, 2, 4), zeros(3, 3));
        var lstm = nn.LSTM(3, 4).orthogonal("weight_hh_l0");
        var packed = nn.utils.rnn.pack_sequence([randn(5, 3), randn(2, 3)]);

        Assert.True(layer.call(input, mask).isnan().any().item<bool>());
        Assert.True(lstm.call(packed).Item2.isnan().any().item<bool>());
        using var _ = parametrize.cached(layer);
        using var __ = parametrize.cached(lstm);
        Near.Same(layer.call(input), layer.call(input, mask));
        Assert.False(lstm.call(packed).Item2.isnan().any().item<bool>());
    }

    [Fact]
    public void Dotted_names_are_nested_as_PyTorchs_and_leave_nothing_behind()
    {
        var encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 6, 0), 2);
        encoder.register_parametrization("layers.1.self_attn.in_proj_weight", new Doubling().Value);
        encoder.register_parametrization("layers.1.self_attn.out_proj.weight", Parametrizations.Skew);
        encoder.register_parametrization("layers.1.linear1.bias", new Doubling().Value);

        Assert.Contains("layers.1.self_attn.parametrizations.in_proj_weight.original", encoder.state_dict().Keys);
        Assert.Contains("layers.1.self_attn.out_proj.parametrizations.weight.original", encoder.state_dict().Keys);
        Assert.True(encoder.is_parametrized("layers.1.linear1.bias"));
        Assert.False(encoder.is_parametrized("layers.0.linear1.bias"));
        encoder.register_parametrization("layers.1.linear1.bias", new Doubling().Value);
        Assert.Equal(2, encoder.parametrization("layers.1.linear1.bias").Parametrization.Links.Count());

        encoder.train();
        Assert.True(encoder.parametrization("layers.1.linear1.bias").training);
        encoder.eval();
        Assert.False(encoder.parametrization("layers.1.linear1.bias").training);

        encoder.remove_parametrizations("layers.1.self_attn.out_proj.weight");
        Assert.True(encoder.is_parametrized("layers.1.self_attn.in_proj_weight"));
        encoder.remove_parametrizations("layers.1.self_attn.in_proj_weight");
        encoder.remove_parametrizations("layers.1.linear1.bias");
        Assert.Empty(encoder.named_modules());
    }

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

    [Fact]
    public void A_scope_outlives_its_native_module()
    {
        foreach (var kind in Subject.Native)
        {
            var (subject, _) = Registered(kind.Name);
            using var scope = parametrize.cached(subject.Module);
            subject.Module.Dispose();
        }
    }

    [Fact]
    public void In_a_sequential_model_all_is_as_with_managed_layers()
    {
        var model = nn.Sequential(("words", nn.Embedding(5, 4)), ("mix", nn.TransformerEncoderLayer(4, 2, 6, 0)));
        model.register_parametrization("words.weight", Parametrizations.Sphere());
        model.register_parametrization("mix.linear1.weight", Parametrizations.Orthogonal());
        var optimizer = optim.Adam(model.parameters(), 0.05);
        var before = model.call(arange(5).unsqueeze(1)).detach();
        for (var step = 0; step < 3; step++)
        {
            optimizer.zero_grad();
            model.call(arange(5).unsqueeze(1)).pow(3).sum().backward();
            optimizer.step();
        }
        Near.Different(before, model.call(arange(5).unsqueeze(1)));
        Near.Orthogonal(model.parametrization("mix.linear1.weight").Value);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Nothing_is_left_behind(string kind)
    {
        var (subject, name) = Registered(kind);
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

    private static (Subject Subject, string Name) Made(string kind)
    {
        var subject = Subject.Make(kind);
        return (subject, subject.Names.First(name => subject.Own(name).dim() == 2));
    }

    private static (Subject Subject, string Name) Registered(string kind)
    {
        var (subject, name) = Made(kind);
        subject.Module.register_parametrization(name, new Doubling().Value);
        return (subject, name);
    }

    /// <summary>The same output with the hooks gone.</summary>
    private static Tensor Bypass(Subject subject)
    {
        using var _ = Hookless.While(subject.Module);
        return subject.Output();
    }

    private static optim.Optimizer Adam(nn.Module module) => optim.Adam(module.parameters(), 0.01);

    private static void Step(Subject subject, optim.Optimizer optimizer)
    {
        optimizer.zero_grad();
        subject.Output().pow(3).sum().backward();
        optimizer.step();
    }
}
