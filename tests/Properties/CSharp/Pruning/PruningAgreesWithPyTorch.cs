using System.Globalization;
using System.Text.Json;
using FsCheck.Xunit;
using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp;

/// <summary>The verbs choose the masks that PyTorch's chose.</summary>
public class PruningAgreesWithPyTorch
{
    private static TheoryData<int> Indices(string kind) => new(Enumerable.Range(0, Golden.Cases(kind).Count));

    public static TheoryData<int> Once => Indices("l1_unstructured");

    public static TheoryData<int> Twice => Indices("l1_unstructured twice");

    public static TheoryData<int> Channels => Indices("ln_structured");

    public static TheoryData<int> Global => Indices("global_l1_unstructured");

    private static Amount AmountOf(JsonElement golden)
    {
        var amount = golden.GetProperty("amount");
        return amount.GetRawText().All(char.IsAsciiDigit) ? (Amount)amount.GetInt64() : amount.GetDouble();
    }

    private static double PowerOf(JsonElement golden)
    {
        var power = golden.GetProperty("n").ToString();
        return power == "inf" ? double.PositiveInfinity : double.Parse(power, CultureInfo.InvariantCulture);
    }

    private static void SameMask(JsonElement golden, Action<PrunedModules.Weighted> prune)
    {
        var module = new PrunedModules.Weighted(golden.Tensor("weight_before"));
        prune(module);
        Assert.Equal(golden.Tensor("mask").Entries(), module.Mask().Entries());
        PrunedModules.KeepsTheRest(golden.Tensor("weight_before"), module);
    }

    [Theory]
    [MemberData(nameof(Once))]
    public void L1_unstructured(int index)
    {
        var golden = Golden.Cases("l1_unstructured")[index];
        SameMask(golden, module => module.l1_unstructured("weight", AmountOf(golden)));
    }

    [Theory]
    [MemberData(nameof(Twice))]
    public void L1_unstructured_twice(int index)
    {
        var golden = Golden.Cases("l1_unstructured twice")[index];
        var amount = AmountOf(golden);
        SameMask(golden, module => module.l1_unstructured("weight", amount).l1_unstructured("weight", amount));
    }

    [Theory]
    [MemberData(nameof(Channels))]
    public void Ln_structured(int index)
    {
        var golden = Golden.Cases("ln_structured")[index];
        var dim = golden.GetProperty("dim").GetInt32();
        SameMask(golden, module => module.ln_structured("weight", AmountOf(golden), PowerOf(golden), dim));
    }

    [Theory]
    [MemberData(nameof(Global))]
    public void Global_unstructured(int index)
    {
        var golden = Golden.Cases("global_l1_unstructured")[index];
        var modules = golden
            .GetProperty("weights_before")
            .EnumerateArray()
            .Select(weight => new PrunedModules.Weighted(weight.Tensor()))
            .ToList();

        prune.global_unstructured(modules.Select(module => ((nn.Module)module, "weight")), AmountOf(golden));

        foreach (var (module, mask) in modules.Zip(golden.GetProperty("masks").EnumerateArray()))
            Assert.Equal(mask.Tensor().Entries(), module.Mask().Entries());
    }

    private static Tensor Small(byte rows, byte columns) =>
        randint(-2, 3, [1 + rows % 40, 2 + columns % 40]).to(ScalarType.Float64);

    /// <summary>Of equal ones PyTorch hides those that topk finds in what is left, unstructured.</summary>
    [Property]
    public void Of_equal_entries_the_same_ones(byte rows, byte columns)
    {
        using var weight = Small(rows, columns);
        var many = (int)weight.numel() / 3;
        var expected = ones_like(weight).flatten();
        for (var time = 0; time < 2; time++)
        {
            var left = expected.nonzero().flatten();
            var places = weight.flatten()[left].abs().topk(many, largest: false).indexes;
            expected.index_fill_(0, left[places], 0);
        }
        var module = new PrunedModules.Weighted(weight);
        module.l1_unstructured("weight", many).l1_unstructured("weight", many);
        Assert.Equal(expected.Entries(), module.Mask().Entries());
    }

    /// <summary>Structured it keeps those that topk finds.</summary>
    [Property]
    public void Of_equal_channels_the_same_ones(byte rows, byte columns, byte power)
    {
        using var weight = Small(rows, columns);
        var n = (power % 3) switch
        {
            0 => 1.0,
            1 => 2.0,
            _ => double.PositiveInfinity,
        };
        var many = (int)weight.shape[1] / 3;
        var left = arange(weight.shape[1]);
        for (var time = 0; time < 2; time++)
        {
            var norms = linalg.vector_norm(weight.index_select(1, left), n, [0]);
            left = left[norms.topk((int)left.numel() - many, largest: true).indexes].sort().Values;
        }
        using var expected = zeros_like(weight).index_fill_(1, left, 1);
        var module = new PrunedModules.Weighted(weight);
        module.ln_structured("weight", many, n, 1).ln_structured("weight", many, n, 1);
        Assert.Equal(expected.Entries(), module.Mask().Entries());
    }
}
