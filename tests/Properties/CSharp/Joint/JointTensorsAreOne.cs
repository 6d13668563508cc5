using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Joint;

/// <summary>Several tensors of a module are computed as one, evaluated once and saved once.</summary>
public class JointTensorsAreOne
{
    public static TheoryData<string> Kinds => new(Joined.Kinds);

    [Theory]
    [MemberData(nameof(Kinds))]
    public void What_is_allowed_is_kept_and_so_is_the_output(string kind)
    {
        var joined = Joined.Of(kind);
        using var expected = joined.Join(joined.Present).detach();
        using var output = joined.Output(float32).detach();
        joined.Register(new Doubling().Value);

        Assert.Equal(joined.Shape, joined.Tensor.Value.shape);
        Near.Same(expected, joined.Tensor.Value);
        Near.Same(output, joined.Output(float32));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void The_module_computes_with_the_parts_of_an_assigned_tensor(string kind)
    {
        var joined = Joined.Of(kind).Register(new Doubling().Value);
        using var value = (joined.Tensor.Value.detach() + 0.5).abs();
        joined.Tensor.Value = value;
        using var parametrized = joined.Output(float32).detach();
        joined.Module.remove_parametrizations(joined.Name);

        Near.Same(value, joined.Join(joined.Present));
        Near.Same(joined.Output(float32), parametrized);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Gradients_are_those_of_the_parts(string kind)
    {
        var joined = Joined.Of(kind);
        if (kind == "Buffers")
            return;
        joined.Output(float32).pow(2).sum().backward();
        using var expected = 2 * joined.Join(joined.Present.Select(one => one.grad!));
        joined.Register(new Doubling().Value);
        joined.Output(float32).pow(2).sum().backward();
        Near.Same(expected, joined.Tensor.parameters().Single().grad!);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void It_is_evaluated_once_for_each_call_and_once_in_a_scope(string kind)
    {
        var link = new Doubling();
        var joined = Joined.Of(kind).Register(link.Value);
        link.Evaluations = 0;
        joined.Output(float32).Dispose();
        Assert.Equal(1, link.Evaluations);
        using (parametrize.cached())
            for (var use = 0; use < 3; use++)
            {
                joined.Output(float32).Dispose();
                joined.Tensor.Value.Dispose();
            }
        Assert.Equal(2, link.Evaluations);
        using (parametrize.cached(joined.Module))
            joined.Output(float32).Dispose();
        Assert.Equal(3, link.Evaluations);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void The_state_has_one_tensor_instead_of_several(string kind)
    {
        var joined = Joined.Of(kind);
        var before = joined.Module.state_dict().Keys.ToList();
        joined.Register(new Doubling().Value);
        var dot = joined.Name.LastIndexOf('.') + 1;
        var original = $"{joined.Name[..dot]}parametrizations.{joined.Name[dot..]}.original";
        Assert.Equal(before.Except(joined.Names).Append(original).Order(), joined.Module.state_dict().Keys.Order());
        Assert.Equal([joined.Name], joined.Module.parametrizations().Select(one => one.name));
        Assert.Equal(joined.Shape, joined.Module.parametrization_report().Single().Shape);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Its_parts_lead_to_it(string kind)
    {
        var joined = Joined.Of(kind).Register(new Doubling().Value);
        Assert.All(joined.Names, name => Assert.Same(joined.Tensor, joined.Module.parametrization(name)));
        Assert.All(joined.Names, name => Assert.True(joined.Module.is_parametrized(name)));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void It_moves_with_the_module(string kind)
    {
        var joined = Joined.Of(kind).Register(new Doubling().Value);
        using var expected = joined.Output(float32).to(float64);
        foreach (var dtype in new[] { float64, float32, float64 })
        {
            joined.Module.to(dtype);
            Assert.All(
                joined.Module.state_dict().Values,
                tensor => Assert.True(!tensor.is_floating_point() || tensor.dtype == dtype)
            );
            Assert.Empty(joined.Module.state_dict().Keys.Intersect(joined.Names));
        }
        Near.Same(expected, joined.Output(float64), 1e-5);
    }

    [Fact]
    public void In_a_scope_the_fields_show_their_parts_and_afterwards_nothing()
    {
        var layer = nn.Linear(3, 4);
        layer.register_parametrization("weight+bias", Parametrizations.Orthogonal());
        using (parametrize.cached(layer))
        {
            using var value = layer.parametrization("weight+bias").Value;
            Near.Same(value[.., ..3], layer.weight);
            Near.Same(value[.., 3], layer.bias!);
        }
        Assert.Equal((0, 0), (layer.weight.numel(), layer.bias!.numel()));
    }

    [Fact]
    public void It_is_registered_on_many_modules_by_its_name()
    {
        var model = new Pair();
        Assert.Equal(
            ["first.weight+bias", "second.weight+bias"],
            model.register_parametrizations<Linear>("weight+bias", Parametrizations.Orthogonal())
        );
        var (a, b) = (randn(3, 4), randn(3, 4));
        using var value = model.parametrization("first.weight+bias").Value;
        Near.Orthogonal(value.T);
        Near.Same(nn.functional.linear(a, value[.., ..4], value[.., 4]), model.first.call(a));
        model.call(a, b, true).sum().backward();
        Assert.All(model.parameters(), parameter => Assert.NotNull(parameter.grad));
    }

    [Fact]
    public void A_further_value_goes_behind_the_whole_of_it()
    {
        var layer = nn.Linear(3, 4).register_parametrization(["weight", "bias"], Parametrizations.Skew);
        layer.register_parametrization("weight+bias", Parametrizations.Cayley());
        Assert.Equal("skew >>> cayley", layer.parametrization("bias").Parametrization.ToString());
        Near.Orthogonal(layer.parametrization("bias").Value);
    }

    [Fact]
    public void It_is_pruned_as_a_whole()
    {
        var layer = prune.l1_unstructured(nn.Linear(3, 4), "weight+bias", 6);
        using var value = layer.parametrization("weight+bias").Value;
        Assert.Equal(6, value.eq(0).sum().item<long>());
        prune.remove(layer, "weight+bias");
        Assert.Equal(6, (layer.weight.eq(0).sum() + layer.bias!.eq(0).sum()).item<long>());
    }

    [Fact]
    public void It_is_pruned_together_with_others()
    {
        var (first, second) = (nn.Linear(3, 4), nn.Linear(4, 2));
        prune.global_unstructured([(first, "weight+bias"), (second, "weight")], 0.5);
        var zeros = new[] { first.parametrization("bias"), second.parametrization("weight") }.Sum(tensor =>
            tensor.Value.eq(0).sum().item<long>()
        );
        Assert.Equal(12, zeros);
        Assert.Throws<InvalidOperationException>(() =>
            prune.global_unstructured([(first, "bias"), (second, "weight")], 0.5)
        );
    }

    [Fact]
    public void An_optimizer_trains_it_as_by_hand()
    {
        var layer = nn.Linear(3, 4, dtype: float64);
        layer.register_parametrization("weight+bias", Parametrizations.Orthogonal());
        var tensor = new ParametrizedTensor(
            Parametrizations.Orthogonal(),
            layer.parametrization("weight").Value.detach()
        );
        var (x, y) = (randn(16, 3, dtype: float64), randn(16, 4, dtype: float64));
        Train(layer.parameters(), layer.call);
        Train(
            tensor.parameters(),
            input =>
            {
                using var w = tensor.Value;
                return nn.functional.linear(input, w[.., ..3], w[.., 3]);
            }
        );
        Near.Same(tensor.Value, layer.parametrization("weight+bias").Value);

        void Train(IEnumerable<Parameter> parameters, Func<Tensor, Tensor> model)
        {
            using var optimizer = optim.Adam(parameters, 0.05);
            for (var step = 0; step < 10; step++)
            {
                optimizer.zero_grad();
                nn.functional.mse_loss(model(x), y).backward();
                optimizer.step();
            }
        }
    }

    [Fact]
    public void Several_modules_share_it()
    {
        var link = new Doubling();
        var (first, second) = (nn.Linear(3, 4), nn.Linear(3, 4));
        first.register_parametrization("weight+bias", link.Value);
        second.share_parametrization("weight+bias", first.parametrization("weight+bias"));
        using var x = randn(5, 3);
        Near.Same(first.call(x), second.call(x));
        link.Evaluations = 0;
        using (parametrize.cached())
            Near.Same(first.call(x), second.call(x));
        Assert.Equal(1, link.Evaluations);
        var own = second.remove_parametrizations("weight+bias");
        Near.Same(first.call(x), own.call(x));
        Assert.True(first.is_parametrized("bias"));
    }

    [Fact]
    public void Threads_in_one_scope_read_what_one_thread_reads()
    {
        var layer = nn.Linear(3, 4).register_parametrization(["weight", "bias"], Parametrizations.Orthogonal());
        using var x = randn(5, 3);
        using var expected = layer.call(x).detach();
        using (parametrize.cached())
        {
            var distances = new double[8];
            Parallel.For(
                0,
                distances.Length,
                index =>
                {
                    for (var use = 0; use < 20; use++)
                        distances[index] += Near.Distance(expected, layer.call(x));
                }
            );
            Assert.All(distances, distance => Assert.InRange(distance, 0, 1e-4));
        }
    }

    [Fact]
    public void A_pass_that_throws_leaves_all_parts_in_order()
    {
        var layer = new ParameterField();
        layer.register_parametrization("weight+second", Parametrizations.Orthogonal());
        var expected = layer.call(eye(4));
        Assert.ThrowsAny<Exception>(() => layer.call(ones(2, 7)));
        Near.Same(expected, layer.call(eye(4)));
    }
}
