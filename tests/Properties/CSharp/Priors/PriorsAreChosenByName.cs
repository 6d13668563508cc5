using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Bayes;

/// <summary>Which tensors `log_prior` sums over.</summary>
public class PriorsAreChosenByName
{
    private static readonly Prior Normal = Priors.Normal();
    private static readonly Prior Laplace = Priors.Laplace();

    private static Sequential Model()
    {
        var model = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 3));
        model.register_parametrization("0.weight", Parametrizations.Simplex);
        return model;
    }

    private static double Number(Tensor tensor) => tensor.to(ScalarType.Float64).item<double>();

    private static double Sum(Prior prior, params Tensor[] tensors) =>
        tensors.Sum(tensor => Number(prior.LogDensity(tensor).sum()));

    private static Tensor[] Weights(Sequential model) =>
        [model.parametrization("0.weight").Value, ((Linear)model[1]).weight!];

    private static Tensor[] Biases(Sequential model) => [((Linear)model[0]).bias!, ((Linear)model[1]).bias!];

    [Fact]
    public void A_function_is_asked_for_every_tensor_once()
    {
        using var scope = NewDisposeScope();
        var model = Model();
        var asked = new List<string>();
        var found = model.log_prior(name =>
        {
            asked.Add(name);
            return name == "0.weight" ? Priors.Dirichlet(2) : Normal;
        });
        Assert.Equal(["0.bias", "0.weight", "1.bias", "1.weight"], asked.Order(StringComparer.Ordinal));
        var expected = Sum(Priors.Dirichlet(2), Weights(model)[0]) + Sum(Normal, [Weights(model)[1], .. Biases(model)]);
        Assert.Equal(expected, Number(found), 1e-4);
    }

    [Fact]
    public void A_prior_counts_for_all_tensors_in_its_space()
    {
        using var scope = NewDisposeScope();
        var model = Model();
        Assert.Equal(Sum(Normal, [.. Weights(model), .. Biases(model)]), Number(model.log_prior(Normal)), 1e-4);
        var dirichlet = Priors.Dirichlet(2);
        Assert.Equal(Sum(dirichlet, Weights(model)[0]), Number(model.log_prior(dirichlet)), 1e-4);
    }

    [Fact]
    public void Patterns_meet_names_and_a_name_counts_more()
    {
        using var scope = NewDisposeScope();
        var model = Model();
        Assert.Equal(Sum(Laplace, Weights(model)), Number(model.log_prior(("*.weight", Laplace))), 1e-4);
        Assert.Equal(
            Sum(Normal, Weights(model)[0]) + Sum(Laplace, [Weights(model)[1], .. Biases(model)]),
            Number(model.log_prior(("*", Laplace), ("0.weight", Normal))),
            1e-4
        );
        Assert.Equal(
            Sum(Normal, Biases(model)),
            Number(model.log_prior(("*.bias", Normal), ("?.bias", Priors.Normal()))),
            1e-4
        );
    }

    [Fact]
    public void Patterns_tell_capitals_from_small_letters()
    {
        using var scope = NewDisposeScope();
        var model = nn.Sequential(("head", nn.Linear(2, 2)), ("Head", nn.Linear(2, 2)));
        var own = ((Linear)model[0]).weight!;
        Assert.Equal(Sum(Normal, own), Number(model.log_prior(("head.weight", Normal))), 1e-4);
        Assert.Equal(Sum(Normal, own), Number(model.log_prior(("h*.weight", Normal))), 1e-4);
        Assert.Throws<ArgumentException>(() => model.log_prior(("HEAD.*", Normal)));
    }

    [Fact]
    public void A_pattern_that_meets_nothing_and_two_that_disagree_are_refused()
    {
        var model = Model();
        var none = Assert.Throws<ArgumentException>(() => model.log_prior(("*.wieght", Normal)));
        Assert.Contains("no tensor *.wieght in Sequential. It has: 0.weight, ", none.Message, StringComparison.Ordinal);
        var two = Assert.Throws<ArgumentException>(() => model.log_prior(("*.bias", Normal), ("0.*", Laplace)));
        Assert.Contains(
            "0.bias has several priors: *.bias: Prior.normal 1.0, 0.*:",
            two.Message,
            StringComparison.Ordinal
        );
        var left = Assert.Throws<ArgumentException>(() => model.log_prior(_ => null));
        Assert.Contains("has no prior for any tensor", left.Message, StringComparison.Ordinal);
        var lone = Assert.Throws<ArgumentException>(() => nn.Linear(2, 2).log_prior(("wieght", Normal)));
        Assert.Contains("It has: weight, bias.", lone.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Tied_tensors_count_once(bool isParametrized)
    {
        using var scope = NewDisposeScope();
        var (first, second) = (nn.Linear(3, 3, hasBias: false), nn.Linear(3, 3, hasBias: false));
        second.weight = first.weight;
        var model = nn.Sequential(first, second);
        if (isParametrized)
            model.register_parametrization("0.weight", Parametrizations.Symmetric);
        var weight = isParametrized ? model.parametrization("1.weight").Value : first.weight!;
        var expected = Sum(Normal, weight);
        Assert.Equal(expected, Number(model.log_prior(Normal)), 1e-4);
        Assert.Equal(expected, Number(model.log_prior(_ => Normal)), 1e-4);
        Assert.Equal(expected, Number(model.log_prior(("*", Normal))), 1e-4);
        Assert.Equal(expected, Number(model.log_prior(("1.weight", Normal))), 1e-4);
        Assert.Equal(expected, Number(model.log_prior(("0.weight", Normal), ("1.weight", Normal))), 1e-4);
        var error = Assert.Throws<ArgumentException>(() =>
            model.log_prior(("0.weight", Normal), ("1.weight", Parametrize.CSharp.Priors.Laplace()))
        );
        Assert.Contains("has two priors", error.Message);
    }

    [Fact]
    public void What_stands_for_a_parametrized_tensor_in_native_memory_does_not_count()
    {
        using var scope = NewDisposeScope();
        var model = nn.LSTM(2, 2);
        model.register_parametrization("weight_hh_l0", Parametrizations.Positive);
        using (parametrize.cached())
            Assert.True(model.log_prior(Normal).isfinite().item<bool>());
        var names = new List<string>();
        model.log_prior(name =>
        {
            names.Add(name);
            return Normal;
        });
        Assert.Equal(["bias_hh_l0", "bias_ih_l0", "weight_hh_l0", "weight_ih_l0"], names.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Joint_tensors_count_once()
    {
        using var scope = NewDisposeScope();
        var model = nn.Sequential(nn.Linear(2, 2));
        model.register_parametrization("0.weight+bias", Parametrizations.Positive);
        Assert.Equal(Sum(Normal, model.parametrization("0.weight+bias").Value), Number(model.log_prior(Normal)), 1e-4);
    }

    [Fact]
    public void A_plain_tensor_says_what_to_register()
    {
        var model = nn.Linear(3, 3);
        var error = Assert.Throws<ArgumentException>(() => model.log_prior(("weight", Priors.Wishart(5))));
        Assert.Contains(
            "the tensor is not parametrized: register Parametrizations.Spd() on it first.",
            error.Message,
            StringComparison.Ordinal
        );
        model.register_parametrization("weight", Parametrizations.Spd());
        var few = Assert.Throws<ArgumentException>(() => model.log_prior(("weight", Priors.Wishart(1))));
        Assert.Contains("3 x 3 matrices need more than 2 degrees of freedom", few.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_normal_density_has_a_mean()
    {
        using var scope = NewDisposeScope();
        var x = randn(5);
        var moved = Priors.Normal(3, 2).LogDensity(x + 3);
        Assert.True(Priors.Normal(2).LogDensity(x).allclose(moved, atol: 1e-5));
        Assert.Equal(Priors.Normal(2), Priors.Normal(0, 2));
        Assert.Equal("Prior.normalAround 3.0 2.0", Priors.Normal(3, 2).ToString());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Patterns_match_any_name_of_a_tied_tensor(bool isParametrized)
    {
        var model = nn.Sequential(("encoder", nn.Linear(3, 3)), ("decoder", nn.Linear(3, 3)));
        ((Linear)model[1]).weight = ((Linear)model[0]).weight;
        if (isParametrized)
            model.register_parametrization("encoder.weight", Parametrizations.Symmetric);
        using var expected = model.log_prior(("encoder.weight", Priors.Normal()));
        foreach (var pattern in new[] { "encoder.w*", "decoder.w*", "*.weight" })
            Near.Same(expected, model.log_prior((pattern, Priors.Normal())));
    }
}
