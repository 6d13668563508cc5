using Parametrize;
using Parametrize.CSharp;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Properties.CSharp.State;

/// <summary>The model of the reference file, plain or as PyTorch has parametrized it.</summary>
internal sealed class Network : nn.Module<Tensor, Tensor>
{
    public readonly Conv2d conv = nn.Conv2d(1, 3, 3);
    public readonly Linear fc1 = nn.Linear(48, 8);
    public readonly Linear fc2 = nn.Linear(8, 8);
    public readonly Linear fc3 = nn.Linear(8, 2);

    public Network()
        : base(nameof(Network))
    {
        RegisterComponents();
        this.to(ScalarType.Float64);
        eval();
    }

    public static Network Parametrized()
    {
        var model = new Network();
        model.conv.spectral_norm();
        model.fc1.orthogonal(orthogonal_map: OrthogonalMap.Cayley);
        model.fc2.weight_norm();
        model.fc3.orthogonal();
        model.eval();
        return model;
    }

    public override Tensor forward(Tensor input)
    {
        var image = conv.call(input).relu().flatten(1);
        return fc3.call(fc2.call(fc1.call(image).tanh()).tanh());
    }
}

/// <summary>Two layers, one of them under two names.</summary>
internal sealed class Tied : nn.Module<Tensor, Tensor>
{
    public readonly Linear first = nn.Linear(4, 4);
    public readonly Linear again;

    public Tied()
        : base(nameof(Tied))
    {
        again = first;
        RegisterComponents();
    }

    public override Tensor forward(Tensor input) => again.call(first.call(input));
}

internal static class Models
{
    /// <summary>A layer named `fc` in a model.</summary>
    public static Sequential Around(nn.Module<Tensor, Tensor> layer) => nn.Sequential([("fc", layer)]);

    public static Sequential Parametrized(Parametrization value, ScalarType dtype = ScalarType.Float64)
    {
        var model = Around(nn.Linear(4, 4, dtype: dtype));
        model.register_parametrization("fc.weight", value);
        model.eval();
        return model;
    }

    public static Sequential Plain(ScalarType dtype = ScalarType.Float64) => Around(nn.Linear(4, 4, dtype: dtype));

    /// <summary>The state as a file has it: copies.</summary>
    public static Dictionary<string, Tensor> StateOf(nn.Module model) =>
        model.state_dict().ToDictionary(pair => pair.Key, pair => pair.Value.detach().clone());

    public static Tensor Weight(nn.Module model) => model.parametrization("fc.weight").Value.detach();

    public static Tensor Input(ScalarType dtype = ScalarType.Float64) => randn(3, 4, dtype: dtype);

    /// <summary>Values of the library by name, for theories.</summary>
    public static readonly Dictionary<string, Parametrization> Values = new Parametrization[]
    {
        Parametrizations.Orthogonal(),
        Parametrizations.Cayley(),
        Parametrizations.Householder(),
        Parametrizations.Cayley(trivialized: false),
        Parametrizations.Skew,
        Parametrizations.Skew.Then(Parametrizations.Cayley()),
        Parametrizations.Symmetric,
        Parametrizations.Spd(),
        Parametrizations.Positive,
        Parametrizations.Bounded(-2, 2),
        Parametrizations.WeightNorm(),
        Parametrizations.WeightNorm(1),
        Parametrizations.WeightNorm(null),
        Parametrizations.SpectralNorm(),
        Parametrizations.SpectralNorm(dimension: 1),
        Parametrizations.PrunedBernoulli(0.5, 7),
        Parametrizations.PrunedL1(0.3),
        Parametrizations.Sphere(),
        Parametrizations.SphereExp(),
        Parametrizations.Invertible,
        Parametrizations.Triangular(Triangle.Lower),
        Parametrizations.Identity,
    }.ToDictionary(value => value.ToString());
}
