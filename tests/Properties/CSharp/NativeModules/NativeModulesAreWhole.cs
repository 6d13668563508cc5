using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.NativeModules;

/// <summary>A native module with parametrized tensors moves, saves, trains and is listed as any module.</summary>
public class NativeModulesAreWhole
{
    public static TheoryData<string> Kinds => Subject.NativeKinds;

    [Theory]
    [MemberData(nameof(Kinds))]
    public void An_optimizer_built_before_goes_on_and_keeps_its_momenta(string kind)
    {
        var ((subject, name), (other, _)) = (Subject.Made(kind), Subject.Made(kind));
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
            var (subject, name) = Subject.Registered(kind);
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
        var ((subject, _), (other, _)) = (Subject.Registered(kind), Subject.Registered(kind));
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
    public void A_frozen_tensor_stays_frozen(string kind)
    {
        var (subject, name) = Subject.Made(kind);
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
        var (subject, name) = Subject.Made(kind);
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
        Assert.Equal(2, encoder.parametrization("layers.1.linear1.bias").Parametrization.Nodes.Count);

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

    private static optim.Optimizer Adam(nn.Module module) => optim.Adam(module.parameters(), 0.01);

    private static void Step(Subject subject, optim.Optimizer optimizer)
    {
        optimizer.zero_grad();
        subject.Output().pow(3).sum().backward();
        optimizer.step();
    }
}
