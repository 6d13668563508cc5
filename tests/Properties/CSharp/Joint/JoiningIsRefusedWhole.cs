using Parametrize.CSharp;
using Properties.CSharp.Shared;
using Properties.CSharp.Support;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Joint;

/// <summary>What does not fit together is refused, and nothing has changed.</summary>
public class JoiningIsRefusedWhole
{
    [Theory]
    [InlineData("weight", "missing")]
    [InlineData("weight", "weight")]
    [InlineData("weight", "running_mean")]
    [InlineData("weight", "")]
    [InlineData("weight", "inside.weight")]
    public void Names(string first, string second) =>
        Refused<ArgumentException>(
            nn.BatchNorm1d(4),
            module => module.register_parametrization([first, second], Parametrizations.Orthogonal())
        );

    [Theory]
    [InlineData("+")]
    [InlineData("weight+")]
    [InlineData("+bias")]
    [InlineData("weight++bias")]
    public void A_plus_without_a_name(string name)
    {
        var refusal = Refused<ArgumentException>(
            nn.Linear(3, 4),
            module => module.register_parametrization(name, Parametrizations.Orthogonal())
        );
        Assert.Contains($"'{name}' has a plus without a name beside it", refusal.Message);
        var model = nn.Sequential(nn.Linear(3, 4));
        Refused<ArgumentException>(
            model,
            module => module.register_parametrization($"0.{name}", Parametrizations.Orthogonal())
        );
    }

    /// <summary>A name with a plus may be the tensor's own.</summary>
    [Fact]
    public void A_tensor_with_a_plus_in_its_name_is_not_taken_apart()
    {
        var module = new Plus();
        module.register_parametrization("a+b", Parametrizations.Symmetric);
        Assert.Equal([2, 2], module.parametrization("a+b").Value.shape);
        Near.Same(eye(2), module.call(zeros(2, 2)));
    }

    private sealed class Plus : nn.Module<Tensor, Tensor>
    {
        public Plus()
            : base(nameof(Plus))
        {
            foreach (var name in new[] { "a+b", "a", "b" })
                register_buffer(name, eye(2));
        }

        public override Tensor forward(Tensor input) => input + get_buffer("a+b")!;
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void A_vector_and_a_number(int dim) =>
        Refused<ArgumentException>(
            new TwoParameters(randn(3), randn([])),
            module => module.register_parametrization(["a", "b"], Parametrizations.Positive, dim: dim)
        );

    [Fact]
    public void No_names() =>
        Refused<ArgumentException>(
            nn.Linear(3, 4),
            module => module.register_parametrization([], Parametrizations.Orthogonal())
        );

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    [InlineData(-1)]
    public void Dimensions(int dim) =>
        Refused<ArgumentException>(
            nn.Linear(3, 4),
            module => module.register_parametrization(["weight", "bias"], Parametrizations.Orthogonal(), dim: dim)
        );

    [Fact]
    public void Rows_of_different_number()
    {
        var refusal = Refused<ArgumentException>(
            nn.LSTM(3, 4, 2),
            module => module.register_parametrization(["weight_ih_l0", "weight_hr"], Parametrizations.Orthogonal())
        );
        Assert.Contains("weight_hr", refusal.Message);
        Refused<ArgumentException>(
            nn.MultiheadAttention(4, 2),
            module => module.register_parametrization(["in_proj_weight", "out_proj.weight"], Parametrizations.Skew)
        );
    }

    [Fact]
    public void Element_types_and_training()
    {
        var mixed = new ParameterField(registered: false) { second = nn.Parameter(randn(4, dtype: float64)) };
        Refused<ArgumentException>(new Around(mixed), Join);
        var frozen = new ParameterField();
        frozen.second.requires_grad = false;
        Refused<ArgumentException>(new Around(frozen), Join);

        static void Join(nn.Module module) =>
            module.register_parametrization("inside.weight+second", Parametrizations.Orthogonal());
    }

    /// <summary>Neither is trained, but only one of them can be.</summary>
    [Fact]
    public void A_frozen_parameter_and_a_buffer()
    {
        var norm = nn.BatchNorm1d(4);
        norm.bias!.requires_grad = false;
        var refusal = Refused<ArgumentException>(
            norm,
            module => module.register_parametrization(["bias", "running_mean"], Parametrizations.Identity)
        );
        Assert.Contains("joins a parameter and a buffer", refusal.Message);
    }

    [Fact]
    public void Tensors_outside_the_space() =>
        Refused<ParametrizationException>(
            nn.Linear(3, 4),
            module =>
                module.register_parametrization(
                    ["weight", "bias"],
                    Parametrizations.Orthogonal(),
                    WhenNotAllowed.Refuse
                )
        );

    [Fact]
    public void One_that_is_parametrized()
    {
        var layer = nn.Linear(3, 4).register_parametrization("bias", Parametrizations.Positive);
        Refused<InvalidOperationException>(
            layer,
            module => module.register_parametrization("weight+bias", Parametrizations.Orthogonal())
        );
        Refused<InvalidOperationException>(
            layer,
            module => module.register_parametrization("bias+weight", Parametrizations.Orthogonal())
        );
    }

    [Fact]
    public void A_further_value_for_a_part_alone()
    {
        var layer = nn.Linear(3, 4).register_parametrization(["weight", "bias"], Parametrizations.Skew);
        Refused<InvalidOperationException>(
            layer,
            module => module.register_parametrization("weight", Parametrizations.Cayley())
        );
        Refused<InvalidOperationException>(
            layer,
            _ => layer.register_parametrization(linear => linear.bias, Parametrizations.Cayley())
        );
        Refused<InvalidOperationException>(layer, module => prune.l1_unstructured(module, "weight", 1));
        Refused<ArgumentException>(
            layer,
            module => module.register_parametrization(["weight", "bias"], Parametrizations.Cayley(), dim: 0)
        );
    }

    [Fact]
    public void Tied_parameters()
    {
        var tied = Tied.Plain();
        ((Linear)tied.decoder).weight = ((Linear)tied.encoder).weight;
        Refused<InvalidOperationException>(
            tied,
            module => module.register_parametrization("encoder.weight+bias", Parametrizations.Orthogonal())
        );
    }

    [Fact]
    public void Many_when_one_cannot() =>
        Refused<ArgumentException>(
            nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3, hasBias: false)),
            module => module.register_parametrizations<Linear>("weight+bias", Parametrizations.Orthogonal())
        );

    private static TException Refused<TException>(nn.Module module, Action<nn.Module> action)
        where TException : Exception
    {
        var before = Snapshot.Of(module);
        var refusal = Assert.ThrowsAny<TException>(() => action(module));
        before.AssertUnchanged();
        return refusal;
    }
}
