using System.Globalization;
using System.Text.Json;
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
}
