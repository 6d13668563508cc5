using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.State;

/// <summary>Files say of which parametrizations their pieces are, and loading heeds it.</summary>
public class StatesDescribeThemselves
{
    /// <summary>`W = exp(s) V`, as a user may write it.</summary>
    private sealed class Scaled() : CustomNodeOfSeveral("scaled", "every tensor", 2)
    {
        protected override IReadOnlyList<long[]> InputShapes(long[] shape) =>
            [
                [shape[0], 1],
                shape,
            ];

        protected override Tensor Forward(Tensor[] inputs) => inputs[0].exp() * inputs[1];

        protected override Tensor[] RightInverse(Tensor value) => [zeros_like(value.narrow(1, 0, 1)), value.clone()];
    }

    private static Dictionary<string, Tensor> Saved(nn.Module model, out Dictionary<string, string> metadata)
    {
        var stream = new MemoryStream();
        Safetensors.Save(stream, model);
        stream.Position = 0;
        return Safetensors.Load(stream, out metadata);
    }

    private static Dictionary<string, Tensor> Saved(nn.Module model) => Saved(model, out _);

    [Fact]
    public void What_a_caller_says_of_a_tensor_is_what_the_model_says()
    {
        var model = Models.Parametrized(Parametrizations.Orthogonal());
        Saved(model, out var said);
        using var stream = new MemoryStream();
        Safetensors.Save(stream, model, said);
        said["parametrize.fc.weight"] = "skew";
        using var none = new MemoryStream();
        var refusal = Assert.Throws<ArgumentException>(() => Safetensors.Save(none, model, said));
        Assert.Contains("parametrize.fc.weight = skew, but the model has orthogonal", refusal.Message);
        Assert.Equal(0, none.Length);
    }

    private static Tensor Plain(nn.Module model) => model.state_dict()["fc.weight"].detach();

    private static nn.Module<Tensor, Tensor> Moved(Parametrization value)
    {
        var model = Models.Parametrized(value);
        using var _ = no_grad();
        foreach (var parameter in model.parameters())
            parameter.add_(rand_like(parameter) * 0.1);
        return model;
    }

    /// <summary>`W = exp(s) V + K`, with a fixed K.</summary>
    private sealed class Shifted() : CustomNodeOfSeveral("shiftedByTwos", "every tensor", 2)
    {
        protected override IReadOnlyList<Carried> Carried =>
            [new("offset", form => full(form.Shape, 2, form.Dtype, form.Device))];

        protected override IReadOnlyList<long[]> InputShapes(long[] shape) =>
            [
                [shape[0], 1],
                shape,
            ];

        protected override Tensor Forward(Tensor[] inputs, IReadOnlyList<Tensor> carried) =>
            inputs[0].exp() * inputs[1] + carried[0];

        protected override Tensor[] RightInverse(Tensor value, IReadOnlyList<Tensor> carried) =>
            [zeros_like(value.narrow(1, 0, 1)), value - carried[0]];

        protected override Tensor Forward(Tensor[] inputs) => throw new InvalidOperationException("It has a buffer.");

        protected override Tensor[] RightInverse(Tensor value) =>
            throw new InvalidOperationException("It has a buffer.");
    }

    [Fact]
    public void A_node_of_several_inputs_reads_its_buffers()
    {
        var layer = nn.Linear(3, 2);
        using var before = layer.weight!.detach().clone();
        layer.register_parametrization("weight", Parametrizations.Of(new Shifted()));
        Near.Same(before, layer.parametrization("weight").Value);
        Assert.Equal(
            ["0.offset", "original0", "original1"],
            layer
                .state_dict()
                .Keys.Where(key => key != "bias")
                .Select(key => key.Replace("parametrizations.weight.", ""))
                .Order(StringComparer.Ordinal)
        );
        layer.parametrization("weight").Value = before * 2;
        Near.Same(before * 2, layer.parametrization("weight").Value);
    }

    [Theory]
    [InlineData("weightNoise 0.5")]
    [InlineData("spectralNorm")]
    public void What_is_converted_is_read_as_in_evaluation(string code)
    {
        using var shell = new Properties.CSharp.Tool.Shell();
        var path = shell["plain.safetensors"];
        Safetensors.Save(path, new Dictionary<string, Tensor> { ["w"] = ones(2, 2) });
        using var saved = SavedModel.Load(path);
        saved.Convert("w", Parametrizations.Parse(code), WhenNotAllowed.Project);
        using var first = saved.Tensors[0].Value();
        using var second = saved.Tensors[0].Value();
        Near.Identical(first, second);
        using var again = Parametrizations.Parse(code).Project(ones(2, 2));
        Near.Same(again, first, 1e-5);
    }

