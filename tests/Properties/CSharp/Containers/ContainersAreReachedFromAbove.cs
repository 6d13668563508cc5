using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Containers;

/// <summary>
/// A tensor of a module without `call` is there while the nearest module around it that has one is called; where there is
/// none, registering is refused.
/// </summary>
public class ContainersAreReachedFromAbove
{
    public static TheoryData<string> Bare => ["list", "dictionary", "bag", "list of lists", "around"];

    private static (nn.Module Module, string Name) Make(string kind) =>
        kind switch
        {
            "list" => (nn.ParameterList(nn.Parameter(randn(4, 4))), "0"),
            "dictionary" => (nn.ParameterDict(("w", nn.Parameter(randn(4, 4)))), "w"),
            "bag" => (new Bag(), "weight"),
            "list of lists" => (new Around(nn.ModuleList(nn.ParameterList(nn.Parameter(randn(4, 4))))), "inside.0.0"),
            _ => (new Around(new Bag()), "inside.weight"),
        };

    [Theory]
    [MemberData(nameof(Bare))]
    public void Without_a_call_above_it_is_refused(string kind)
    {
        var (module, name) = Make(kind);
        var before = Snapshot.Of(module);
        var error = Assert.Throws<NotSupportedException>(() =>
            module.register_parametrization(name, Parametrizations.Symmetric)
        );
        Assert.Contains("Register on the module that computes with it", error.Message);
        before.AssertUnchanged();
    }

    [Fact]
    public void A_list_in_a_dictionary_of_modules_is_reached()
    {
        var model = new WithListsByName();
        model.register_parametrization("lists.right.1", Parametrizations.Symmetric);
        string[] keys = ["lists.left.0", "lists.right.0", "lists.right.parametrizations.1.original"];
        Assert.Equal(keys, model.state_dict().Keys);
        using var value = model.parametrization("lists.right.1").Value;
        Near.Same(model.lists["left"][0].mm(model.lists["right"][0]).mm(value), model.call(eye(4)));
        model.call(eye(4)).sum().backward();
        Assert.All(model.parameters(), parameter => Assert.NotNull(parameter.grad));
        model.remove_parametrizations("lists.right.1");
        Near.Same(value, model.lists["right"][1]);
        Assert.Equal(["lists.left.0", "lists.right.0", "lists.right.1"], model.state_dict().Keys);
    }

    [Fact]
    public void What_a_parametrized_tensor_is_computed_from_is_not_reached_so()
    {
        var model = new WithList();
        model.register_parametrization("kernels.0", Parametrizations.Orthogonal());
        foreach (var name in new[] { "original", "0.base" })
            Assert.Throws<NotSupportedException>(() =>
                model.register_parametrization($"kernels.parametrizations.0.{name}", Parametrizations.Symmetric)
            );
    }

    [Fact]
    public void A_parametrized_list_is_reached_by_itself()
    {
        var model = new WithList();
        var list = model.kernels;
        model.register_parametrization("kernels.0", Parametrizations.Skew);
        foreach (var seen in new[] { list, model.kernels })
        {
            Assert.Same(model.parametrization("kernels.0"), seen.parametrization("0"));
            Assert.True(seen.is_parametrized());
            Assert.Throws<NotSupportedException>(() => seen.register_parametrization("1", Parametrizations.Symmetric));
        }
        list.register_parametrization("0", Parametrizations.Cayley());
        using var value = model.parametrization("kernels.0").Value;
        Near.Orthogonal(value);
        list.remove_parametrizations("0");
        Assert.False(model.is_parametrized("kernels.0"));
        Assert.Same(list, model.kernels);
        Near.Same(value, list[0]);
    }

    /// <summary>A parameter that a list has twice, and that another module has as well.</summary>
    [Fact]
    public void Tied_elements_stay_tied()
    {
        var (lists, linear) = (new WithList(), nn.Linear(4, 4, hasBias: false));
        lists.kernels[1] = lists.kernels[0];
        linear.weight = lists.kernels[0];
        var model = nn.Sequential(("lists", lists), ("linear", linear));
        model.register_parametrization("lists.kernels.0", Parametrizations.Orthogonal());

        Assert.Same(lists.parametrization("kernels.0"), linear.parametrization("weight"));
        using var w = lists.parametrization("kernels.0").Value;
        using var x = randn(3, 4);
        Near.Same(x.matmul(w).matmul(w).matmul(lists.kernels[2]).matmul(w.T), model.call(x));
        Assert.Equal(2, model.parameters().Count());

        model.remove_parametrizations("lists.kernels.0").remove_parametrizations("linear.weight");
        Assert.Same(lists.kernels[0], lists.kernels[1]);
        Near.Same(w, lists.kernels[0]);
        Near.Same(w, linear.weight!);
    }

