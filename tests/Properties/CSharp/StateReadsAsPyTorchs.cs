using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp;

/// <summary>State dicts, files, counts and modes.</summary>
public class StateReadsAsPyTorchs
{
    public static TheoryData<string, string[]> Keys =>
        new()
        {
            { "skew", ["bias", "parametrizations.weight.original"] },
            { "orthogonal", ["bias", "parametrizations.weight.original", "parametrizations.weight.0.base"] },
            { "weight_norm", ["bias", "parametrizations.weight.original0", "parametrizations.weight.original1"] },
            {
                "spectral_norm",
                [
                    "bias",
                    "parametrizations.weight.original",
                    "parametrizations.weight.0._u",
                    "parametrizations.weight.0._v",
                ]
            },
            { "pruned", ["bias", "parametrizations.weight.original", "parametrizations.weight.0.mask"] },
            { "skew, then cayley", ["bias", "parametrizations.weight.original", "parametrizations.weight.1.base"] },
            {
                "weight_norm, then spectral_norm",
                [
                    "bias",
                    "parametrizations.weight.original0",
                    "parametrizations.weight.original1",
                    "parametrizations.weight.1._u",
                    "parametrizations.weight.1._v",
                ]
            },
        };

    private static Linear Parametrized(string how)
    {
        var layer = nn.Linear(4, 4);
        return how switch
        {
            "skew" => layer.register_parametrization("weight", Parametrizations.Skew),
            "orthogonal" => layer.orthogonal(),
            "weight_norm" => layer.weight_norm(),
            "spectral_norm" => layer.spectral_norm(),
            "pruned" => layer.register_parametrization("weight", Parametrizations.PrunedBernoulli(0.3, seed: 1)),
            "skew, then cayley" => layer
                .register_parametrization("weight", Parametrizations.Skew)
                .register_parametrization("weight", Parametrizations.Cayley()),
            "weight_norm, then spectral_norm" => layer.weight_norm().spectral_norm(),
            _ => throw new ArgumentOutOfRangeException(nameof(how), how, null),
        };
    }

    [Theory]
    [MemberData(nameof(Keys))]
    public void The_keys_are_PyTorchs(string how, string[] keys)
    {
        var layer = Parametrized(how);
        Assert.Equal(keys, layer.state_dict().Keys);
        Assert.Equal(keys.Select(key => "1." + key), nn.Sequential(nn.ReLU(), layer).state_dict().Keys);
    }

    [Theory]
    [MemberData(nameof(Keys))]
    public void Parameters_and_buffers_are_counted_once(string how, string[] keys)
    {
        var layer = Parametrized(how);
        var buffers = keys.Count(key => key.Contains(".0.") || key.Contains(".1."));
        Assert.Equal(keys.Length - buffers, layer.named_parameters().Count());
        Assert.Equal(buffers, layer.named_buffers().Count());
        Assert.Equal(layer.parameters(), layer.named_parameters().Select(p => p.parameter));
        layer.call(randn(2, 4));
        Assert.Equal(keys, layer.state_dict().Keys);
    }

    [Theory]
    [MemberData(nameof(Keys))]
    public void A_file_brings_the_same_model_back(string how, string[] keys)
    {
        var (saved, loaded) = (nn.Sequential(Parametrized(how)), nn.Sequential(Parametrized(how)));
        saved.eval();
        loaded.eval();
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        saved.save(writer);
        stream.Position = 0;
        using var reader = new BinaryReader(stream);
        loaded.load(reader);

        var x = randn(3, 4);
        Near.Same(saved.call(x), loaded.call(x));
        Assert.NotEmpty(keys);
    }

    [Theory]
    [MemberData(nameof(Keys))]
    public void A_state_dict_brings_the_same_model_back(string how, string[] keys)
    {
        var (saved, loaded) = (Parametrized(how), Parametrized(how));
        saved.eval();
        loaded.eval();
        var (missing, unexpected) = loaded.load_state_dict(saved.state_dict());

        Assert.Empty(missing.Concat(unexpected));
        Near.Identical(saved.parametrization("weight").Value, loaded.parametrization("weight").Value);
        Assert.Equal(keys, loaded.state_dict().Keys);
    }

    [Fact]
    public void A_plain_state_dict_does_not_fit_a_parametrized_module()
    {
        var (plain, layer) = (nn.Linear(4, 4), nn.Linear(4, 4).orthogonal());
        Assert.Throws<InvalidOperationException>(() => layer.load_state_dict(plain.state_dict()));
        Assert.Throws<InvalidOperationException>(() => plain.load_state_dict(layer.state_dict()));
        var (missing, unexpected) = layer.load_state_dict(plain.state_dict(), strict: false);
        Assert.Equal(["parametrizations.weight.original", "parametrizations.weight.0.base"], missing);
        Assert.Equal(["weight"], unexpected);
    }

    [Fact]
    public void A_parametrized_buffer_stays_a_buffer()
    {
        var norm = nn.BatchNorm2d(3).register_parametrization("running_var", Parametrizations.Positive);
        Assert.Equal(["weight", "bias"], norm.named_parameters().Select(p => p.name));
        Assert.Equal(
            ["running_mean", "num_batches_tracked", "parametrizations.running_var.original"],
            norm.named_buffers().Select(b => b.name)
        );
        norm.remove_parametrizations("running_var");
        Assert.Equal(["running_mean", "running_var", "num_batches_tracked"], norm.named_buffers().Select(b => b.name));
    }

    [Fact]
    public void A_module_that_holds_a_parametrized_tensor_saves_its_parts()
    {
        var holder = new Holder(Parametrizations.Cayley(), randn(4, 4));
        Assert.Equal(["kernel.original", "kernel.0.base"], holder.state_dict().Keys);
        holder.to(ScalarType.Float64);
        using var w = holder.kernel.Value;
        Assert.Equal(ScalarType.Float64, w.dtype);
        var x = randn(2, 4, dtype: ScalarType.Float64);
        Near.Same(x.matmul(w), holder.call(x));
    }

    [Fact]
    public void Train_and_eval_reach_the_parametrized_tensor()
    {
        var model = nn.Sequential(nn.Linear(4, 4).spectral_norm());
        model.eval();
        Assert.All(model.modules(), child => Assert.False(child.training));
        model.train();
        Assert.All(model.modules(), child => Assert.True(child.training));
    }

    [Fact]
    public void Spectral_norm_iterates_in_training_only()
    {
        var layer = nn.Linear(6, 5).spectral_norm();
        layer.weight_unconstrained().copy_(randn(5, 6));
        Tensor U() => layer.state_dict()["parametrizations.weight.0._u"].clone();

        layer.eval();
        var before = U();
        layer.call(randn(2, 6));
        Near.Identical(before, U());

        layer.train();
        layer.call(randn(2, 6));
        Near.Different(before, U());
        for (var step = 0; step < 200; step++)
            layer.call(randn(2, 6));
        layer.eval();
        Near.Same(ones([]), linalg.matrix_norm(layer.parametrization("weight").Value, 2.0), 1e-3);
    }
}

internal static class Unconstrained
{
    /// <summary>The original, to be written to.</summary>
    public static Tensor weight_unconstrained(this nn.Module layer) =>
        layer.state_dict()["parametrizations.weight.original"].detach();
}
