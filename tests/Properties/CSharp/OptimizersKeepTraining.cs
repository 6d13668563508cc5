using Parametrize.CSharp;
using Properties.CSharp.Support;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp;

/// <summary>An optimizer that was built before registering or assigning goes on, because tensors stay the same objects.</summary>
public class OptimizersKeepTraining
{
    public static TheoryData<string> Names => ["SGD", "Adam", "RMSprop"];

    private static optim.Optimizer Optimizer(string name, nn.Module module) =>
        name switch
        {
            "SGD" => optim.SGD(module.parameters(), 0.05, momentum: 0.5),
            "Adam" => optim.Adam(module.parameters(), 0.02),
            _ => optim.RMSProp(module.parameters(), 0.01),
        };

    /// <summary>The loss before and after some steps towards an orthogonal target.</summary>
    private static (double First, double Last) Fit(
        nn.Module<Tensor, Tensor> layer,
        optim.Optimizer optimizer,
        int steps = 60
    )
    {
        Seeded.Everywhere(3);
        using var target = Parametrizations.Orthogonal().Sample([4, 4]);
        using var input = randn(32, 4);
        using var expected = input.matmul(target);
        var losses = new List<double>();
        for (var step = 0; step < steps; step++)
        {
            using var _ = NewDisposeScope();
            var loss = (layer.call(input) - expected).pow(2).mean();
            losses.Add(loss.item<float>());
            optimizer.zero_grad();
            loss.backward();
            optimizer.step();
        }
        return (losses[0], losses[^1]);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Built_before_registration_it_trains_the_unconstrained_tensor(string name)
    {
        var layer = nn.Linear(4, 4);
        var optimizer = Optimizer(name, layer);
        layer.register_parametrization("weight", Parametrizations.Cayley());
        using var before = layer.parametrization("weight").Value.detach();

        var (first, last) = Fit(layer, optimizer);

        Assert.True(last < 0.9 * first, $"{first} -> {last}");
        Near.Different(before, layer.parametrization("weight").Value);
        Near.Orthogonal(layer.parametrization("weight").Value);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Built_before_and_stepped_before_it_trains_after_removal_too(string name)
    {
        var layer = nn.Linear(4, 4);
        var optimizer = Optimizer(name, layer);
        Fit(layer, optimizer, 3);
        layer.register_parametrization("weight", Parametrizations.Skew.Then(Parametrizations.Cayley()));
        Fit(layer, optimizer, 20);
        layer.remove_parametrizations("weight");
        using var before = layer.weight.detach().clone();
        var (first, last) = Fit(layer, optimizer, 20);
        Assert.True(last < first, $"{first} -> {last}");
        Near.Different(before, layer.weight);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Built_after_registration_it_finds_every_unconstrained_tensor(string name)
    {
        var layer = nn.Linear(4, 4).weight_norm();
        Assert.Equal(3, layer.parameters().Count());
        var (first, last) = Fit(layer, Optimizer(name, layer));
        Assert.True(last < first, $"{first} -> {last}");
    }

    [Fact]
    public void Its_state_stays_at_the_same_tensor_through_an_assignment()
    {
        var layer = nn.Linear(4, 4).register_parametrization("weight", Parametrizations.Orthogonal());
        var optimizer = Optimizer("Adam", layer);
        Fit(layer, optimizer, 5);
        var parameters = layer.parameters().ToArray();
        layer.parametrization("weight").Value = Parametrizations.Orthogonal().Sample([4, 4]);
        layer.parametrization("weight").MoveBase();
        Assert.All(parameters.Zip(layer.parameters()), pair => Assert.Same(pair.First, pair.Second));
        var (first, last) = Fit(layer, optimizer);
        Assert.True(last < first, $"{first} -> {last}");
    }

    [Fact]
    public void Registering_clears_the_gradient_of_another_function()
    {
        var layer = nn.Linear(4, 4);
        layer.call(randn(3, 4)).sum().backward();
        layer.register_parametrization("weight", Parametrizations.Skew);
        Assert.Null(layer.parametrization("weight").parameters().Single().grad);
    }

    [Fact]
    public void A_refused_registration_leaves_the_gradient()
    {
        var layer = nn.Linear(4, 4);
        layer.call(randn(3, 4)).sum().backward();
        using var gradient = layer.weight.grad!.clone();
        Assert.Throws<ParametrizationException>(() =>
            layer.register_parametrization("weight", Parametrizations.Skew, WhenNotAllowed.Refuse)
        );
        Near.Identical(gradient, layer.weight.grad!);
    }
}
