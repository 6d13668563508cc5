using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using Parametrize;
using Parametrize.CSharp;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp;

/// <summary>As many entries, channels or members of groups as were asked for, by share or by count.</summary>
public class PruningTakesExactAmounts
{
    public sealed record Request(long[] Shape, double Share, long Count, bool ByShare, int Dim, ulong Seed)
    {
        public Amount Amount => ByShare ? (Amount)Share : Count;

        public long Entries => Shape.Aggregate(1L, (product, size) => product * size);

        /// <summary>Python's round.</summary>
        public long Expected(long many) =>
            ByShare ? (long)Math.Round(Share * many, MidpointRounding.ToEven) : Math.Min(Count, many);
    }

    public static Arbitrary<Request> Requests(int leastDimensions) =>
        (
            from dimensions in Gen.Choose(leastDimensions, 4)
            from shape in Gen.Choose(1, 6).ArrayOf(dimensions)
            from share in Gen.OneOf(
                Gen.Elements(0.0, 0.25, 0.5, 0.75, 1.0),
                Gen.Choose(0, 1000).Select(thousandths => thousandths / 1000.0)
            )
            from part in Gen.Choose(0, 1000)
            from byShare in ArbMap.Default.GeneratorFor<bool>()
            from dim in Gen.Choose(-dimensions, dimensions - 1)
            from seed in Gen.Choose(0, int.MaxValue)
            let sizes = shape.Select(size => (long)size).ToArray()
            select new Request(sizes, share, part, byShare, dim, (ulong)seed)
        ).ToArbitrary();

    private static Property ForEntries(Action<Request> check) =>
        Prop.ForAll(Requests(1), request => check(request with { Count = request.Count % (request.Entries + 1) }));

    private static Property ForChannels(Action<Request, long, int> check) =>
        Prop.ForAll(
            Requests(2),
            request =>
            {
                var dim = (request.Dim + request.Shape.Length) % request.Shape.Length;
                var channels = request.Shape[dim];
                check(request with { Count = request.Count % (channels + 1) }, channels, dim);
            }
        );

    [Property]
    public Property Random_entries() =>
        ForEntries(request =>
        {
            var module = PrunedModules.Random(request.Shape);
            using var before = module.weight.detach().clone();
            module.random_unstructured("weight", request.Amount, request.Seed);
            Assert.Equal(request.Expected(request.Entries), module.Value().Zeros());
            PrunedModules.KeepsTheRest(before, module);
        });

    [Property]
    public Property Smallest_entries() =>
        ForEntries(request =>
        {
            var module = PrunedModules.Random(request.Shape);
            using var before = module.weight.detach().clone();
            module.l1_unstructured("weight", request.Amount);
            var expected = request.Expected(request.Entries);
            Assert.Equal(expected, module.Value().Zeros());
            PrunedModules.KeepsTheRest(before, module);

            var kept = module.Mask().Entries();
            var sizes = before.Entries().Select(Math.Abs).ToArray();
            var largestPruned = sizes.Where((_, i) => kept[i] == 0).DefaultIfEmpty(0).Max();
            var smallestKept = sizes.Where((_, i) => kept[i] != 0).DefaultIfEmpty(double.MaxValue).Min();
            Assert.True(largestPruned < smallestKept);
        });

    [Property]
    public Property Random_channels() =>
        ForChannels(
            (request, channels, dim) =>
            {
                var module = PrunedModules.Random(request.Shape);
                using var before = module.weight.detach().clone();
                module.random_structured("weight", request.Amount, request.Dim, request.Seed);
                Assert.Equal(request.Expected(channels), module.Value().ZeroChannels(dim));
                Assert.Equal(request.Expected(channels) * (request.Entries / channels), module.Value().Zeros());
                PrunedModules.KeepsTheRest(before, module);
            }
        );

