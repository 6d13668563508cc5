using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Models;

/// <summary>Verbs of several tensors, on three: none is taken for all, and all are not the first.</summary>
public class EveryVerbReachesAll
{
    private static readonly string[] Names = ["a.weight", "b.weight", "c.weight"];

    private static Sequential New() =>
        nn.Sequential(("a", nn.Linear(4, 4)), ("b", nn.Linear(4, 4)), ("c", nn.Linear(4, 4)));

    private static Sequential New(Parametrization value)
    {
        var model = New();
        model.register_parametrizations<Linear>("weight", value);
        return model;
    }

    private static List<ParametrizedTensor> Of(nn.Module model) =>
        [.. model.parametrizations().Select(entry => entry.tensor)];

    /// <summary>A step of training, so that no tensor is at its start.</summary>
    private static void Move(Sequential model, optim.Optimizer? optimizer = null)
    {
        optimizer ??= optim.SGD(model.parameters(), 0.3);
        optimizer.zero_grad();
        model.call(randn(8, 4)).square().mean().backward();
        optimizer.step();
    }

    private static Tensor[] Values(nn.Module model) => [.. Of(model).Select(tensor => tensor.Value.detach())];

    private static void AllNear(IEnumerable<Tensor> expected, IEnumerable<Tensor> found)
    {
        Assert.Equal(3, expected.Count());
        foreach (var (left, right) in expected.Zip(found))
            Near.Same(left, right, 1e-5);
    }

    [Fact]
    public void Registering_and_listing()
    {
        var model = New();
        Assert.Equal(Names, model.register_parametrizations<Linear>("weight", Parametrizations.Orthogonal()));
        Assert.Equal(Names, model.parametrizations().Select(entry => entry.name));
        Assert.All(Of(model), tensor => Near.Orthogonal(tensor.Value));
        Assert.Equal(Names, model.parametrization_report().Select(row => row.Name));
        Assert.Equal(3, model.parametrized_parameters().Count);
        Assert.Equal(3, model.other_parameters().Count);
    }

    [Fact]
    public void Moving_bases_and_what_the_optimizer_keeps()
    {
        var model = New(Parametrizations.Orthogonal());
        var optimizer = optim.SGD(model.parameters(), 0.3, momentum: 0.9);
        Move(model, optimizer);
        Move(model, optimizer);
        var before = Values(model);
        Assert.Equal(Names, model.update_bases(optimizer));
        AllNear(before, Values(model));
        foreach (var (tensor, value) in Of(model).Zip(before))
            Near.Same(value, tensor.named_buffers().Single(own => own.name.EndsWith("base")).buffer, 1e-5);
    }

    [Fact]
    public void Telling_an_optimizer()
    {
        var model = New();
        var optimizer = optim.SGD(model.parameters(), 0.3);
        model.register_parametrizations<Linear>("weight", Parametrizations.WeightNorm());
        Assert.Equal(3, optimizer.add_parametrized_parameters(model).Count);
        var before = model.parametrized_parameters().Select(parameter => parameter.detach().clone()).ToList();
        Assert.Equal(6, before.Count);
        Move(model, optimizer);
        foreach (var (old, now) in before.Zip(model.parametrized_parameters()))
            Near.Different(old, now);
    }

    [Fact]
    public void Copying_loading_and_baking()
    {
        var model = New(Parametrizations.Cayley());
        Move(model);
        var expected = Values(model);
        AllNear(expected, Values(parametrize.copy_parametrizations(model, New())));

        var loaded = New(Parametrizations.Cayley());
        loaded.load_parametrized_state_dict(model.state_dict());
        AllNear(expected, Values(loaded));

        var baked = model.baked_state_dict();
        AllNear(expected, Names.Select(name => baked[name]));
        var plain = New();
        plain.load_parametrized_state_dict(model.state_dict(), parametrizations: Named(Parametrizations.Cayley()));
        AllNear(expected, Names.Select(name => plain.get_parameter(name)!));

        static Dictionary<string, Parametrization> Named(Parametrization value) =>
            Names.ToDictionary(name => name, _ => value);
    }

    [Fact]
    public void Averaging()
    {
        var model = New(Parametrizations.Symmetric);
        var averaged = new AveragedModel<Sequential>(New(Parametrizations.Symmetric), decay: 0.5);
        averaged.update_parameters(model);
        var before = Values(averaged.module);
        AllNear(Values(model), before);
        Move(model);
        averaged.update_parameters(model);
        AllNear(before.Zip(Values(model)).Select(pair => (pair.First + pair.Second) / 2), Values(averaged.module));
    }

    [Fact]
    public void Pruning_together_and_taking_masks_away()
    {
        var model = New();
        prune.global_unstructured(
            [(model, "a.weight"), (model, "b.weight"), (model, "c.weight")],
            Pruning.NewRandom(Amount.NewShare(0.5), 3)
        );
        Assert.All(Of(model), tensor => Assert.True(tensor.Value.eq(0).any().item<bool>()));
        Assert.Equal(24, Of(model).Sum(tensor => tensor.Value.eq(0).sum().item<long>()));
        var pruned = Values(model);
        foreach (var name in Names)
            prune.remove(model, name);
        AllNear(pruned, Names.Select(name => model.get_parameter(name)!));
    }

    [Fact]
    public void Computing_once_in_a_scope()
    {
        var model = New(Parametrizations.Skew);
        using (parametrize.cached(model))
        {
            Move(model);
            model.call(randn(1, 4));
            var fields = model.children().Select(child => ((Linear)child).weight!).ToList();
            AllNear(Values(model), fields);
        }
        Assert.All(model.children(), child => Near.Placeholder(((Linear)child).weight!));
    }

    [Fact]
    public void Joining_three()
    {
        var layer = new Own();
        var before = layer.named_parameters().Select(own => own.parameter.detach().clone()).ToList();
        layer.register_parametrization(["q", "k", "v"], Parametrizations.Orthogonal());
        Near.Orthogonal(layer.parametrization("q+k+v").Value);
        layer.call(randn(2, 4));
        layer.remove_parametrizations("q+k+v");
        Assert.Equal(["q", "k", "v"], layer.named_parameters().Select(own => own.name));
        Assert.Equal(
            before.Select(parameter => parameter.shape),
            layer.parameters().Select(parameter => parameter.shape)
        );
    }

    private sealed class Own : nn.Module<Tensor, Tensor>
    {
        public Parameter q = nn.Parameter(randn(12, 4));
        public Parameter k = nn.Parameter(randn(12, 4));
        public Parameter v = nn.Parameter(randn(12, 4));

        public Own()
            : base(nameof(Own)) => RegisterComponents();

        public override Tensor forward(Tensor input) => input.mm(q.T) + input.mm(k.T) + input.mm(v.T);
    }
}