    private static readonly string[] Convertible = ["symmetric", "toeplitz", "oft 3L", "weightNorm 0"];

    public static TheoryData<string, string> Conversions
    {
        get
        {
            var conversions = new TheoryData<string, string>();
            foreach (var first in Convertible)
            foreach (var second in Convertible)
                conversions.Add(first, second);
            return conversions;
        }
    }

    /// <summary>Some values need a line for the shape, others do not.</summary>
    [Theory]
    [MemberData(nameof(Conversions))]
    public void What_it_was_converted_to_before_does_not_show(string first, string second)
    {
        using var shell = new Properties.CSharp.Tool.Shell();
        Safetensors.Save(shell["plain.safetensors"], new Dictionary<string, Tensor> { ["w"] = ones(3, 3) });
        Assert.Equal(Converted(second), Converted(first, second));

        Dictionary<string, string> Converted(params string[] codes)
        {
            using var saved = SavedModel.Load(shell["plain.safetensors"]);
            foreach (var code in codes)
                saved.Convert("w", Parametrizations.Parse(code), WhenNotAllowed.Project);
            saved.Save(shell["converted.safetensors"]);
            Safetensors.Load(shell["converted.safetensors"], out var metadata);
            return metadata;
        }
    }

    [Fact]
    public void Metadata_name_the_value_of_each_parametrized_tensor()
    {
        Saved(Models.Parametrized(Parametrizations.Skew.Then(Parametrizations.Cayley())), out var metadata);
        Assert.Equal("1", metadata["parametrize"]);
        Assert.Equal("skew >>> cayley", metadata["parametrize.fc.weight"]);
        Assert.Equal(2, metadata.Count);
        Saved(Models.Plain(), out metadata);
        Assert.Empty(metadata);
    }

    /// <summary>TorchSharp's Sequential lists a tensor once.</summary>
    [Fact]
    public void A_shared_tensor_is_there_under_all_its_names()
    {
        var model = nn.Sequential(("a", nn.Linear(4, 4)), ("b", nn.Linear(4, 4)));
        model.register_parametrization("a.weight", Parametrizations.Orthogonal());
        ((TorchSharp.Modules.Linear)model[1]).share_parametrization("weight", model.parametrization("a.weight"));
        using var shell = new Properties.CSharp.Tool.Shell();
        shell.Save("shared.safetensors", model);
        using var saved = SavedModel.Load(shell["shared.safetensors"]);
        var baked = saved.baked_state_dict();
        Near.Same(model.parametrization("b.weight").Value, baked["b.weight"]);
        var plain = nn.Sequential(("a", nn.Linear(4, 4)), ("b", nn.Linear(4, 4)));
        plain.load_parametrized_state_dict(Saved(model));
        Near.Same(baked["b.weight"], plain.state_dict()["b.weight"]);
    }

    [Fact]
    public void A_state_of_the_same_value_is_copied_bit_for_bit()
    {
        var (from, to) = (Moved(Parametrizations.Cayley()), Models.Parametrized(Parametrizations.Cayley()));
        to.load_parametrized_state_dict(Saved(from));
        foreach (var (key, tensor) in from.state_dict())
            Near.Identical(tensor, to.state_dict()[key]);
    }

    [Fact]
    public void A_state_of_another_value_is_refused_with_both_codes()
    {
        var (from, to) = (Moved(Parametrizations.Cayley()), Models.Parametrized(Parametrizations.MatrixExp()));
        var before = Snapshot.Of(to);
        var refusal = Assert.Throws<StateDictException>(() => to.load_parametrized_state_dict(Saved(from)));
        Assert.Equal(
            "fc.weight: the state is of cayley, but the model has matrixExp. Load with convert: true to take its value.",
            Assert.Single(refusal.Problems)
        );
        before.AssertUnchanged();
    }

    [Fact]
    public void Or_converted_through_its_value()
    {
        var (from, to) = (Moved(Parametrizations.Cayley()), Models.Parametrized(Parametrizations.MatrixExp()));
        to.load_parametrized_state_dict(Saved(from), convert: true);
        Near.Same(Models.Weight(from), Models.Weight(to), 1e-12);
    }

    [Fact]
    public void A_value_that_the_other_does_not_allow_is_refused_as_ever()
    {
        var (from, to) = (Moved(Parametrizations.Cayley()), Models.Parametrized(Parametrizations.Skew));
        var refusal = Assert.Throws<StateDictException>(() =>
            to.load_parametrized_state_dict(Saved(from), convert: true)
        );
        Assert.Contains("is not allowed by skew", Assert.Single(refusal.Problems));
    }

