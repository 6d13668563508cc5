using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Adapters;

/// <summary>Merging adapters into weights and taking them out again.</summary>
public class MergingTellsWhatItCosts
{
    private static readonly string[] Codes =
    [
        "lora 2L 4.0",
        "rsLora 3L 8.0",
        "joined [ identity; lora 2L 4.0 ] (weightNorm 0)",
        "oft 3L",
    ];

    private static readonly ScalarType[] Dtypes =
    [
        ScalarType.Float32,
        ScalarType.Float64,
        ScalarType.BFloat16,
        ScalarType.Float16,
    ];

    public static IEnumerable<object[]> Cases =>
        from code in Codes
        from dtype in Dtypes
        select new object[] { code, dtype };

    [Fact]
    public void What_is_not_a_number_is_not_merged()
    {
        var model = nn.Sequential(("layer", nn.Linear(6, 5)));
        model.register_parametrization("layer.weight", Parametrizations.Lora(2, 4));
        using (no_grad())
            model.parametrization("layer.weight").Originals[1].fill_(double.NaN);
        var refusal = Assert.Throws<InvalidOperationException>(() => peft.merge_adapter(model));
        Assert.StartsWith("layer.weight contains NaN or infinite values", refusal.Message);
        Assert.True(model.is_parametrized("layer.weight"));
    }

    private static (nn.Module<Tensor, Tensor> Model, ParametrizedTensor Tensor) Trained(string code, ScalarType dtype)
    {
        var model = nn.Sequential(("layer", nn.Linear(6, 5)));
        model.to(dtype);
        model.register_parametrization("layer.weight", Parametrizations.Parse(code));
        var tensor = model.parametrization("layer.weight");
        using var _ = no_grad();
        foreach (var original in tensor.Originals)
            original.copy_(randn_like(original) * 0.3);
        return (model, tensor);
    }

