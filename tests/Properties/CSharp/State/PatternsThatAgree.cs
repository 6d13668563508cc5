using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.State;

/// <summary>Several patterns that meet one tensor are refused only where they say different things.</summary>
public class PatternsThatAgree
{
    private static Dictionary<string, Parametrization> Maps(Parametrization other) =>
        new() { ["fc.*"] = Parametrizations.Symmetric, ["*.weight"] = other };

    [Fact]
    public void Of_maps()
    {
        var state = Models.StateOf(Models.Parametrized(Parametrizations.Symmetric));
        var model = Models.Plain();
        model.load_parametrized_state_dict(state, parametrizations: Maps(Parametrizations.Symmetric));
        Near.Same(model.state_dict()["fc.weight"], model.state_dict()["fc.weight"].mT);
        var refusal = Assert.Throws<ArgumentException>(() =>
            model.load_parametrized_state_dict(state, parametrizations: Maps(Parametrizations.Skew))
        );
        Assert.Contains("fc.weight has several maps: fc.*: symmetric, *.weight: skew", refusal.Message);
    }

    [Fact]
    public void Of_priors()
    {
        var model = Models.Plain();
        using var once = model.log_prior(("fc.*", Priors.Normal()));
        using var twice = model.log_prior(("fc.*", Priors.Normal()), ("*.weight", Priors.Normal()));
        Near.Same(once, twice);
        Assert.Throws<ArgumentException>(() =>
            model.log_prior(("fc.*", Priors.Normal()), ("*.weight", Priors.Laplace()))
        );
    }
}