    [Fact]
    public void It_is_registered_on_the_other_and_reaches_the_list()
    {
        var (lists, linear) = (new WithList(1), nn.Linear(4, 4, hasBias: false));
        linear.weight = lists.kernels[0];
        var model = nn.Sequential(("linear", linear), ("lists", lists));
        model.register_parametrization("linear.weight", Parametrizations.Orthogonal());
        Assert.Same(linear.parametrization("weight"), lists.parametrization("kernels.0"));
        using var x = randn(3, 4);
        Near.Same(x, model.call(x));
    }

    [Fact]
    public void An_element_shares_the_tensor_of_another_module_which_outlives_the_list()
    {
        var linear = nn.Linear(4, 4).orthogonal();
        var gone = Sharing(linear);
        for (var time = 0; time < 3 && gone.IsAlive; time++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
        Assert.False(gone.IsAlive);
        linear.call(randn(2, 4)).sum().backward();
        linear.remove_parametrizations("weight");

        static WeakReference Sharing(Linear linear)
        {
            var model = new WithList(2);
            model.share_parametrization("kernels.1", linear.parametrization("weight"));
            using var x = randn(3, 4);
            Near.Same(x.matmul(model.kernels[0]).matmul(linear.parametrization("weight").Value), model.call(x));
            return new(model);
        }
    }

    /// <summary>It is computed for the nearest module around both.</summary>
    [Fact]
    public void A_list_that_two_modules_have_is_one()
    {
        var first = new WithList(2);
        var (list, second) = (first.kernels, new WithList(first.kernels));
        var model = nn.Sequential(("first", first), ("second", second));
        model.register_parametrization("second.kernels.0", Parametrizations.Orthogonal());
        using var w = model.parametrization("first.kernels.0").Value;
        using var x = randn(3, 4);
        using var once = w.mm(list[1]);
        Near.Same(x.mm(once).mm(once), model.call(x));
        Assert.Same(first.kernels, second.kernels);
        Assert.Equal(2, model.parameters().Count());
        Assert.DoesNotContain(model.state_dict().Keys, key => key.EndsWith("kernels.0"));
        model.to(ScalarType.Float64);
        Near.Same(x.mm(once).mm(once), model.call(x.to(ScalarType.Float64)).to(ScalarType.Float32));

        model.remove_parametrizations("first.kernels.0");
        Assert.Same(list, first.kernels);
        Assert.Same(list, second.kernels);
        Near.Same(x.mm(once).mm(once), model.call(x.to(ScalarType.Float64)).to(ScalarType.Float32));
    }

    [Fact]
    public void A_list_moves_by_itself_and_with_its_module()
    {
        var model = new WithList();
        model.register_parametrization("kernels.1", Parametrizations.Orthogonal());
        model.kernels.to(ScalarType.Float64);
        using var x = randn(3, 4, dtype: ScalarType.Float64);
        Assert.Equal(ScalarType.Float64, model.call(x).dtype);
        Assert.All(model.state_dict().Values, tensor => Assert.Equal(ScalarType.Float64, tensor.dtype));
        model.to(DeviceType.META);
        Assert.All(model.state_dict().Values, tensor => Assert.Equal(DeviceType.META, tensor.device_type));
    }

    [Fact]
    public void A_forward_pass_that_throws_leaves_the_list_usable()
    {
        var model = new WithList();
        model.register_parametrization("kernels.0", Parametrizations.Orthogonal());
        Assert.ThrowsAny<Exception>(() => model.call(randn(3, 5)));
        using var x = randn(3, 4);
        model.call(x).sum().backward();
        Assert.ThrowsAny<Exception>(() => model.forward(x));
        Assert.Equal(3, model.parameters().Count());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void A_list_keeps_its_order_when_it_moves(int index)
    {
        var model = new WithList(3);
        model.register_parametrization($"kernels.{index}", Parametrizations.Symmetric);
        using var x = randn(2, 4);
        var expected = model.call(x);
        model.to(ScalarType.Float64);
        Near.Same(expected, model.call(x.to(ScalarType.Float64)).to(ScalarType.Float32));
    }
}
