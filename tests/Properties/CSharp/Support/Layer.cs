using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Properties.CSharp.Support;

/// <summary>A module of some kind, the tensor to parametrize, and how to call it.</summary>
internal sealed record Layer(
    string Kind,
    nn.Module Module,
    string Name,
    Func<ScalarType, Tensor> Input,
    Func<Tensor, Tensor> Call
)
{
    public static readonly string[] Kinds =
    [
        "Linear",
        "Linear.bias",
        "Conv1d",
        "Conv2d",
        "Conv3d",
        "ConvTranspose1d",
        "ConvTranspose2d",
        "ConvTranspose3d",
        "BatchNorm1d",
        "BatchNorm2d",
        "BatchNorm2d.running_var",
        "LayerNorm",
        "LayerNorm.bias",
        "GroupNorm",
        "InstanceNorm1d",
        "Bilinear",
        "ParameterField",
        "TensorField",
        "Inheriting",
        "AutoProperty",
        "Fieldless",
        "Sequential",
        "Nested",
        "ParameterList",
        "ParameterDict",
        "Bag",
        "Bag.shift",
        "ModuleList",
    ];

    public static readonly string[] Bypassable = [.. Kinds.Where(kind => kind is not ("Sequential" or "Nested"))];

    /// <summary>The whole tensor's path, when the module is inside another.</summary>
    public string OwnName => Name.Split('.')[^1];

    public Tensor Present =>
        Module.state_dict().TryGetValue(Name, out var tensor) ? tensor : throw new InvalidOperationException(Name);

    public static Layer Of(string kind) =>
        kind switch
        {
            "Linear" => Simple(kind, nn.Linear(4, 4), "weight", 3, 4),
            "Linear.bias" => Simple(kind, nn.Linear(4, 4), "bias", 3, 4),
            "Conv1d" => Simple(kind, nn.Conv1d(2, 4, 2), "weight", 2, 2, 5),
            "Conv2d" => Simple(kind, nn.Conv2d(2, 4, 3), "weight", 2, 2, 5, 5),
            "Conv3d" => Simple(kind, nn.Conv3d(2, 3, 2), "weight", 1, 2, 3, 3, 3),
            "ConvTranspose1d" => Simple(kind, nn.ConvTranspose1d(2, 4, 2), "weight", 2, 2, 5),
            "ConvTranspose2d" => Simple(kind, nn.ConvTranspose2d(2, 4, 3), "weight", 2, 2, 5, 5),
            "ConvTranspose3d" => Simple(kind, nn.ConvTranspose3d(2, 3, 2), "weight", 1, 2, 3, 3, 3),
            "BatchNorm1d" => Simple(kind, nn.BatchNorm1d(4), "weight", 6, 4),
            "BatchNorm2d" => Simple(kind, nn.BatchNorm2d(4), "weight", 6, 4, 2, 2),
            "BatchNorm2d.running_var" => Simple(kind, Evaluated(nn.BatchNorm2d(4)), "running_var", 6, 4, 2, 2),
            "LayerNorm" => Simple(kind, nn.LayerNorm([3, 4]), "weight", 2, 3, 4),
            "LayerNorm.bias" => Simple(kind, nn.LayerNorm([3, 4]), "bias", 2, 3, 4),
            "GroupNorm" => Simple(kind, GroupNorm(), "weight", 2, 4, 3),
            "InstanceNorm1d" => Simple(kind, nn.InstanceNorm1d(4, affine: true), "weight", 2, 4, 3),
            "Bilinear" => OfBilinear(),
            "ParameterField" => Simple(kind, new ParameterField(), "weight", 3, 4),
            "TensorField" => Simple(kind, new TensorField(), "table", 3, 4),
            "Inheriting" => Simple(kind, new Inheriting(), "inherited", 3, 4),
            "AutoProperty" => Simple(kind, new AutoProperty(), "Weight", 3, 4),
            "Fieldless" => Simple(kind, new Fieldless(), "weight", 3, 4),
            "Sequential" => Simple(kind, Sequential(), "first.weight", 3, 4),
            "Nested" => OfNested(),
            "ParameterList" => Simple(kind, new WithList(), "kernels.1", 3, 4),
            "ParameterDict" => Simple(kind, new WithDictionary(), "parts.right", 3, 4),
            "Bag" => Simple(kind, new WithBags(), "bag.weight", 3, 4),
            "Bag.shift" => Simple(kind, new WithBags(), "bag.shift", 3, 4),
            "ModuleList" => Simple(kind, new WithBags(), "lists.1.0", 3, 4),
            _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, null),
        };

    public Tensor Output(Tensor input) => Call(input);

    /// <summary>`forward` without hooks, of whatever number of arguments.</summary>
    public Tensor Bypass(Tensor input) =>
        Module switch
        {
            nn.Module<Tensor, Tensor> unary => unary.forward(input),
            nn.Module<Tensor, Tensor, Tensor> binary => binary.forward(input, input),
            _ => throw new InvalidOperationException(Kind),
        };

    private static Layer Simple(string kind, nn.Module<Tensor, Tensor> module, string name, params long[] shape) =>
        new(kind, module, name, dtype => randn(shape).to(dtype), module.call);

    private static Layer OfBilinear()
    {
        var module = nn.Bilinear(4, 4, 4);
        return new("Bilinear", module, "weight", dtype => randn(3, 4).to(dtype), x => module.call(x, x));
    }

    private static Layer OfNested()
    {
        var module = new Pair();
        return new("Nested", module, "second.weight", dtype => randn(3, 4).to(dtype), x => module.call(x, x, true));
    }

    private static Sequential Sequential() =>
        nn.Sequential(
            new List<(string, nn.Module<Tensor, Tensor>)>
            {
                ("first", nn.Linear(4, 4)),
                ("relu", nn.ReLU()),
                ("last", nn.Linear(4, 4)),
            }
        );

    private static nn.Module<Tensor, Tensor> Evaluated(nn.Module<Tensor, Tensor> module)
    {
        module.eval();
        return module;
    }

    /// <summary>TorchSharp leaves the parameters of a new GroupNorm uninitialized.</summary>
    private static GroupNorm GroupNorm()
    {
        var module = nn.GroupNorm(2, 4);
        nn.init.ones_(module.weight);
        nn.init.zeros_(module.bias);
        return module;
    }
}
