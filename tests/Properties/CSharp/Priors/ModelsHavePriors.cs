using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Models;
using Properties.CSharp.Support;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Bayes;

/// <summary>`log_prior`.</summary>
public class ModelsHavePriors
{
    private static Sequential Model()
    {
        var model = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 3));
        model.register_parametrization("0.weight", Parametrizations.Simplex);
        model.register_parametrization("1.weight", Parametrizations.Correlation);
        return model;
    }

    private static double Number(Tensor tensor) => tensor.to(ScalarType.Float64).item<double>();

    private static double Sum(Prior prior, Tensor tensor) => Number(prior.LogDensity(tensor).sum());

    [Fact]
    public void The_sum_of_those_of_the_tensors()
    {
        using var scope = NewDisposeScope();
        var model = Model();
        var (dirichlet, lkj, normal) = (Priors.Dirichlet(2), Priors.Lkj(3), Priors.Normal());
        var found = model.log_prior(("0.weight", dirichlet), ("1.weight", lkj), ("1.bias", normal));
        Assert.Empty(found.shape);
        var expected =
            Sum(dirichlet, model.parametrization("0.weight").Value)
            + Sum(lkj, model.parametrization("1.weight").Value)
            + Sum(normal, ((Linear)model[1]).bias!);
        Assert.Equal(expected, Number(found), 1e-4);
        Assert.Equal(Sum(lkj, model.parametrization("1.weight").Value), Number(model.log_prior(lkj)), 1e-4);
    }

    [Fact]
    public void Sums_over_element_types_have_the_wider_one()
    {
        using var scope = NewDisposeScope();
        var model = nn.Sequential(("a", nn.Linear(2, 2)), ("b", nn.Linear(2, 2, dtype: ScalarType.Float64)));
        var found = model.log_prior(("a.weight", Priors.Normal()), ("b.weight", Priors.Normal()));
        Assert.Equal(ScalarType.Float64, found.dtype);
    }

    [Fact]
    public void Gradients_reach_the_parameters()
    {
        using var scope = NewDisposeScope();
        var model = Model();
        model.log_prior(("0.weight", Priors.Dirichlet(2)), ("0.bias", Priors.Normal())).backward();
        Assert.NotNull(model.parametrization("0.weight").Original.grad);
        Assert.NotNull(((Linear)model[0]).bias!.grad);
        Assert.Null(model.parametrization("1.weight").Original.grad);
    }

    [Fact]
    public void Training_finds_the_maximum_a_posteriori()
    {
        using var scope = NewDisposeScope();
        Seeded.Everywhere(1);
        // Counts of three outcomes, and a Dirichlet prior: the maximum is (n + a - 1) / (sum of these).
        var counts = tensor(new[] { 5.0, 1.0, 0.0 });
        double[] concentrations = [2, 2, 4];
        var shares = new ParametrizedTensor(Parametrizations.Simplex, full(3, 1.0 / 3, dtype: ScalarType.Float64));
        var optimizer = optim.Adam(shares.parameters(), 0.1);
        for (var step = 0; step < 300; step++)
        {
            using var passing = NewDisposeScope();
            optimizer.zero_grad();
            var likelihood = (counts * shares.Value.log()).sum();
            (-likelihood - shares.log_prior(("", Priors.Dirichlet(concentrations)))).backward();
            optimizer.step();
        }
        var expected = tensor(new[] { 6.0, 2.0, 3.0 }) / 11;
        Assert.True((shares.Value - expected).abs().max().item<double>() < 1e-3, $"{shares.Value.ToString(true)}");
    }

    [Fact]
    public void A_model_is_trained_in_one_line()
    {
        using var scope = NewDisposeScope();
        Seeded.Everywhere(2);
        var model = Model();
        var optimizer = optim.Adam(model.parameters(), 0.05);
        var (x, y) = (randn(32, 4), randn(32, 3));
        var losses = new List<double>();
        for (var step = 0; step < 60; step++)
        {
            using var passing = NewDisposeScope();
            using var cached = parametrize.cached();
            optimizer.zero_grad();
            var loss =
                nn.functional.mse_loss(model.call(x), y)
                - 0.01 * model.log_prior(("0.weight", Priors.Dirichlet(2)), ("1.weight", Priors.Lkj(5)));
            loss.backward();
            optimizer.step();
            losses.Add(Number(loss));
        }
        Assert.True(losses[^1] < losses[0] - 0.05, $"{losses[0]} {losses[^1]}");
    }

    [Fact]
    public void By_parameters_the_volume_comes_to_it()
    {
        using var scope = NewDisposeScope();
        var model = Model();
        var prior = ("0.weight", Priors.OfValue(Parametrizations.Simplex));
        var volume = Number(model.parametrization("0.weight").LogVolume()!);
        Assert.Equal(Number(model.log_prior(prior)) + volume, Number(model.log_prior(byParameters: true, prior)), 1e-3);
        Assert.Equal(
            Sum(Priors.Normal(), model.parametrization("0.weight").Original),
            Number(model.log_prior(byParameters: true, prior)),
            1e-4
        );
    }

    [Fact]
    public void Matrices_of_some_of_their_parameters_have_one()
    {
        using var scope = NewDisposeScope();
        var tensor = new ParametrizedTensor(Parametrizations.Spd(), eye(3) * 2);
        var found = Number(tensor.LogPrior(Priors.OfValue(Parametrizations.Spd())));
        var read = Number(Priors.Normal().LogDensity(tensor.Original).tril().sum());
        Assert.Equal(read - Number(tensor.LogVolume()!), found, 1e-4);
    }

    [Fact]
    public void What_does_not_suit_is_refused_by_name_before_anything_is_computed()
    {
        var doubling = new Doubling();
        var model = Model();
        model.register_parametrization("1.bias", doubling.Value);
        var before = doubling.Evaluations;
        var normal = Priors.Normal();
        Refused(
            "1.weight: Prior.dirichlet [ 2.0 ] is a density of probability vectors",
            ("1.weight", Priors.Dirichlet(2))
        );
        Refused("0.weight: Prior.dirichlet [ 2.0; 1.0 ] expects", ("0.weight", Priors.Dirichlet(2, 1)));
        Refused("1.bias has two priors: Prior.normal 1.0 and Prior.lkj 1.0.", ("1.bias", Priors.Lkj()));
        Refused(
            "0.bias: Prior.lkj 1.0 is a density of correlation matrices, but the tensor is not parametrized: register Parametrizations.Correlation on it",
            ("0.bias", Priors.Lkj())
        );
        Refused("no tensor 2.weight in Sequential. It has: 0.weight, 1.weight, 1.bias, 0.bias.", ("2.weight", normal));
        Refused("At least one prior was expected");
        var alone = Assert.Throws<ArgumentException>(() => model.log_prior(("1.bias", Priors.Lkj())));
        Assert.Contains(
            "1.bias: Prior.lkj 1.0 is a density of correlation matrices",
            alone.Message,
            StringComparison.Ordinal
        );
        var both = Assert.Throws<ArgumentException>(() =>
            model.log_prior(("1.weight", Priors.Dirichlet(2)), ("1.bias", Priors.Lkj()))
        );
        Assert.Contains("1.weight: Prior.dirichlet", both.Message, StringComparison.Ordinal);
        Assert.Contains("1.bias: Prior.lkj", both.Message, StringComparison.Ordinal);
        Assert.Equal(before, doubling.Evaluations);
        Assert.Throws<ArgumentNullException>(() => model.log_prior((null!, Priors.Normal())));
        var none = Assert.Throws<ArgumentException>(() =>
            model.log_prior(
                Priors.Langevin(
                    new double[,]
                    {
                        { 1 },
                    }
                )
            )
        );
        Assert.Contains(
            "No tensor of Sequential lies in the space of Prior.langevin",
            none.Message,
            StringComparison.Ordinal
        );
        var volume = Assert.Throws<ArgumentException>(() => model.log_prior(byParameters: true, ("1.bias", normal)));
        Assert.Contains("1.bias: The volume of doubling is not known", volume.Message, StringComparison.Ordinal);

        void Refused(string message, params (string, Prior)[] priors)
        {
            (string, Prior)[] all = priors.Length == 0 ? [] : [("1.bias", normal), .. priors];
            var error = Assert.Throws<ArgumentException>(() => model.log_prior(all));
            Assert.Contains(message, error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_tensor_refuses_what_does_not_suit_it_before_anything_is_computed()
    {
        var doubling = new Doubling();
        var layer = nn.Linear(3, 3).register_parametrization("weight", doubling.Value);
        var before = doubling.Evaluations;
        Refused("Prior.lkj 1.0 is a density of correlation matrices, but doubling yields", Priors.Lkj());
        Refused("The volume of doubling is not known in closed form", Priors.Normal(), byParameters: true);
        Assert.Equal(before, doubling.Evaluations);

        void Refused(string words, Prior prior, bool byParameters = false)
        {
            var error = Assert.Throws<ArgumentException>(() =>
                layer.parametrization("weight").LogPrior(prior, byParameters)
            );
            Assert.StartsWith("Linear.weight: ", error.Message);
            Assert.Contains(words, error.Message, StringComparison.Ordinal);
            Assert.Equal("prior", error.ParamName);
        }
    }

    [Fact]
    public void In_a_cached_scope_nothing_is_computed_again()
    {
        using var scope = NewDisposeScope();
        var doubling = new Doubling();
        var model = nn.Linear(3, 3).register_parametrization("weight", doubling.Value);
        var normal = ("weight", Priors.Normal());
        using (parametrize.cached())
        {
            model.call(ones(1, 3));
            var before = doubling.Evaluations;
            var inside = model.log_prior(normal);
            Assert.Equal(before, doubling.Evaluations);
            inside.backward();
        }
        Assert.NotNull(model.parametrization("weight").Original.grad);
        var outside = doubling.Evaluations;
        model.log_prior(normal);
        Assert.Equal(outside + 1, doubling.Evaluations);
    }

    [Fact]
    public void It_learns_nothing()
    {
        using var scope = NewDisposeScope();
        var model = nn.Linear(3, 3).register_parametrization("weight", Parametrizations.SpectralNorm());
        model.train();
        var before = model.state_dict().ToDictionary(entry => entry.Key, entry => entry.Value.clone());
        model.log_prior(("weight", Priors.Normal()));
        Assert.All(before, entry => Assert.True(entry.Value.Equals(model.state_dict()[entry.Key])));
    }

    [Fact]
    public void Nothing_leaks()
    {
        var model = Model();
        (string, Prior)[] priors =
        [
            ("0.weight", Priors.OfValue(Parametrizations.Simplex)),
            ("1.weight", Priors.Lkj(2)),
            ("1.bias", Priors.Laplace()),
        ];
        Compute();
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        for (var i = 0; i < 3; i++)
            Compute();
        using (parametrize.cached())
            Compute();
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);

        void Compute()
        {
            model.log_prior(priors).Dispose();
            model.log_prior(byParameters: true, priors).Dispose();
            model.log_prior(name => name == "0.weight" ? priors[0].Item2 : null).Dispose();
        }
    }

    [Fact]
    public void Samples_are_of_the_space()
    {
        using var scope = NewDisposeScope();
        var prior = Priors.Wishart(
            5,
            new double[,]
            {
                { 2, 1 },
                { 1, 2 },
            }
        );
        var drawn = prior.Sample([7, 2, 2], ScalarType.Float64, generator: new Generator(3));
        Assert.True(Parametrizations.Spd().Contains(drawn));
        Assert.Equal([7], prior.LogDensity(drawn, Measure.Textbook).shape);
    }
}
