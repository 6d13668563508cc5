using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Models;

/// <summary>`transfer_parametrizations_and_params`: PyTorch's tests of that name, and what is refused.</summary>
public class TransferringCopiesParametrizations
{
    private static readonly Parametrization Value = Parametrizations.Skew.Then(Parametrizations.Cayley());

    [Fact]
    public void Transfer_parametrizations_and_params()
    {
        var from = nn.Linear(5, 5).register_parametrization("weight", Value);
        var to = new Fitting(5);
        using var held = from.parametrization("weight").Value;

        Assert.Same(to, parametrize.transfer_parametrizations_and_params(from, to));

        Near.Identical(held, to.parametrization("weight").Value);
        Near.Identical(from.parametrization("weight").Value, to.parametrization("weight").Value);
        Assert.Equal(Value, to.parametrization("weight").Parametrization);
        to.remove_parametrizations("weight");
        Assert.False(to.is_parametrized("weight"));
        Assert.True(from.is_parametrized("weight"));
        Near.Identical(held, from.parametrization("weight").Value);
    }

    [Fact]
    public void Transfer_parametrizations_and_params_right_inverse()
    {
        var from = nn.Linear(5, 5).register_parametrization("weight", Value);
        using var assigned = Value.Sample([5, 5]);
        from.parametrization("weight").Value = assigned;
        var to = parametrize.transfer_parametrizations_and_params(from, nn.Linear(5, 5));
        Near.Same(assigned, to.parametrization("weight").Value);
        to.parametrization("weight").Value = Value.Sample([5, 5]);
        Near.Same(assigned, from.parametrization("weight").Value);
    }

    [Fact]
    public void What_to_do_where_the_target_is_of_another_value()
    {
        var own = Assert.Throws<InvalidOperationException>(() =>
            parametrize.copy_parametrizations(
                new Holder(Parametrizations.Symmetric, eye(4)),
                new Holder(Parametrizations.Identity, eye(4))
            )
        );
        Assert.EndsWith("but by identity in the target. Let the module make it of the same value.", own.Message);
        var registered = Assert.Throws<InvalidOperationException>(() =>
            parametrize.copy_parametrizations(
                nn.Linear(4, 4).register_parametrization("weight", Parametrizations.Symmetric),
                nn.Linear(4, 4).register_parametrization("weight", Parametrizations.Skew)
            )
        );
        Assert.EndsWith("but by skew in the target. Remove it first.", registered.Message);
    }

    [Fact]
    public void The_target_stays_on_its_device()
    {
        var from = nn.Linear(5, 5).register_parametrization("weight", Value);
        var to = nn.Linear(5, 5).register_parametrization("weight", Value);
        to.to(DeviceType.META);
        parametrize.copy_parametrizations(from, to);
        Assert.All(to.state_dict().Values, part => Assert.Equal(DeviceType.META, part.device_type));
        Assert.All(from.state_dict().Values, part => Assert.Equal(DeviceType.CPU, part.device_type));
    }

    [Fact]
    public void Transfer_parametrizations_and_params_single_param()
    {
        var from = nn.Linear(5, 5).register_parametrization("weight", Value);
        from.register_parametrization("bias", Parametrizations.Positive);
        var to = parametrize.transfer_parametrizations_and_params(from, nn.Linear(5, 5), "bias");
        Assert.True(to.is_parametrized("bias"));
        Assert.False(to.is_parametrized("weight"));
        Near.Identical(from.parametrization("bias").Value, to.parametrization("bias").Value);
    }

    [Fact]
    public void Transfer_parametrizations_and_params_many_to_one()
    {
        var from = nn.Linear(5, 4).weight_norm();
        var to = parametrize.transfer_parametrizations_and_params(from, nn.Linear(5, 4));
        Near.Identical(from.parametrization("weight").Value, to.parametrization("weight").Value);
        Assert.Equal(from.state_dict().Keys.Order(), to.state_dict().Keys.Order());
    }

    [Fact]
    public void A_plain_source_changes_nothing()
    {
        var to = nn.Linear(5, 5);
        var before = Snapshot.Of(to);
        parametrize.transfer_parametrizations_and_params(nn.Linear(5, 5), to);
        before.AssertUnchanged();
    }

