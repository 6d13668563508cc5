using FsCheck.Xunit;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Shared;

/// <summary>What several modules share is evaluated, trained, saved and moved once.</summary>
public class SharedTensorsAreOne
{
    public static TheoryData<string> Kinds => new(Tied.Kinds);

    private static Tensor Input(string kind) => kind == "Embedding" ? randint(0, 4, 5) : randn(5, 4);

    [Property(MaxTest = 20)]
    public void Gradients_sum_over_both_uses(byte rows, bool cached)
    {
        using var _ = NewDisposeScope();
        var tied = Tied.Of(Parametrizations.Orthogonal());
        var (x, original) = (randn(1 + rows % 5, 4), tied.Tensor.parameters().Single());
        var (first, second) = ((Linear)tied.encoder, (Linear)tied.decoder);

        using (cached ? parametrize.cached() : null)
            tied.call(x).pow(2).sum().backward();
        using var actual = original.grad!.clone();
        original.grad = null;
        var w = tied.Tensor.Value;
        var hidden = nn.functional.linear(x, w, first.bias).tanh();
        nn.functional.linear(hidden, w, second.bias).pow(2).sum().backward();

        Near.Same(original.grad!, actual);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Each_module_computes_with_the_value(string kind)
    {
        var tied = Tied.Of(Parametrizations.Orthogonal(), kind);
        using var plain = tied.baked_state_dict()[$"decoder.{tied.Name}"];
        Near.Orthogonal(plain);
        var difference = tied.decoder.call(eye(4)) - tied.decoder.call(zeros(4, 4));
        Near.Same(plain.T, difference);
        if (kind == "Embedding")
            Near.Same(plain, tied.encoder.call(arange(4)));
    }

    [Fact]
    public void An_optimizer_trains_it_once()
    {
        var tied = Tied.Of(Parametrizations.Orthogonal());
        Assert.Equal(3, tied.parameters().Count());
        Assert.Equal(["encoder.weight"], tied.parametrizations().Select(entry => entry.name));
        using var optimizer = optim.Adam(tied.parameters(), 0.05);
        var (x, y) = (randn(16, 4), randn(16, 4));
        double Step()
        {
            optimizer.zero_grad();
            using var loss = nn.functional.mse_loss(tied.call(x), y);
            loss.backward();
            optimizer.step();
            return loss.ToDouble();
        }
        var before = Step();
        for (var step = 0; step < 30; step++)
            Step();

        Assert.True(Step() < before);
        using var value = tied.Tensor.Value;
        Near.Orthogonal(value);
        Near.Same(value, tied.decoder.parametrization("weight").Value);
    }

    [Fact]
    public void The_state_has_it_under_both_names_as_PyTorchs_does_and_the_parameters_once()
    {
        var tied = Tied.Of(Parametrizations.Skew);
        Assert.Equal(
            ["encoder.bias", "encoder.parametrizations.weight.original"],
            tied.state_dict().Keys.Where(key => key.StartsWith("encoder")).Order(StringComparer.Ordinal)
        );
        var state = tied.state_dict();
        Assert.Same(
            state["encoder.parametrizations.weight.original"],
            state["decoder.parametrizations.weight.original"]
        );
        Assert.Single(tied.named_parameters(), named => named.name.EndsWith("original"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Saving_and_loading_keeps_them_tied(bool asDictionary)
    {
        var (tied, other) = (Tied.Of(Parametrizations.Orthogonal()), Tied.Of(Parametrizations.Orthogonal()));
        if (asDictionary)
            other.load_parametrized_state_dict(tied.state_dict());
        else
        {
            using var written = new MemoryStream();
            tied.save(written);
            using var read = new MemoryStream(written.ToArray());
            other.load(read);
        }
        using var x = randn(3, 4);
        Near.Same(tied.call(x), other.call(x));
        Assert.Same(other.Tensor, other.decoder.parametrization("weight"));
    }

    [Fact]
    public void One_name_in_a_state_is_enough_and_plain_values_go_in()
    {
        var tied = Tied.Of(Parametrizations.Orthogonal());
        using var matrix = Parametrizations.Orthogonal().Sample([4, 4]);
        var state = new Dictionary<string, Tensor>
        {
            ["decoder.weight"] = matrix,
            ["encoder.bias"] = zeros(4),
            ["decoder.bias"] = zeros(4),
        };
        tied.load_parametrized_state_dict(state);
        Near.Same(matrix, tied.Tensor.Value);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void It_moves_with_the_model(string kind)
    {
        var tied = Tied.Of(Parametrizations.Orthogonal(), kind);
        var x = Input(kind);
        using var expected = tied.call(x).to(float64);
        foreach (var dtype in new[] { float64, float32, float64 })
        {
            tied.to(dtype);
            Assert.All(tied.state_dict().Values, tensor => Assert.Equal(dtype, tensor.dtype));
            Assert.DoesNotContain($"encoder.{tied.Name}", tied.state_dict().Keys);
            Assert.DoesNotContain($"decoder.{tied.Name}", tied.state_dict().Keys);
        }
        Near.Same(expected, tied.call(kind == "Embedding" ? x : x.to(float64)), 1e-5);
        Assert.Same(tied.Tensor, tied.decoder.parametrization(tied.Name));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Moving_one_module_moves_the_tensor_of_both(bool inScope)
    {
        var tied = Tied.Of(Parametrizations.Orthogonal());
        using (inScope ? parametrize.cached() : null)
        {
            tied.call(randn(2, 4));
            tied.decoder.to(float64);
            Assert.Equal(float64, tied.Tensor.Value.dtype);
            Assert.DoesNotContain("decoder.weight", tied.state_dict().Keys);
            tied.encoder.to(float64);
            tied.call(eye(4, dtype: float64));
            Assert.InRange(Near.OrthogonalityDefect(tied.Tensor.Value), 0, 1e-5);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Assigning_to_either_module_changes_both(bool toDecoder)
    {
        var tied = Tied.Of(Parametrizations.Orthogonal());
        var (first, second) = ((Linear)tied.encoder, (Linear)tied.decoder);
        using var q = Parametrizations.Orthogonal().Sample([4, 4]);
        using (parametrize.cached())
        {
            tied.call(randn(2, 4));
            (toDecoder ? second : first).weight = nn.Parameter(q.clone());
            // The other one is called first.
            var other = toDecoder ? first : second;
            Near.Same(q.T, other.call(eye(4)) - other.call(zeros(4, 4)));
            Near.Same(q, second.parametrization("weight").Value);
        }
        Near.Same(q, tied.Tensor.Value);
        Assert.Equal(4, tied.state_dict().Keys.Count(key => key.Contains("parametrizations")));
    }

    [Fact]
    public void Registering_again_through_either_is_for_both()
    {
        var node = new Doubling();
        var tied = Tied.Of(Parametrizations.Skew);
        tied.decoder.register_parametrization("weight", node.Value);
        Assert.Equal(2, tied.Tensor.Parametrization.Nodes.Count);
        using var w = tied.Tensor.Value;
        Near.Same(w, -w.T);
    }
}
