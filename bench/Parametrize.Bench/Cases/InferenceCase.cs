using Parametrize.CSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Parametrize.Bench.Cases;

/// <summary>A forward pass without gradients of a model whose weights are parametrized, in a scope of the caller's.</summary>
internal sealed class InferenceCase
{
    private const int Layers = 8;
    private const int Batch = 64;

    private readonly int _size;
    private readonly Tensor _inputs;

    private InferenceCase(int size)
    {
        (_size, _inputs) = (size, randn(Batch, size));
        Plain = Model();
        Parametrized = Registered();
        Left = Registered();
        foreach (var layer in Left.children().OfType<Linear>())
            layer.remove_parametrizations("weight");
    }

    public Sequential Plain { get; }

    public Sequential Parametrized { get; }

    /// <summary>Its parametrizations are removed, and the weights stay.</summary>
    public Sequential Left { get; }

    public static IEnumerable<InferenceCase> All() => new[] { 64, 256, 1024 }.Select(size => new InferenceCase(size));

    public override string ToString() => $"{Layers} layers of {_size} x {_size}, {Batch} data";

    public void Call(Sequential model)
    {
        using var _ = no_grad();
        model.call(_inputs).Dispose();
    }

    private Sequential Registered()
    {
        var model = Model();
        model.register_parametrizations<Linear>("weight", Parametrizations.Orthogonal());
        return model;
    }

    private Sequential Model()
    {
        var layers = Enumerable
            .Range(0, Layers)
            .Select(index => ($"{index}", (nn.Module<Tensor, Tensor>)nn.Linear(_size, _size)));
        var model = nn.Sequential(layers.ToArray());
        model.eval();
        return model;
    }
}