    [Fact]
    public void Buffers_and_frozen_parameters_come_along()
    {
        var from = nn.Linear(5, 5).random_unstructured("weight", 0.5, seed: 3);
        from.parametrization("weight").get_parameter("original")!.requires_grad = false;
        var to = parametrize.transfer_parametrizations_and_params(from, nn.Linear(5, 5));
        foreach (var (key, tensor) in from.state_dict().Where(entry => entry.Key.StartsWith("parametrizations")))
            Near.Identical(tensor, to.state_dict()[key]);
        Assert.False(to.parametrization("weight").get_parameter("original")!.requires_grad);
        Assert.True(to.bias!.requires_grad);
    }

    [Fact]
    public void The_target_keeps_its_parameter_object_and_its_optimizer()
    {
        var to = nn.Linear(5, 5);
        var (own, optimizer) = (to.weight, optim.SGD(to.parameters(), 0.1));
        parametrize.transfer_parametrizations_and_params(nn.Linear(5, 5).orthogonal(), to);
        Assert.Same(own, to.parametrization("weight").get_parameter("original"));
        using var before = to.parametrization("weight").Value;
        to.call(randn(3, 5)).square().sum().backward();
        optimizer.step();
        Near.Different(before, to.parametrization("weight").Value);
    }

    [Fact]
    public void What_cannot_be_reached_again_is_transferred_too()
    {
        // Its tensor need not be pulled back: the parameters are there.
        var value = Parametrizations.Of(new OneWay());
        var from = nn.Linear(5, 5).register_parametrization("weight", value, WhenNotAllowed.Reinterpret);
        var to = parametrize.transfer_parametrizations_and_params(from, nn.Linear(5, 5));
        Near.Identical(from.parametrization("weight").Value, to.parametrization("weight").Value);
    }

    [Fact]
    public void The_value_goes_behind_a_present_one_as_in_PyTorch()
    {
        var from = nn.Linear(4, 4).register_parametrization("weight", Parametrizations.Cayley());
        var to = nn.Linear(4, 4).register_parametrization("weight", Parametrizations.Skew);
        parametrize.transfer_parametrizations_and_params(from, to);
        var tensor = to.parametrization("weight");
        Assert.Equal("skew >>> cayley", tensor.Parametrization.Code);
        Near.Identical(from.parametrization("weight").get_parameter("original")!, tensor.get_parameter("original")!);
        Near.Identical(
            from.get_buffer("parametrizations.weight.0.base")!,
            to.get_buffer("parametrizations.weight.1.base")!
        );
        Near.Orthogonal(tensor.Value);
    }

    private static void Refuses<TError>(nn.Module from, nn.Module to, string? name = null)
        where TError : Exception
    {
        Snapshot[] before = [Snapshot.Of(from), Snapshot.Of(to)];
        Assert.Throws<TError>(() => parametrize.transfer_parametrizations_and_params(from, to, name));
        Assert.All(before, snapshot => snapshot.AssertUnchanged());
    }

    [Fact]
    public void What_does_not_suit_is_refused_before_any_change()
    {
        var from = nn.Linear(4, 4).register_parametrization("bias", Parametrizations.Positive).orthogonal();
        Refuses<ArgumentException>(from, nn.Linear(3, 4)); // bias suits, weight not
        Refuses<ArgumentException>(from, nn.Linear(4, 4, hasBias: false));
        Refuses<ArgumentException>(from, nn.Linear(4, 4, dtype: ScalarType.Float64));
        Refuses<ArgumentException>(from, nn.ReLU());
        Refuses<ArgumentException>(from, nn.Linear(4, 4), "nothing");
        Refuses<ArgumentException>(from, from);
        Refuses<ParametrizationException>(from, nn.Linear(4, 4).orthogonal());
        Refuses<InvalidOperationException>(
            nn.Linear(4, 4).l1_unstructured("weight", 2),
            nn.Linear(4, 4).l1_unstructured("weight", 0.5)
        );
    }

    /// <summary>Another class than Linear, with tensors that suit.</summary>
    private sealed class Fitting : nn.Module<Tensor, Tensor>
    {
        private readonly Parameter weight;

        public Fitting(long size)
            : base(nameof(Fitting))
        {
            weight = nn.Parameter(randn(size, size));
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) => input.matmul(weight);
    }

    /// <summary>A map without a way back.</summary>
    private sealed class OneWay() : CustomNode("oneWay", "sines")
    {
        protected override Tensor Forward(Tensor input) => input.sin();

        protected override Tensor RightInverse(Tensor value) => value.add(double.NaN);

        protected override double Distance(Tensor value) => double.PositiveInfinity;
    }
}
