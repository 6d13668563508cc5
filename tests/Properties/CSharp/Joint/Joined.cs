using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Properties.CSharp.Joint;

/// <summary>A module, tensors of it that are joined, the shape that they make up, and an output that depends on them.</summary>
internal sealed record Joined(
    nn.Module Module,
    string[] Names,
    int Dimension,
    long[] Shape,
    Func<ScalarType, Tensor> Output
)
{
    public static readonly string[] Kinds =
    [
        "Linear",
        "Linear reversed",
        "Conv2d",
        "Bilinear",
        "ParameterField",
        "Fieldless",
        "Nested",
        "Buffers",
        "LSTM",
        "RNNCell",
        "Attention",
        "Encoder",
        "On top",
        "ParameterList",
        "ParameterDict",
    ];

    public string Name => Names[0][..(Names[0].LastIndexOf('.') + 1)] + string.Join('+', LastNames);

    public ParametrizedTensor Tensor => Module.parametrization(Name);

    public IEnumerable<Tensor> Present => Names.Select(name => Module.state_dict()[name]);

    private IEnumerable<string> LastNames => Names.Select(name => name.Split('.')[^1]);

    public static Joined Of(string kind) =>
        kind switch
        {
            "Linear" => Simple(nn.Linear(3, 4), ["weight", "bias"], [4, 4], 5, 3),
            "Linear reversed" => Simple(nn.Linear(3, 4), ["bias", "weight"], [4, 4], 5, 3),
            "Conv2d" => Simple(nn.Conv2d(2, 5, 2), ["weight", "bias"], [5, 9], 2, 2, 4, 4),
            "Bilinear" => OfBilinear(),
            "ParameterField" => Simple(new ParameterField(), ["weight", "second"], [4, 5], 3, 4),
            "Fieldless" => Simple(new Fieldless(), ["weight", "bias"], [4, 5], 3, 4),
            "Nested" => OfNested(),
            "ParameterList" => Simple(new WithList(), ["kernels.2", "kernels.0"], [4, 8], 3, 4),
            "ParameterDict" => Simple(new WithDictionary(), ["parts.left", "parts.right"], [4, 8], 3, 4),
            "Buffers" => Simple(Evaluated(), ["running_mean", "running_var"], [4, 2], 6, 4),
            "LSTM" => Native(nn.LSTM(3, 4), ["weight_ih_l0", "weight_hh_l0", "bias_hh_l0"], [16, 8]),
            "RNNCell" => Native(nn.RNNCell(3, 4), ["weight_ih", "weight_hh"], [4, 7]),
            "Attention" => Native(nn.MultiheadAttention(4, 2), ["in_proj_weight", "in_proj_bias"], [12, 5]),
            "Encoder" => Native(
                nn.TransformerEncoderLayer(4, 2, 6, 0),
                ["self_attn.out_proj.weight", "self_attn.out_proj.bias"],
                [4, 5]
            ),
            "On top" => Native(nn.RNNCell(4, 4), ["weight_ih", "weight_hh"], [8, 4], 0),
            _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, null),
        };

    public Joined Register(Parametrization value, WhenNotAllowed whenNotAllowed = WhenNotAllowed.Project)
    {
        Module.register_parametrization(Names, value, whenNotAllowed, Dimension);
        return this;
    }

    /// <summary>By the definition: matrices side by side, or on top of each other.</summary>
    public Tensor Join(IEnumerable<Tensor> tensors) =>
        cat([.. tensors.Select(tensor => Dimension == 0 ? tensor : tensor.reshape(tensor.shape[0], -1))], Dimension);

    private static Joined Simple(nn.Module<Tensor, Tensor> module, string[] names, long[] shape, params long[] input) =>
        new(module, names, 1, shape, dtype => module.call(Numbers(dtype, input)));

    private static Joined OfBilinear()
    {
        var module = nn.Bilinear(3, 2, 4);
        return new(module, ["weight", "bias"], 1, [4, 7], Call);
        Tensor Call(ScalarType dtype) => module.call(Numbers(dtype, 5, 3), Numbers(dtype, 5, 2));
    }

    private static Joined OfNested()
    {
        var module = new Pair();
        return new(module, ["second.weight", "second.bias"], 1, [4, 5], Call);
        Tensor Call(ScalarType dtype) => module.call(Numbers(dtype, 3, 4), Numbers(dtype, 3, 4), true);
    }

    /// <summary>TorchSharp makes some of them on the CPU always.</summary>
    private static Joined Native<T>(T module, string[] names, long[] shape, int dimension = 1)
        where T : nn.Module =>
        new(module.to(get_default_device()), names, dimension, shape, dtype => Called(module, dtype));

    private static Tensor Called(nn.Module module, ScalarType dtype)
    {
        var (x, wide) = (Numbers(dtype, 5, 2, 3), Numbers(dtype, 5, 2, 4));
        return module switch
        {
            LSTM lstm => lstm.call(x).Item1,
            RNNCell { weight_ih: { } kernel } cell when kernel.shape[1] == 3 => cell.call(x[0], wide[0]),
            RNNCell cell => cell.call(wide[0], wide[1]),
            MultiheadAttention attention => attention.call(wide, wide, wide).Item1,
            TransformerEncoderLayer encoder => encoder.call(wide),
            _ => throw new InvalidOperationException(module.GetName()),
        };
    }

    private static BatchNorm1d Evaluated()
    {
        var module = nn.BatchNorm1d(4);
        module.eval();
        return module;
    }

    /// <summary>The same ones each time.</summary>
    private static Tensor Numbers(ScalarType dtype, params long[] shape) =>
        linspace(-1, 1, shape.Aggregate(1L, (product, size) => product * size), float64).sin().to(dtype).reshape(shape);
}
