using Parametrize.CSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp;

/// <summary>Modules to prune, and what is looked at in them.</summary>
internal static class PrunedModules
{
    /// <summary>A module with a weight of any shape, whose entries are all different.</summary>
    public sealed class Weighted : nn.Module<Tensor, Tensor>
    {
        public readonly Parameter weight;

        public Weighted(Tensor initial)
            : base(nameof(Weighted))
        {
            weight = nn.Parameter(initial.clone());
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) => weight * input;
    }

    public static Weighted Random(params long[] shape) => new(randn(shape, dtype: ScalarType.Float64));

    public static Weighted Of(params double[] entries) => new(tensor(entries));

    public static Tensor Value(this nn.Module module, string name = "weight") =>
        module.parametrization(name).Value.detach();

    /// <summary>1 where entries stay, else 0.</summary>
    public static Tensor Mask(this nn.Module module, string name = "weight") =>
        module.state_dict()[$"parametrizations.{name}.0.mask"];

    public static long Zeros(this Tensor tensor) => tensor.eq(0).sum().item<long>();

    public static long Left(this nn.Module module, string name = "weight") =>
        (long)module.Mask(name).sum().to(ScalarType.Float64).item<double>();

    public static double[] Entries(this Tensor tensor) =>
        [.. tensor.detach().to(ScalarType.Float64).flatten().data<double>()];

    /// <summary>Entries of other channels are as they were, and those of pruned ones are zero.</summary>
    public static long ZeroChannels(this Tensor tensor, int dim)
    {
        var others = Enumerable.Range(0, (int)tensor.dim()).Where(other => other != dim).Select(other => (long)other);
        return tensor.abs().sum([.. others]).Zeros();
    }

    public static void KeepsTheRest(Tensor before, nn.Module module)
    {
        Assert.Equal((before * module.Mask()).Entries(), module.Value().Entries());
        Assert.Equal(before.Entries(), module.state_dict()["parametrizations.weight.original"].Entries());
    }
}