    [Fact]
    public void A_plain_model_takes_the_value_of_any_map_of_the_library()
    {
        var (from, to) = (Moved(Parametrizations.Cayley()), Models.Plain());
        to.load_parametrized_state_dict(Saved(from));
        Near.Same(Models.Weight(from), Plain(to), 1e-12);
    }

    [Fact]
    public void The_callers_map_counts_more()
    {
        var (from, to) = (Moved(Parametrizations.Cayley()), Models.Parametrized(Parametrizations.MatrixExp()));
        to.load_parametrized_state_dict(
            Saved(from),
            parametrizations: new Dictionary<string, Parametrization> { ["fc.weight"] = Parametrizations.Cayley() }
        );
        Near.Same(Models.Weight(from), Models.Weight(to), 1e-12);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Two_pieces_of_a_users_own_are_never_taken_for_weight_norm(bool isDescribed)
    {
        var (from, to) = (Moved(Parametrizations.Of(new Scaled())), Models.Plain());
        var state = isDescribed ? Saved(from) : from.state_dict();
        var before = Snapshot.Of(to);
        var refusal = Assert.Throws<StateDictException>(() => to.load_parametrized_state_dict(state));
        Assert.Contains(
            isDescribed
                ? "the state is of scaled, which is no value of the library"
                : "they do not show which map computes it",
            Assert.Single(refusal.Problems)
        );
        before.AssertUnchanged();
        to.load_parametrized_state_dict(
            state,
            parametrizations: new Dictionary<string, Parametrization> { ["fc.*"] = Parametrizations.Of(new Scaled()) }
        );
        Near.Same(Models.Weight(from), Plain(to), 1e-12);
    }

    [Fact]
    public void A_users_own_value_comes_back_from_its_own_state()
    {
        var (from, to) = (
            Moved(Parametrizations.Of(new Scaled())),
            Models.Parametrized(Parametrizations.Of(new Scaled()))
        );
        to.load_parametrized_state_dict(Saved(from));
        Near.Same(Models.Weight(from), Models.Weight(to), 0);
        var norm = Models.Parametrized(Parametrizations.WeightNorm());
        var problem = Assert.Throws<StateDictException>(() =>
            norm.load_parametrized_state_dict(Saved(from), convert: true)
        );
        Assert.Contains("scaled, which is no value of the library", Assert.Single(problem.Problems));
        Assert.EndsWith(
            "Pass your value of that name: parametrizations: { [\"fc.weight\"] = ... }.",
            problem.Problems[0]
        );
        Assert.Contains(
            "the state is of scaled, but the model has weightNorm 0",
            Assert.Single(
                Assert.Throws<StateDictException>(() => norm.load_parametrized_state_dict(Saved(from))).Problems
            )
        );
    }

    [Fact]
    public void Old_names_of_weight_norm_are_not_copied_into_a_users_own_value()
    {
        var from = Moved(Parametrizations.WeightNorm());
        var state = from.state_dict()
            .ToDictionary(
                pair =>
                    pair.Key.Replace("parametrizations.weight.original0", "weight_g")
                        .Replace("parametrizations.weight.original1", "weight_v"),
                pair => pair.Value
            );
        var to = Models.Parametrized(Parametrizations.Of(new Scaled()));
        to.load_parametrized_state_dict(state);
        Near.Same(Models.Weight(from), Models.Weight(to), 1e-12);
    }

    [Fact]
    public void A_later_format_is_refused()
    {
        var stream = new MemoryStream();
        Safetensors.Save(stream, Models.Plain(), new Dictionary<string, string> { ["parametrize"] = "2" });
        stream.Position = 0;
        var refusal = Assert.Throws<StateDictException>(() =>
            Models.Plain().load_parametrized_state_dict(Safetensors.Load(stream))
        );
        Assert.Contains("format 2", Assert.Single(refusal.Problems));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_was_assigned_before_is_in_the_file(bool isStream)
    {
        var model = nn.Linear(3, 3).register_parametrization("weight", Parametrizations.Symmetric);
        model.weight = nn.Parameter(full([3, 3], 5.0f));
        var path = Path.GetTempFileName();
        using var stream = new MemoryStream();
        if (isStream)
            Safetensors.Save(stream, model);
        else
            Safetensors.Save(path, model);
        stream.Position = 0;
        using var plain = nn.Linear(3, 3);
        plain.load_parametrized_state_dict(isStream ? Safetensors.Load(stream) : Safetensors.Load(path));
        File.Delete(path);
        Near.Same(full([3, 3], 5.0f), plain.weight!);
    }
}
