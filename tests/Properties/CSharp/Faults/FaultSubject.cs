using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Shared;
using Properties.CSharp.Support;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Properties.CSharp.Faults;

/// <summary>A module of some kind, what is parametrized in it, and how it is called with that many features.</summary>
internal sealed record FaultSubject(nn.Module Module, string Name, Func<int, Tensor> Call)
{
    public static readonly string[] Kinds =
    [
        "Linear",
        "Own",
        "Joint",
        "Shared",
        "RNNCell",
        "LSTM",
        "Joint LSTM",
        "Shared LSTM",
        "Encoder",
    ];

    /// <summary>The parametrized tensor; that of the first module, when it is shared.</summary>
    public ParametrizedTensor Tensor => Module.parametrizations()[0].tensor;

    /// <summary>The module that has the parametrized tensor's hooks; the last one, when it is shared.</summary>
    public nn.Module Hooked =>
        Module switch
        {
            Tied tied => tied.decoder,
            TiedCells cells => cells.second,
            Encoder encoder => encoder.inner,
            _ => Module,
        };

    public Tensor Output() => Call(4);

    /// <summary>The output, and the gradients of what is trained in the parametrized tensor's stead.</summary>
    public Tensor Trained()
    {
        Module.zero_grad();
        var output = Output();
        output.pow(2).sum().backward();
        return cat([output.detach().flatten(), .. Tensor.parameters().Select(parameter => parameter.grad!.flatten())]);
    }

    public static FaultSubject Plain(string kind) =>
        kind switch
        {
            "Linear" => Simple(nn.Linear(4, 4), "weight"),
            "Own" => Simple(Small(new ParameterField()), "weight"),
            "Joint" => Simple(nn.Linear(4, 4), "weight+bias"),
            "Shared" => Simple(Tied.Plain(), "encoder.weight"),
            "RNNCell" => OfCell(),
            "LSTM" => OfLstm("weight_hh_l0"),
            "Joint LSTM" => OfLstm("weight_ih_l0+weight_hh_l0"),
            "Shared LSTM" => Simple(new TiedCells(), "first.weight_hh_l0"),
            "Encoder" => Simple(new Encoder(), "inner.self_attn.out_proj.weight"),
            _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, null),
        };

    public static FaultSubject Of(string kind, Parametrization value) => Plain(kind).Register(value);

    public FaultSubject Register(Parametrization value)
    {
        Module.register_parametrization(Name, value);
        if (Module is Tied or TiedCells)
            Hooked.share_parametrization(Name.Split('.')[^1], Tensor);
        return this;
    }

    public void Remove()
    {
        Module.remove_parametrizations(Name);
        if (Module is Tied or TiedCells)
            Hooked.remove_parametrizations(Name.Split('.')[^1]);
    }

    private static FaultSubject Simple(nn.Module<Tensor, Tensor> module, string name) =>
        new(module, name, width => module.call(Numbers(3, 2, width)));

    /// <summary>Tensors that the node allows.</summary>
    private static ParameterField Small(ParameterField module)
    {
        using var _ = no_grad();
        module.Weight.mul_(0.1);
        return module;
    }

    private static FaultSubject OfCell()
    {
        var cell = nn.RNNCell(4, 4);
        return new(cell, "weight_hh", width => cell.call(Numbers(2, width), Numbers(2, 4)));
    }

    private static FaultSubject OfLstm(string name)
    {
        var lstm = nn.LSTM(4, 4);
        return new(lstm, name, width => lstm.call(Numbers(3, 2, width)).Item1);
    }

    /// <summary>The same ones each time.</summary>
    private static Tensor Numbers(params long[] shape) =>
        linspace(-1, 1, shape.Aggregate(1L, (product, size) => product * size), float32).sin().reshape(shape);

    /// <summary>Two recurrent layers in native memory that share a tensor.</summary>
    private sealed class TiedCells : nn.Module<Tensor, Tensor>
    {
        private readonly LSTM first = nn.LSTM(4, 4);
        public readonly LSTM second = nn.LSTM(4, 4);

        public TiedCells()
            : base(nameof(TiedCells)) => RegisterComponents();

        public override Tensor forward(Tensor input) => second.call(first.call(input).Item1).Item1;
    }

    /// <summary>A native module with modules inside.</summary>
    private sealed class Encoder : nn.Module<Tensor, Tensor>
    {
        public readonly TransformerEncoderLayer inner = nn.TransformerEncoderLayer(4, 2, 6, 0);

        public Encoder()
            : base(nameof(Encoder)) => RegisterComponents();

        public override Tensor forward(Tensor input) => inner.call(input);
    }
}
