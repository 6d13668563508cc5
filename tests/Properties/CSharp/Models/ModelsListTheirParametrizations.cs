using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Models;

/// <summary>`parametrizations`, and the parameters behind them and beside them.</summary>
public class ModelsListTheirParametrizations
{
    private static string[] Names(nn.Module model) => [.. model.parametrizations().Select(entry => entry.name)];

    private static Net Parametrized()
    {
        var net = new Net();
        net.blocks[1].orthogonal();
        net.first.register_parametrization("bias", Parametrizations.Bounded(-1, 1)).weight_norm();
        return net;
    }

    [Fact]
    public void In_the_order_of_modules_with_names_that_find_them()
    {
        var net = Parametrized();
        Assert.Equal(["kernel", "first.bias", "first.weight", "blocks.1.weight"], Names(net));
        Assert.All(net.parametrizations().Skip(1), entry => Assert.Same(entry.tensor, net.parametrization(entry.name)));
        Assert.Same(net.kernel, net.parametrizations()[0].tensor);
    }

    [Fact]
    public void Names_continue_when_the_model_is_inside_another()
    {
        var around = nn.Sequential(("net", Parametrized()));
        Assert.Equal(["net.kernel", "net.first.bias", "net.first.weight", "net.blocks.1.weight"], Names(around));
        Assert.Equal(["weight"], Names(nn.Linear(2, 2).orthogonal()));
    }

    [Fact]
    public void A_shared_module_is_listed_once_under_its_first_name()
    {
        var shared = nn.Linear(4, 4).orthogonal();
        Assert.Equal(["0.weight"], Names(nn.Sequential(shared, nn.ReLU(), shared)));
    }

    [Fact]
    public void Nothing_parametrized_lists_nothing_and_a_tensor_alone_lists_itself()
    {
        Assert.Empty(nn.Sequential(nn.Linear(4, 4), nn.ReLU()).parametrizations());
        var alone = new ParametrizedTensor(Parametrizations.Skew, zeros(3, 3));
        var (name, tensor) = Assert.Single(alone.parametrizations());
        Assert.Equal("", name);
        Assert.Same(alone, tensor);
    }

    [Fact]
    public void Listing_changes_nothing()
    {
        var net = Parametrized();
        var before = Snapshot.Of(net);
        net.parametrizations();
        net.parametrized_parameters();
        net.other_parameters();
        before.AssertUnchanged();
    }

    [Fact]
    public void Parameters_are_split_in_two()
    {
        var net = Parametrized();
        var (inside, others) = (net.parametrized_parameters(), net.other_parameters());
        Assert.Equal(5, inside.Count); // kernel, bias, g and v, orthogonal
        Assert.Contains(net.parametrization("first.weight").get_parameter("original1"), inside);
        Assert.Contains(net.blocks[0].weight, others);
        Assert.Empty(inside.Intersect<Parameter>(others, ReferenceEqualityComparer.Instance));
        Assert.True(
            inside.Concat(others).ToHashSet<Parameter>(ReferenceEqualityComparer.Instance).SetEquals(net.parameters())
        );
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Cached_values_are_no_parameters(bool cached)
    {
        var model = nn.Sequential(("own", new Fieldless().orthogonal()), ("linear", nn.Linear(4, 4).orthogonal()));
        using var scope = cached ? parametrize.cached(model) : null;
        Assert.Equal(2, model.parametrized_parameters().Count);
        Assert.Equal(2, model.other_parameters().Count); // the biases
    }

    [Fact]
    public void Each_group_learns_at_its_own_rate()
    {
        var net = Parametrized();
        var (inside, others) = (net.parametrized_parameters(), net.other_parameters());
        var before = inside.Select(parameter => parameter.detach().clone()).ToList();
        var optimizer = optim.SGD([new SGD.ParamGroup(others, lr: 0.1), new SGD.ParamGroup(inside, lr: 0)], 0.1);
        var bias = net.blocks[0].bias!.detach().clone();
        net.call(randn(3, 4)).square().sum().backward();
        optimizer.step();
        Assert.All(before.Zip(inside), pair => Near.Same(pair.First, pair.Second, 0));
        Near.Different(bias, net.blocks[0].bias!);
    }

    [Fact]
    public void Shared_parameters_are_listed_once()
    {
        var shared = nn.Linear(4, 4).weight_norm();
        var model = nn.Sequential(shared, nn.ReLU(), shared);
        Assert.Equal(2, model.parametrized_parameters().Count);
        Assert.Single(model.other_parameters());
    }
}
