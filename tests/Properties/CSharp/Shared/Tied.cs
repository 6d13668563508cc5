using Parametrize;
using Parametrize.CSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Properties.CSharp.Shared;

/// <summary>Two modules, of several kinds, that compute with one parametrized tensor.</summary>
internal sealed class Tied : nn.Module<Tensor, Tensor>
{
    public readonly nn.Module<Tensor, Tensor> encoder;
    public readonly nn.Module<Tensor, Tensor> decoder;

    public Tied(nn.Module<Tensor, Tensor> encoder, nn.Module<Tensor, Tensor> decoder)
        : base(nameof(Tied))
    {
        (this.encoder, this.decoder) = (encoder, decoder);
        RegisterComponents();
    }

    public static string[] Kinds => ["Linear", "Embedding", "Own", "Fieldless", "Sequential"];

    /// <summary>The tensor of either module.</summary>
    public string Name { get; private init; } = "weight";

    public ParametrizedTensor Tensor => encoder.parametrization(Name);

    /// <summary>Both registered.</summary>
    public static Tied Of(Parametrization value, string kind = "Linear")
    {
        var tied = Plain(kind);
        tied.encoder.register_parametrization(tied.Name, value);
        tied.decoder.share_parametrization(tied.Name, tied.Tensor);
        return tied;
    }

    /// <summary>Neither registered, each with a tensor of its own.</summary>
    public static Tied Plain(string kind = "Linear") =>
        kind switch
        {
            "Embedding" => new(nn.Embedding(4, 4), nn.Linear(4, 4)),
            "Own" => new(new Support.ParameterField(), nn.Linear(4, 4)),
            "Fieldless" => new(nn.Linear(4, 4), new Support.Fieldless()),
            "Sequential" => new(Named(), Named()) { Name = "first.weight" },
            _ => new(nn.Linear(4, 4), nn.Linear(4, 4)),
        };

    public override Tensor forward(Tensor input) => decoder.call(encoder.call(input).tanh());

    private static Sequential Named() =>
        nn.Sequential(new List<(string, nn.Module<Tensor, Tensor>)> { ("first", nn.Linear(4, 4)) });
}
