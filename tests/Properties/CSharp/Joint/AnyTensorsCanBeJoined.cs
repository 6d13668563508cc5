using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Joint;

/// <summary>Tensors of any number, shapes and element type that fit together along a dimension.</summary>
public sealed record Jigsaw(int Dimension, long[][] Shapes, ScalarType Dtype, int Seed)
{
    public static Arbitrary<Jigsaw> Arbitrary() =>
        (
            from dimension in Gen.Choose(0, 1)
            from common in Gen.Choose(1, 4)
            from count in Gen.Choose(2, 4)
            from rest in Gen.ArrayOf(Gen.Choose(1, 3), count)
            from depth in Gen.ArrayOf(Gen.Choose(1, 3), count)
            from dtype in Gen.Elements(float32, float64, bfloat16, complex64)
            from seed in Gen.Choose(0, 100_000)
            select new Jigsaw(
                dimension,
                [.. rest.Zip(depth, (size, dims) => Shape(dimension, common, size, dims))],
                dtype,
                seed
            )
        ).ToArbitrary();

    public string[] Names => [.. Shapes.Select((_, index) => $"part{index}")];

    /// <summary>Side by side, the first dimension is common; on top of each other, all but the first.</summary>
    private static long[] Shape(int dimension, int common, int size, int dims) =>
        dimension == 0 ? [size, common] : [common, .. Enumerable.Repeat((long)size, dims - 1)];
}

[Properties(Arbitrary = [typeof(Jigsaw)], MaxTest = 60, QuietOnSuccess = true)]
public class AnyTensorsCanBeJoined
{
    [Property]
    public void Each_part_is_what_it_was_and_goes_its_own_way(Jigsaw jigsaw)
    {
        using var _ = NewDisposeScope();
        var module = new Parts(jigsaw);
        var before = jigsaw.Names.Select(name => module.get_parameter(name)!.clone()).ToList();
        module.register_parametrization(jigsaw.Names, new Doubling().Value, dim: jigsaw.Dimension);

        var parts = module.call(zeros(1));
        Assert.All(before.Zip(parts), pair => Near.Identical(pair.First, pair.Second));
        using (no_grad())
            module.parametrizations().Single().tensor.parameters().Single().mul_(3);
        Assert.All(before.Zip(module.call(zeros(1))), pair => Near.Same(pair.First * 3, pair.Second));

        module.remove_parametrizations("part1");
        Assert.Equal(jigsaw.Names, module.state_dict().Keys);
        Assert.All(before.Zip(module.call(zeros(1))), pair => Near.Same(pair.First * 3, pair.Second));
    }

    [Property]
    public void Gradients_reach_each_part_alone(Jigsaw jigsaw, byte which)
    {
        using var _ = NewDisposeScope();
        var module = new Parts(jigsaw);
        var chosen = which % jigsaw.Names.Length;
        module.register_parametrization(jigsaw.Names, new Doubling().Value, dim: jigsaw.Dimension);
        module.call(zeros(1))[chosen].abs().sum().backward();

        var gradient = module.parameters().Single().grad!;
        var touched = gradient.ne(0).sum().item<long>();
        Assert.Equal(jigsaw.Shapes[chosen].Aggregate(1L, (product, size) => product * size), touched);
    }

    /// <summary>Gives out copies of its tensors.</summary>
    private sealed class Parts : nn.Module<Tensor, Tensor[]>
    {
        private readonly string[] _names;

        public Parts(Jigsaw jigsaw)
            : base(nameof(Parts))
        {
            Seeded.Everywhere(jigsaw.Seed);
            _names = jigsaw.Names;
            foreach (var (name, shape) in _names.Zip(jigsaw.Shapes))
                register_parameter(name, nn.Parameter(randn(shape).to(jigsaw.Dtype)));
        }

        public override Tensor[] forward(Tensor input) => [.. _names.Select(name => get_parameter(name)!.clone())];
    }
}
