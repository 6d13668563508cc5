using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Optimizers;

/// <summary>Which group of an early optimizer a new parameter joins, and which parameters are new.</summary>
public class NewParametersJoinGroups
{
    private static Parameter Magnitude(nn.Module model, string name = "normed.weight") =>
        model.parametrization(name).get_parameter("original0")!;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_a_group_of_its_own_has_is_for_the_whole_tensor(bool isLazy)
    {
        var (first, second) = (nn.Linear(4, 4), nn.Linear(4, 4));
        using var optimizer = optim.SGD(
            [
                new SGD.ParamGroup(isLazy ? first.parameters() : [.. first.parameters()], lr: 0.1),
                new SGD.ParamGroup(isLazy ? second.parameters() : [.. second.parameters()], lr: 0),
            ],
            0.1
        );
        first.weight_norm();
        second.weight_norm();
        optimizer.add_parametrized_parameters(nn.Sequential(second, first));

        var (moving, still) = (Magnitude(first, "weight"), Magnitude(second, "weight"));
        using var before = still.detach().clone();
        using var other = moving.detach().clone();
        second.call(first.call(eye(4))).sum().backward();
        optimizer.step();
        Near.Identical(before, still);
        Near.Different(other, moving);
    }

    [Fact]
    public void Without_a_sibling_it_joins_the_first_group()
    {
        var (layer, own) = (nn.Linear(4, 4), new ParametrizedTensor(Parametrizations.WeightNorm(), randn(4, 4)));
        using var optimizer = optim.Adam([new Adam.ParamGroup([layer.bias!]), new Adam.ParamGroup([layer.weight])]);
        var added = optimizer.add_parametrized_parameters(own);
        Assert.Equal(own.parameters(), added);
        Assert.Equal([layer.bias!, .. added], optimizer.ParamGroups.Cast<ParamGroup>().First().Parameters);
    }

    [Theory]
    [InlineData("weightNorm 0")]
    [InlineData("lowRank 2L")]
    [InlineData("correlation")]
    public void An_optimizer_of_a_part_keeps_to_it(string code)
    {
        var (body, head) = (nn.Linear(4, 4), nn.Linear(4, 4));
        var model = nn.Sequential(("body", body), ("head", head));
        using var ofBody = optim.SGD([.. body.parameters()], 0.1);
        using var ofHead = optim.SGD([.. head.parameters()], 0.1);
        model.register_parametrization("body.weight", Parametrizations.Parse(code));
        model.register_parametrization("head.weight", Parametrizations.Parse(code));
        foreach (var (optimizer, layer) in ((optim.Optimizer, Linear)[])[(ofBody, body), (ofHead, head)])
        {
            var own = layer.parametrization("weight").parameters().ToList();
            Assert.All(optimizer.add_parametrized_parameters(model), parameter => Assert.Contains(parameter, own));
            Assert.All(own, parameter => Assert.Contains(parameter, optimizer.parameters()));
        }
    }

    [Fact]
    public void Adapters_join_where_the_weight_was_frozen()
    {
        var model = nn.Sequential(("body", nn.Linear(4, 4)), ("head", nn.Linear(4, 4)));
        using var optimizer = optim.SGD([.. ((Linear)model[1]).parameters()], 0.1);
        model.get_peft_model(
            new()
            {
                Rank = 2,
                TargetModules = ["body"],
                ModulesToSave = ["head"],
            }
        );
        Assert.Equal(2, optimizer.add_parametrized_parameters(model).Count);
    }

    [Fact]
    public void A_schedule_goes_on_from_the_rate_that_it_began_with()
    {
        var layer = nn.Linear(4, 4);
        using var optimizer = optim.Adam([.. layer.parameters()], 0.8);
        var scheduler = optim.lr_scheduler.StepLR(optimizer, 1, 0.5);
        scheduler.step();
        optimizer.add_parametrized_parameters(layer.weight_norm());
        var group = optimizer.ParamGroups.Single();
        Assert.Equal((0.8, 0.4), (group.InitialLearningRate, group.LearningRate));
        scheduler.step();
        Assert.Equal(0.2, group.LearningRate);
    }

    [Fact]
    public void A_joint_tensor_joins_the_group_of_those_in_whose_place_it_is()
    {
        var (first, second) = (nn.Linear(4, 4), nn.Linear(4, 4));
        using var optimizer = optim.SGD(
            [
                new SGD.ParamGroup([.. first.parameters()], new() { LearningRate = 0 }),
                new SGD.ParamGroup([.. second.parameters()], new() { LearningRate = 1 }),
            ],
            0.1
        );
        second.register_parametrization("weight+bias", new Doubling().Value);
        using var before = second.parametrization("bias").Value.detach();
        var original = Assert.Single(optimizer.add_parametrized_parameters(second));
        second.call(eye(4)).sum().backward();
        using var gradient = original.grad!.clone();
        optimizer.step();
        Near.Same(before - 2 * gradient, second.parametrization("bias").Value);
    }

    [Fact]
    public void Frozen_parameters_are_added_only_where_the_list_has_them()
    {
        foreach (var isLazy in new[] { true, false })
        {
            var layer = nn.Linear(4, 4);
            layer.weight.requires_grad = false;
            using var optimizer = optim.SGD(isLazy ? layer.parameters() : [.. layer.parameters()], 0.1);
            layer.weight_norm();
            Assert.Equal(isLazy ? 1 : 0, optimizer.add_parametrized_parameters(layer).Count);
            layer.call(eye(4)).sum().backward();
            optimizer.step();
        }
    }

    [Fact]
    public void Of_a_native_module_too()
    {
        var lstm = nn.LSTM(3, 4);
        using var optimizer = optim.Adam(lstm.parameters(), 0.1);
        lstm.weight_norm("weight_hh_l0");
        Assert.Same(Magnitude(lstm, "weight_hh_l0"), Assert.Single(optimizer.add_parametrized_parameters(lstm)));
        using var before = Magnitude(lstm, "weight_hh_l0").detach().clone();
        lstm.call(randn(5, 2, 3)).Item1.pow(2).sum().backward();
        optimizer.step();
        Near.Different(before, Magnitude(lstm, "weight_hh_l0"));
        Assert.Empty(optimizer.add_parametrized_parameters(lstm));
    }

    [Fact]
    public void A_shared_tensor_is_added_once()
    {
        var (first, second) = (nn.Linear(4, 4), nn.Linear(4, 4));
        using var optimizer = optim.SGD([.. first.parameters()], 0.1);
        first.weight_norm();
        second.share_parametrization("weight", first.parametrization("weight"));
        Assert.Single(optimizer.add_parametrized_parameters(nn.Sequential(first, second)));
    }

    [Fact]
    public void A_new_parameter_at_the_address_of_a_disposed_one_is_new()
    {
        using var optimizer = optim.SGD([nn.Parameter(randn(1))], 0.1);
        for (var time = 0; time < 50; time++)
        {
            using var own = new ParametrizedTensor(Parametrizations.Skew, randn(3, 3));
            Assert.Single(optimizer.add_parametrized_parameters(own));
        }
    }
}
