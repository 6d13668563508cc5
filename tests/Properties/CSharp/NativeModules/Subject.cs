using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.NativeModules;

/// <summary>A module of one class, and an output that depends on all its tensors.</summary>
internal sealed record Subject(nn.Module Module, Func<Tensor> Output)
{
    /// <summary>How each class of TorchSharp that owns tensors is made and called.</summary>
    public static readonly IReadOnlyDictionary<Type, Func<Subject>> Of = new Dictionary<Type, Func<Subject>>
    {
        [typeof(Linear)] = () => Plain(nn.Linear(4, 4), 3, 4),
        [typeof(Bilinear)] = () => With(nn.Bilinear(4, 3, 2), m => m.call(Fixed(m, 5, 4), Fixed(m, 5, 3))),
        [typeof(Conv1d)] = () => Plain(nn.Conv1d(2, 4, 2), 2, 2, 5),
        [typeof(Conv2d)] = () => Plain(nn.Conv2d(2, 4, 3), 2, 2, 5, 5),
        [typeof(Conv3d)] = () => Plain(nn.Conv3d(2, 3, 2), 1, 2, 3, 3, 3),
        [typeof(ConvTranspose1d)] = () => Plain(nn.ConvTranspose1d(2, 4, 2), 2, 2, 5),
        [typeof(ConvTranspose2d)] = () => Plain(nn.ConvTranspose2d(2, 4, 3), 2, 2, 5, 5),
        [typeof(ConvTranspose3d)] = () => Plain(nn.ConvTranspose3d(2, 3, 2), 1, 2, 3, 3, 3),
        [typeof(BatchNorm1d)] = () => Plain(nn.BatchNorm1d(4), 6, 4),
        [typeof(BatchNorm2d)] = () => Plain(nn.BatchNorm2d(4), 6, 4, 2, 2),
        [typeof(BatchNorm3d)] = () => Plain(nn.BatchNorm3d(4), 6, 4, 2, 2, 2),
        [typeof(InstanceNorm1d)] = () => Plain(nn.InstanceNorm1d(4, affine: true, track_running_stats: true), 2, 4, 3),
        [typeof(InstanceNorm2d)] = () =>
            Plain(nn.InstanceNorm2d(4, affine: true, track_running_stats: true), 2, 4, 3, 3),
        [typeof(InstanceNorm3d)] = () =>
            Plain(nn.InstanceNorm3d(4, affine: true, track_running_stats: true), 2, 4, 3, 3, 3),
        [typeof(LayerNorm)] = () => Plain(nn.LayerNorm([3, 4]), 2, 3, 4),
        [typeof(GroupNorm)] = () => Plain(Initialized(nn.GroupNorm(2, 4)), 2, 4, 3),
        [typeof(PReLU)] = () => Plain(nn.PReLU(4), 5, 4),
        [typeof(Embedding)] = () => With(nn.Embedding(5, 3), m => m.call(Indices(4, 2))),
        [typeof(EmbeddingBag)] = () =>
            With(nn.EmbeddingBag(5, 3, mode: EmbeddingBagMode.Sum), m => m.call(Indices(4, 2))),
        [typeof(RNN)] = () =>
            With(nn.RNN(3, 4, 2, bidirectional: true), m => Joined(m.call(Fixed(m, 5, 2, 3)).ToTuple())),
        [typeof(LSTM)] = () =>
            With(nn.LSTM(3, 4, 2, bidirectional: true), m => Joined(m.call(Fixed(m, 5, 2, 3)).ToTuple())),
        [typeof(GRU)] = () =>
            With(nn.GRU(3, 4, 2, bidirectional: true), m => Joined(m.call(Fixed(m, 5, 2, 3)).ToTuple())),
        [typeof(RNNCell)] = () => With(nn.RNNCell(3, 4), m => m.call(Fixed(m, 2, 3), Fixed(m, 2, 4))),
        [typeof(GRUCell)] = () => With(nn.GRUCell(3, 4), m => m.call(Fixed(m, 2, 3), Fixed(m, 2, 4))),
        [typeof(LSTMCell)] = () =>
            With(nn.LSTMCell(3, 4), m => Joined(m.call(Fixed(m, 2, 3), (Fixed(m, 2, 4), Fixed(m, 2, 4))).ToTuple())),
        [typeof(MultiheadAttention)] = () =>
            With(
                nn.MultiheadAttention(4, 2, add_bias_kv: true),
                m => Joined(m.call(Fixed(m, 3, 2, 4), Fixed(m, 5, 2, 4), Fixed(m, 5, 2, 4)))
            ),
        [typeof(TransformerEncoderLayer)] = () =>
            With(nn.TransformerEncoderLayer(4, 2, 6, 0), m => m.call(Fixed(m, 3, 2, 4))),
        [typeof(TransformerDecoderLayer)] = () =>
            With(nn.TransformerDecoderLayer(4, 2, 6, 0), m => m.call(Fixed(m, 3, 2, 4), Fixed(m, 5, 2, 4))),
        [typeof(TransformerEncoder)] = () =>
            With(
                nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 6, 0), 2),
                m => m.call(Fixed(m, 3, 2, 4), null!, null!)
            ),
        [typeof(TransformerDecoder)] = () =>
            With(
                nn.TransformerDecoder(nn.TransformerDecoderLayer(4, 2, 6, 0), 2),
                m => m.call(Fixed(m, 3, 2, 4), Fixed(m, 5, 2, 4), null!)
            ),
        [typeof(Transformer)] = () =>
            With(nn.Transformer(4, 2, 1, 1, 6, 0), m => m.call(Fixed(m, 5, 2, 4), Fixed(m, 3, 2, 4))),
    };

    /// <summary>Those whose tensors are in native memory.</summary>
    public static readonly Type[] Native =
    [
        typeof(Embedding),
        typeof(EmbeddingBag),
        typeof(RNN),
        typeof(LSTM),
        typeof(GRU),
        typeof(RNNCell),
        typeof(GRUCell),
        typeof(LSTMCell),
        typeof(MultiheadAttention),
        typeof(TransformerEncoderLayer),
        typeof(TransformerDecoderLayer),
        typeof(TransformerEncoder),
        typeof(TransformerDecoder),
        typeof(Transformer),
    ];

    public static TheoryData<string> NativeKinds => new(Native.Select(type => type.Name));

    public static Subject Make(string kind) => Of.Single(entry => entry.Key.Name == kind).Value();

    /// <summary>One of a native class, and the name of a matrix in it.</summary>
    public static (Subject Subject, string Name) Made(string kind)
    {
        var subject = Make(kind);
        return (subject, subject.Names.First(name => subject.Own(name).dim() == 2));
    }

    /// <summary>The same with that matrix doubled.</summary>
    public static (Subject Subject, string Name) Registered(string kind)
    {
        var (subject, name) = Made(kind);
        subject.Module.register_parametrization(name, new Doubling().Value);
        return (subject, name);
    }

    /// <summary>The same output with the hooks gone.</summary>
    public Tensor Bypass()
    {
        using var _ = Hookless.While(Module);
        return Output();
    }

    /// <summary>The names of the tensors that the module itself owns.</summary>
    public IEnumerable<string> Names =>
        Module.named_parameters(false).Select(p => p.name).Concat(Module.named_buffers(false).Select(b => b.name));

    public Tensor Own(string name) => Module.get_parameter(name) ?? Module.get_buffer(name)!;

    public static Tensor Fixed(nn.Module module, params long[] shape)
    {
        var tensor = arange(shape.Aggregate((a, b) => a * b), dtype: ScalarType.Float64);
        return (tensor * 1.7).sin().reshape(shape).to(module.parameters().First().dtype);
    }

    private static Subject Plain(nn.Module<Tensor, Tensor> module, params long[] shape) =>
        With(module, m => m.call(Fixed(m, shape)));

    /// <summary>In evaluation mode, where an output depends on nothing else. TorchSharp makes some on the CPU always.</summary>
    private static Subject With<T>(T module, Func<T, Tensor> call)
        where T : nn.Module
    {
        module.to(get_default_device());
        module.eval();
        // Zero biases of attention would make gradients vanish.
        using (no_grad())
            foreach (var (name, parameter) in module.named_parameters(false))
                parameter.add_(parameter.dim() == 1 ? 0.1 : 0);
        return new(module, () => call(module));
    }

    private static GroupNorm Initialized(GroupNorm module)
    {
        nn.init.ones_(module.weight);
        nn.init.zeros_(module.bias);
        return module;
    }

    private static Tensor Indices(params long[] shape) => arange(shape[0] * shape[1]).remainder(5).reshape(shape);

    private static Tensor Joined(System.Runtime.CompilerServices.ITuple outputs) =>
        cat([.. Enumerable.Range(0, outputs.Length).Select(i => ((Tensor)outputs[i]!).flatten())]);
}
