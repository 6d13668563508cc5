using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
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
        using var expected = 2 * joined.Join(joined.Present.Select(member => member.grad!));
        joined.Register(new Doubling().Value);
        joined.Output(float32).pow(2).sum().backward();
        Near.Same(expected, joined.Tensor.parameters().Single().grad!);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void It_is_evaluated_once_for_each_call_and_once_in_a_scope(string kind)
    {
        var node = new Doubling();
        var joined = Joined.Of(kind).Register(node.Value);
        node.Evaluations = 0;
        joined.Output(float32).Dispose();
        Assert.Equal(1, node.Evaluations);
        using (parametrize.cached())
            for (var use = 0; use < 3; use++)
            {
                joined.Output(float32).Dispose();
                joined.Tensor.Value.Dispose();
            }
        Assert.Equal(2, node.Evaluations);
        using (parametrize.cached(joined.Module))
            joined.Output(float32).Dispose();
        Assert.Equal(3, node.Evaluations);
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
        Assert.Equal([joined.Name], joined.Module.parametrizations().Select(entry => entry.name));
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
        Near.Placeholder(layer.weight);
        Near.Placeholder(layer.bias!);
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