    /// <summary>W_0 + s B A and its kind in float64, from the tensors themselves.</summary>
    private static Tensor Exact(ParametrizedTensor tensor)
    {
        using var exact = new ParametrizedTensor(tensor.Parametrization, zeros([5, 6], ScalarType.Float64));
        using var _ = no_grad();
        foreach (var (name, value) in tensor.state_dict())
            exact.state_dict()[name].copy_(value);
        return exact.Value;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void The_error_bounds_the_difference(string code, ScalarType dtype)
    {
        var (model, tensor) = Trained(code, dtype);
        var exact = Exact(tensor);
        var merged = Assert.Single(peft.merge_and_unload(model));
        Assert.False(model.is_parametrized("layer.weight"));
        var weight = model.get_parameter("layer.weight")!;
        Assert.False(weight.requires_grad);

        var difference = (weight.to(ScalarType.Float64) - exact).abs().max().item<double>();
        Assert.Equal("layer.weight", merged.Name);
        Assert.Equal(Parametrizations.Parse(code), merged.Parametrization);
        Assert.Equal(difference, merged.LargestError, 1e-15);
        Assert.Equal(exact.abs().max().item<double>(), merged.LargestEntry, 1e-12);
        var unit = dtype switch
        {
            ScalarType.BFloat16 => 4e-3,
            ScalarType.Float16 => 5e-4,
            ScalarType.Float32 => 1e-6,
            _ => 1e-14,
        };
        Assert.InRange(merged.LargestError, 0, unit * merged.LargestEntry);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_merged_model_computes_what_the_adapted_one_did(string code, ScalarType dtype)
    {
        var (model, _) = Trained(code, dtype);
        var x = randn(3, 6).to(dtype);
        var adapted = model.call(x);
        using var merged = peft.merge_adapter(model);
        Near.Identical(adapted, model.call(x));
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Unloading_gives_the_frozen_weight_back(string code, ScalarType dtype)
    {
        var (model, _) = Trained(code, dtype);
        using var frozen = model.state_dict().Single(entry => entry.Key.EndsWith(".frozen")).Value.clone();
        // Also when its training has diverged.
        using (no_grad())
            model.parametrization("layer.weight").Originals[0].fill_(float.NaN);
        peft.unload(model);
        Assert.False(model.is_parametrized("layer.weight"));
        Near.Identical(frozen, model.state_dict()["layer.weight"]);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Unmerging_is_exact(string code, ScalarType dtype)
    {
        var (model, _) = Trained(code, dtype);
        model.parametrization("layer.weight").Originals[0].requires_grad = false;
        var before = model.state_dict().ToDictionary(entry => entry.Key, entry => entry.Value.clone());
        var trained = Trainable();
        var merged = peft.merge_adapter(model);
        merged.Unmerge();
        var after = model.state_dict();
        Assert.Equal(before.Keys, after.Keys);
        Assert.All(before, entry => Near.Identical(entry.Value, after[entry.Key]));
        Assert.Equal(trained, Trainable());
        Assert.Contains("The adapters are back", Assert.Throws<ObjectDisposedException>(merged.Unmerge).Message);

        string[] Trainable() =>
            [.. model.named_parameters().Where(named => named.parameter.requires_grad).Select(named => named.name)];
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Merging_and_unmerging_leave_no_tensors_behind(string code, ScalarType dtype)
    {
        var (model, _) = Trained(code, dtype);
        long Live() => DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount;
        void Once() => peft.merge_adapter(model).Unmerge();
        Once();
        var before = Live();
        for (var time = 0; time < 3; time++)
            Once();
        // TorchSharp (0.107.0) counts a parameter twice when it makes one.
        Assert.InRange(Live() - before, 0, 3 * model.parametrization("layer.weight").Originals.Count);
    }

    /// <summary>What a value yields without the change of an adapter inside it; of an adapter alone, the frozen weight.</summary>
    [Theory]
    [InlineData("lora 2L 4.0")]
    [InlineData("dora 2L 4.0")]
    [InlineData("oft 2L")]
    [InlineData("lora 2L 4.0 >>> scale 2.0")]
    [InlineData("lora 2L 4.0 >>> weightDropout 0.5")]
    [InlineData("dora 2L 4.0 >>> scale 2.0")]
    [InlineData("slices 0 [ (1L, dora 1L 4.0); (1L, lora 1L 4.0) ]")]
    [InlineData("transposed (lora 2L 4.0)")]
    [InlineData("onKernel (lora 2L 4.0)")]
    [InlineData("slices 1 [ (2L, lora 1L 4.0); (2L, lora 2L 4.0) ]")]
    [InlineData("sum [ lora 1L 4.0; lora 2L 4.0 ]")]
    [InlineData("kronecker (2L, 2L) (lora 1L 2.0) (lora 1L 1.0)")]
    public void Unloading_gives_the_weight_back(string value)
    {
        var layer = nn.Linear(4, 2, hasBias: false, dtype: ScalarType.Float64);
        layer.register_parametrization("weight", Parametrizations.Parse(value));
        layer.eval();
        var start = layer.parametrization("weight").Value.detach();
        using (no_grad())
            foreach (var parameter in layer.parameters())
                parameter.add_(randn_like(parameter));
        peft.unload(layer);
        Near.Same(start, layer.weight, 1e-14);
    }

    [Fact]
    public void An_adapter_of_several_tensors_is_refused_before_anything_changes()
    {
        var model = nn.Sequential(("a", nn.Linear(3, 3)), ("b", nn.Linear(3, 4)));
        model.register_parametrization("a.weight", Parametrizations.Lora(1, 2));
        model.register_parametrization("b.weight+bias", Parametrizations.Lora(1, 2));
        Assert.Contains(
            "b.weight+bias is made up of several tensors",
            Assert.Throws<NotSupportedException>(() => peft.merge_adapter(model)).Message
        );
        Assert.Throws<NotSupportedException>(() => peft.unload(model));
        Assert.Equal(["a.weight", "b.weight+bias"], model.parametrizations().Select(entry => entry.name));
    }

    /// <summary>By the last digit of one entry.</summary>
    [Fact]
    public void A_weight_that_was_changed_by_the_least_is_not_unmerged()
    {
        var (model, _) = Trained("lora 2L 4.0", ScalarType.Float32);
        using var merged = peft.merge_adapter(model);
        using (no_grad())
        {
            var entry = model.get_parameter("layer.weight")!.flatten()[0];
            entry.copy_(nextafter(entry, tensor(float.PositiveInfinity)));
        }
        Assert.Contains("layer.weight was changed", Assert.Throws<InvalidOperationException>(merged.Unmerge).Message);
    }

    [Fact]
    public void A_weight_that_was_changed_since_is_not_unmerged()
    {
        var (model, _) = Trained("lora 2L 4.0", ScalarType.Float32);
        using var merged = peft.merge_adapter(model);
        using (no_grad())
            model.get_parameter("layer.weight")!.add_(1);
        Assert.Contains("layer.weight was changed", Assert.Throws<InvalidOperationException>(merged.Unmerge).Message);
        Assert.False(model.is_parametrized("layer.weight"));

        model.register_parametrization("layer.weight", Parametrizations.WeightNorm());
        Assert.Contains(
            "layer.weight was plain after merging, but is weightNorm 0",
            Assert.Throws<InvalidOperationException>(merged.Unmerge).Message
        );
    }

    [Fact]
    public void Other_parametrizations_stay()
    {
        var model = nn.Sequential(("a", nn.Linear(4, 4)), ("b", nn.Linear(4, 4).orthogonal()));
        model.register_parametrization("a.weight", Parametrizations.Lora(1, 1));
        Assert.Equal(["a.weight"], peft.merge_and_unload(model).Select(tensor => tensor.Name));
        Assert.True(model.is_parametrized("b.weight"));
        Assert.Contains(
            "has no adapter",
            Assert.Throws<InvalidOperationException>(() => peft.merge_adapter(model)).Message
        );
    }

    [Fact]
    public void Weights_of_several_modules_and_held_ones_are_refused()
    {
        var (first, second) = (nn.Linear(4, 4), nn.Linear(4, 4));
        var shared = nn.Sequential(("a", first), ("b", second), ("c", nn.Linear(4, 4)));
        shared.register_parametrization("c.weight", Parametrizations.Lora(1, 1));
        shared.register_parametrization("a.weight", Parametrizations.Lora(1, 1));
        second.share_parametrization("weight", first.parametrization("weight"));
        var refusal = Assert.Throws<NotSupportedException>(() => peft.merge_adapter(shared));
        Assert.Contains("a.weight and b.weight share one weight", refusal.Message);
        Assert.True(shared.is_parametrized("c.weight"));

        var holder = new Holder();
        Assert.Contains(
            "kernel is a ParametrizedTensor",
            Assert.Throws<InvalidOperationException>(() => peft.merge_adapter(holder)).Message
        );
    }

    [Theory]
    [InlineData("lora 2L 4.0")]
    [InlineData("dora 2L 4.0")]
    public void Tied_weights_are_merged_and_taken_off_as_one(string code)
    {
        var (embedding, decoder) = (nn.Embedding(6, 4), nn.Linear(4, 6, hasBias: false));
        decoder.weight = embedding.weight!;
        var model = nn.Sequential(("a", embedding), ("b", decoder));
        var count = model.parameters().Count();
        using var frozen = embedding.weight!.detach().clone();
        model.register_parametrization("a.weight", Parametrizations.Parse(code));
        using (no_grad())
            foreach (var original in embedding.parametrization("weight").Originals)
                original.copy_(randn_like(original));
        using var adapted = embedding.parametrization("weight").Value.detach();

        var merged = peft.merge_adapter(model);
        Near.Same(adapted, embedding.weight!);
        Near.Same(adapted, decoder.weight!);
        merged.Unmerge();
        Assert.Same(embedding.parametrization("weight"), decoder.parametrization("weight"));
        Near.Same(adapted, embedding.parametrization("weight").Value);

        peft.unload(model);
        Near.Same(frozen, embedding.weight!);
        Near.Same(frozen, decoder.weight!);
        using (no_grad())
            embedding.weight!.fill_(3);
        Near.Same(full([6, 4], 3), decoder.weight!);
        Assert.Equal(count, model.parameters().Count());
    }

    [Fact]
    public void Taking_out_is_refused_whole_where_one_weight_was_changed()
    {
        var model = nn.Sequential(("a", nn.Linear(4, 4)), ("b", nn.Linear(4, 4)));
        model.get_peft_model(new LoraConfig { Rank = 1, TargetModules = ["a", "b"] });
        foreach (var name in new[] { "a", "b" })
            peft.merge_adapter(((Sequential)model).named_children().Single(child => child.name == name).module);
        using (no_grad())
            model.get_parameter("b.weight")!.fill_(5);
        Assert.Throws<InvalidOperationException>(() => peft.unmerge_adapter(model));
        Assert.Empty(model.parametrizations());
    }

    private sealed class Holder : nn.Module
    {
        private readonly ParametrizedTensor kernel = new(Parametrizations.Lora(1, 1), zeros(3, 3));

        public Holder()
            : base(nameof(Holder)) => RegisterComponents();
    }
}
