using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Models;

/// <summary>One value on many modules.</summary>
public class RegisteringOnManyModules
{
    [Fact]
    public void Every_module_of_a_class()
    {
        var net = new Net();
        var names = net.register_parametrizations<Linear>("weight", Parametrizations.Orthogonal());
        Assert.Equal(["first.weight", "blocks.0.weight", "blocks.1.weight"], names);
        Assert.All(names, name => Near.Orthogonal(net.parametrization(name).Value));
        Assert.False(net.norm.is_parametrized());
        net.call(randn(3, 4)).sum().backward();
    }

    [Fact]
    public void Every_convolution_transposed_ones_too()
    {
        var model = nn.Sequential(
            nn.Conv1d(2, 4, 3),
            nn.Linear(3, 3),
            nn.ConvTranspose1d(4, 2, 3),
            nn.Sequential(nn.Conv2d(1, 1, 1))
        );
        var names = model.register_parametrizations<Convolution>("weight", Parametrizations.WeightNorm());
        Assert.Equal(["0.weight", "2.weight", "3.0.weight"], names);
    }

    [Fact]
    public void The_predicate_sees_each_module_of_the_user_once_with_its_name()
    {
        var shared = nn.Linear(4, 4).orthogonal();
        var model = nn.Sequential(("a", shared), ("net", new Net()), ("b", shared));
        var seen = new List<string>();
        model.register_parametrizations(
            (name, _) =>
            {
                seen.Add(name);
                return name is "net.blocks.1";
            },
            "bias",
            Parametrizations.Positive
        );
        string[] all = ["", "a", "net", "net.first", "net.blocks", "net.blocks.0", "net.blocks.1", "net.norm"];
        Assert.Equal(all.Order(), seen.Order());
        Assert.True(model.is_parametrized("net.blocks.1.bias"));
    }

    [Fact]
    public void Fields_that_are_not_registered_yet_are_found()
    {
        var net = new Net(registered: false);
        Assert.Equal(3, net.register_parametrizations<Linear>("weight", Parametrizations.Orthogonal()).Count);
    }

    [Fact]
    public void A_name_may_lead_into_children()
    {
        var model = nn.Sequential(("net", new Net()));
        Assert.Equal(
            ["net.first.weight"],
            model.register_parametrizations<Net>("first.weight", Parametrizations.Orthogonal())
        );
    }

    [Fact]
    public void Picking_nothing_is_an_error_unless_allowed()
    {
        var net = new Net();
        var error = Assert.Throws<ArgumentException>(() =>
            net.register_parametrizations<Conv2d>("weight", Parametrizations.Orthogonal())
        );
        Assert.Contains("blocks.1 (Linear)", error.Message);
        Assert.Empty(net.register_parametrizations<Conv2d>("weight", Parametrizations.Orthogonal(), allowNone: true));
    }

    [Fact]
    public void The_module_that_lacks_the_tensor_is_named()
    {
        var model = nn.Sequential(
            ("body", nn.Sequential(("first", nn.Linear(4, 4)), ("second", nn.Linear(4, 4, hasBias: false))))
        );
        var before = Snapshot.Of(model);
        var error = Assert.Throws<ArgumentException>(() =>
            model.register_parametrizations<Linear>("bias", Parametrizations.Positive)
        );
        Assert.StartsWith("body.second.bias: Linear has no tensor 'bias' of its own. It has: weight.", error.Message);
        Assert.Equal("tensor_name", error.ParamName);
        error = Assert.Throws<ArgumentException>(() =>
            model.register_parametrizations<Linear>("inner.weight", Parametrizations.Positive)
        );
        Assert.StartsWith("body.first.inner.weight: Linear has no child 'inner'", error.Message);
        before.AssertUnchanged();
    }

    [Fact]
    public void The_module_is_named_whatever_is_wrong()
    {
        var model = nn.Sequential(("0", nn.Linear(4, 4)), ("norm", nn.BatchNorm1d(4)));
        model.register_parametrization("norm.weight", Parametrizations.Positive);
        var error = Assert.ThrowsAny<Exception>(() =>
            model.register_parametrizations(
                (name, _) => name == "norm",
                "parametrizations.weight.original",
                Parametrizations.Positive
            )
        );
        Assert.StartsWith("norm.parametrizations.weight.original: ", error.Message);
    }

    [Fact]
    public void What_to_do_with_tensors_that_are_not_allowed_is_up_to_the_caller()
    {
        var model = nn.Sequential(("a", nn.Linear(4, 4)), ("b", nn.Linear(4, 4)), ("c", nn.Linear(4, 4)));
        Assert.Throws<ParametrizationException>(() =>
            model.register_parametrizations<Linear>("weight", Parametrizations.Skew, WhenNotAllowed.Refuse)
        );
        Assert.Empty(model.parametrizations());
        var before = model.named_parameters().Where(own => own.name.EndsWith("weight")).ToList();
        var values = before.ConvertAll(own => own.parameter.detach().clone());
        model.register_parametrizations<Linear>("weight", Parametrizations.Skew, WhenNotAllowed.Reinterpret);
        foreach (var (index, own) in before.Index())
            Near.Same(values[index], own.parameter, 0);
    }
}
