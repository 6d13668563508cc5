using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.PyTorch;

/// <summary>Saving, loading and assigning.</summary>
public class TestState
{
    private static Sequential Model() =>
        nn.Sequential(
            nn.Linear(5, 5).register_parametrization("weight", Parametrizations.Cayley()),
            nn.ReLU(),
            nn.Linear(5, 1)
        );

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void test_serialization_parametrization(bool safetensors)
    {
        var (model, other) = (Model(), Model());
        var path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        try
        {
            if (safetensors)
            {
                Safetensors.Save(path, model.state_dict());
                other.load_parametrized_state_dict(Safetensors.Load(path));
            }
            else
            {
                model.save(path);
                other.load(path);
            }
        }
        finally
        {
            File.Delete(path);
        }
        Assert.True(other.is_parametrized("0.weight"));
        Near.Identical(model.Read("0.weight"), other.Read("0.weight"));
        Near.Identical(model.Original("0.weight", "0.base"), other.Original("0.weight", "0.base"));
    }

    [Fact]
    public void test_initialization_parametrization()
    {
        var model = nn.Linear(5, 5).register_parametrization("weight", Parametrizations.Skew);
        var weight = model.parametrization("weight");
        using var any = rand(5, 5);
        using var skew = any - any.mT;
        Assert.Throws<ParametrizationException>(() => weight.Value = any);
        weight.Value = skew;
        Near.Identical(skew.triu(1), model.Original());
        Near.Identical(skew, model.Read());

        model.register_parametrization("weight", Parametrizations.Cayley());
        Assert.Throws<ParametrizationException>(() => weight.Value = any);
        using var q = Parametrizations.Orthogonal().Sample([5, 5]);
        weight.Value = q;
        Near.Same(q, model.Read());
        Near.Same(zeros(5, 5), model.Original());
    }

    [Fact]
    public void test_weight_norm_state_dict_compat()
    {
        var source = nn.Linear(4, 5);
        var old = new Dictionary<string, Tensor>
        {
            ["bias"] = source.bias!,
            ["weight_g"] = source.weight.norm(1, keepdim: true, 2),
            ["weight_v"] = source.weight,
        };
        var model = nn.Linear(4, 5).weight_norm();
        model.load_parametrized_state_dict(old);
        using var input = randn(3, 4);
        Near.Same(source.call(input), model.call(input));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    public void test_new_spectral_norm_load_state_dict(int passes)
    {
        using var input = randn(2, 3);
        var layer = nn.Linear(3, 5).spectral_norm();
        for (var pass = 0; pass < passes; pass++)
            layer.call(input);
        var state = layer.state_dict().ToDictionary(entry => entry.Key, entry => entry.Value.detach().clone());
        string[] keys =
        [
            "parametrizations.weight.original",
            "parametrizations.weight.0._u",
            "parametrizations.weight.0._v",
        ];
        Assert.Equal(["bias", .. keys], state.Keys);

        using var nonsense = zeros(1);
        var partial = new Dictionary<string, Tensor>(state) { ["nonsense"] = nonsense };
        var error = Assert.Throws<StateDictException>(() => layer.load_parametrized_state_dict(partial));
        Assert.Contains("nonsense", error.Message);
        foreach (var key in keys.Append("bias"))
        {
            Assert.Contains("nonsense", layer.load_parametrized_state_dict(partial, strict: false).UnexpectedKeys);
            partial.Remove(key);
        }

        // Registering anew does not matter: the state decides, in evaluation and in training.
        var outputs = new List<Tensor[]>();
        for (var time = 0; time < 2; time++)
        {
            layer.train();
            layer.remove_parametrizations("weight").spectral_norm();
            layer.load_parametrized_state_dict(state);
            using var _ = no_grad();
            outputs.Add([
                .. new[] { false, true, true, false }.Select(training =>
                {
                    layer.train(training);
                    return layer.call(input);
                }),
            ]);
        }
        Assert.All(outputs[0].Zip(outputs[1]), pair => Near.Identical(pair.First, pair.Second));
    }
}