    [Property]
    public Property Channels_with_the_smallest_norms() =>
        ForChannels(
            (request, channels, dim) =>
            {
                double[] powers = [0.5, 1, 2, 3.5, double.PositiveInfinity, -1, double.NegativeInfinity];
                var power = powers[request.Seed % (ulong)powers.Length];
                var module = PrunedModules.Random(request.Shape);
                using var before = module.weight.detach().clone();
                module.ln_structured("weight", request.Amount, power, request.Dim);
                Assert.Equal(request.Expected(channels), module.Value().ZeroChannels(dim));
                PrunedModules.KeepsTheRest(before, module);

                var norms = linalg.vector_norm(before.transpose(0, dim).flatten(1), power, [1L]).Entries();
                var zero = module.Value().transpose(0, dim).flatten(1).abs().sum([1L]).Entries();
                var largestPruned = norms.Where((_, i) => zero[i] == 0).DefaultIfEmpty(0).Max();
                var smallestKept = norms.Where((_, i) => zero[i] != 0).DefaultIfEmpty(double.MaxValue).Min();
                Assert.True(largestPruned < smallestKept);
            }
        );

    [Property]
    public Property A_share_of_what_is_left_again_and_again() =>
        ForEntries(request =>
        {
            var module = PrunedModules.Random(request.Shape);
            var left = request.Entries;
            for (var round = 0; round < 4; round++)
            {
                if (round % 2 == 0)
                    module.l1_unstructured("weight", request.Share);
                else
                    module.random_unstructured("weight", request.Share, request.Seed);
                left -= (long)Math.Round(request.Share * left, MidpointRounding.ToEven);
                Assert.Equal(left, module.Left());
            }
        });

    [Property]
    public Property Each_group_keeps_n_of_m()
    {
        var sizes = Gen.Choose(1, 6).SelectMany(m => Gen.Choose(0, m).Select(n => (N: n, M: m)));
        var shapes = Requests(1).Generator;
        return Prop.ForAll(
            sizes.SelectMany(size => shapes.Select(request => (size.N, size.M, request))).ToArbitrary(),
            drawn =>
            {
                long[] shape = [.. drawn.request.Shape[..^1], drawn.request.Shape[^1] * drawn.M];
                var module = PrunedModules.Random(shape);
                using var before = module.weight.detach().clone();
                module.n_m("weight", drawn.N, drawn.M);
                PrunedModules.KeepsTheRest(before, module);
                var sizes = before.abs().Entries().Chunk(drawn.M);
                var kept = module.Mask().Entries().Chunk(drawn.M);
                foreach (var (size, stays) in sizes.Zip(kept))
                {
                    var largest = size.OrderDescending().Take(drawn.N).ToHashSet();
                    Assert.Equal(size.Select(number => largest.Contains(number) ? 1.0 : 0.0), stays);
                }
            }
        );
    }

    [Theory]
    [InlineData(0.5, 5, 2)] // 2.5
    [InlineData(0.5, 7, 4)] // 3.5
    [InlineData(0.5, 1, 0)] // 0.5
    [InlineData(0.5, 3, 2)] // 1.5
    [InlineData(0.3, 5, 2)] // 1.5
    [InlineData(0.1, 5, 0)] // 0.5
    public void Halves_are_rounded_to_even(double share, int size, long expected)
    {
        Assert.Equal(expected, PrunedModules.Random(size).l1_unstructured("weight", share).Value().Zeros());
        Assert.Equal(expected, PrunedModules.Random(size).random_unstructured("weight", share).Value().Zeros());
        Assert.Equal(
            expected,
            PrunedModules.Random(2, size).ln_structured("weight", share, 2, 1).Value().ZeroChannels(1)
        );
        Assert.Equal(
            expected,
            PrunedModules.Random(2, size).random_structured("weight", share, 1).Value().ZeroChannels(1)
        );
    }

    [Fact]
    public void Whole_numbers_are_counts_and_others_are_shares()
    {
        Assert.Equal(1, PrunedModules.Random(8).l1_unstructured("weight", 1).Value().Zeros());
        Assert.Equal(1, PrunedModules.Random(8).l1_unstructured("weight", 1L).Value().Zeros());
        Assert.Equal(8, PrunedModules.Random(8).l1_unstructured("weight", 1.0).Value().Zeros());
    }
}
