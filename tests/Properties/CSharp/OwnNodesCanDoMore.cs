using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Properties.CSharp;

/// <summary>What nodes of one's own can do besides mapping: carry, learn, add noise, go without a right inverse.</summary>
public class OwnNodesCanDoMore
{
    private sealed class Noisy() : CustomNode("noisy", Spaces.All), INoisy
    {
        public Tensor ForwardInTraining(Tensor[] inputs, Tensor[] buffers) => inputs[0] + 1;

        protected override Tensor Forward(Tensor input) => input.clone();

        protected override Tensor RightInverse(Tensor value) => value;
    }

    private sealed class Averaging() : CustomNode("averaging", "tensors less their running mean"), ILearns
    {
        protected override IReadOnlyList<Carried> Carried =>
            [new("mean", form => zeros(form.Shape, dtype: form.Dtype), Role: BufferRole.Learned)];

        public Tensor[] Advance(Tensor[] inputs, Tensor[] buffers) => [(inputs[0] + buffers[0]) / 2];

        protected override Tensor Forward(Tensor input) => throw new InvalidOperationException("It carries something.");

        protected override Tensor RightInverse(Tensor value) => throw new InvalidOperationException();

        protected override Tensor Forward(Tensor input, Tensor[] carried) => input - carried[0];

        protected override Tensor RightInverse(Tensor value, Tensor[] carried) => value + carried[0];
    }

    private sealed class Squared() : CustomNode("squared", Spaces.NonNegative)
    {
        public override bool HasRightInverse => false;

        protected override Tensor Forward(Tensor input) => input.square();

        protected override Tensor RightInverse(Tensor value) => throw new InvalidOperationException("There is none.");
    }

    private sealed class MySkew() : CustomNode("mySkew", Spaces.Skew)
    {
        protected override Tensor Forward(Tensor input) => input.triu(1) - input.triu(1).mT;

        protected override Tensor RightInverse(Tensor value) => value.triu(1);

        protected override Tensor Nearest(Tensor value) => (value - value.mT) / 2;
    }

    private sealed class Exponential() : CustomNode("exponential", "positive tensors of my own"), IVolume
    {
        public Tensor LogVolume(Tensor[] inputs, Tensor[] buffers) => inputs[0].sum();

        protected override Tensor Forward(Tensor input) => input.exp();

        protected override Tensor RightInverse(Tensor value) => value.log();

        protected override Tensor Nearest(Tensor value) => value.clamp_min(1e-3);
    }

    [Fact]
    public void Volumes_add_up_where_all_are_known()
    {
        var layer = Linear(3, 3);
        var tensor = layer
            .register_parametrization("weight", Parametrizations.Scale(2).Then(Parametrizations.Of(new Exponential())))
            .parametrization("weight");
        var parameter = tensor.get_parameter("original")!;
        using var volume = tensor.LogVolume()!;
        Near.Same(parameter.sum() * 2 + 9 * Math.Log(2), volume, 1e-4);
        volume.backward();
        Near.Same(full_like(parameter, 2), parameter.grad!);

        layer.register_parametrization("bias", Parametrizations.Sphere());
        Assert.Null(layer.parametrization("bias").LogVolume());
    }

    [Fact]
    public void Noise_is_there_in_training_only()
    {
        var layer = Linear(3, 3);
        var weight = layer.weight!.detach().clone();
        layer.register_parametrization("weight", Parametrizations.Of(new Noisy()));
        Near.Same(weight + 1, layer.parametrization("weight").Value);
        layer.eval();
        Near.Same(weight, layer.parametrization("weight").Value);
        layer.parametrization("weight").Value = weight * 2;
        Near.Same(weight * 2, layer.parametrization("weight").Value);
    }

    [Fact]
    public void Carried_tensors_are_saved_and_learnt()
    {
        var layer = Linear(3, 3);
        var weight = layer.weight!.detach().clone();
        layer.register_parametrization("weight", Parametrizations.Of(new Averaging()));
        Assert.Contains("parametrizations.weight.0.mean", layer.state_dict().Keys);
        layer.eval();
        Near.Same(weight, layer.parametrization("weight").Value);
        layer.train();
        Near.Same(weight / 2, layer.parametrization("weight").Value);
        layer.eval();
        layer.parametrization("weight").Value = weight;
        Near.Same(weight, layer.parametrization("weight").Value);
    }

    [Fact]
    public void Without_a_right_inverse_the_tensor_becomes_the_parameter_and_nothing_is_assigned()
    {
        var layer = Linear(3, 3);
        var weight = layer.weight!.detach().clone();
        layer.register_parametrization("weight", Parametrizations.Of(new Squared()));
        var tensor = layer.parametrization("weight");
        Near.Same(weight, tensor.state_dict()["original"]);
        Near.Same(weight.square(), tensor.Value);

        var before = Snapshot.Of(layer);
        var refusal = Assert.Throws<ParametrizationException>(() => tensor.Value = weight);
        Assert.Contains("squared has no right inverse", refusal.Message);
        Assert.NotNull(tensor.TryAssign(weight));
        before.AssertUnchanged();

        layer.remove_parametrizations("weight");
        Near.Same(weight.square(), layer.weight!);
    }

    [Fact]
    public void A_skew_of_ones_own_fits_before_the_librarys_maps()
    {
        var value = Parametrizations.Of(new MySkew()).Then(Parametrizations.Cayley());
        Assert.Equal("mySkew >>> cayley", $"{value}");
        var layer = Linear(4, 4).register_parametrization("weight", value);
        using var weight = layer.parametrization("weight").Value;
        Near.Same(eye(4), weight.mT.matmul(weight), 1e-5);
    }

    [Fact]
    public void Chains_whose_spaces_do_not_fit_can_be_made_by_name_and_are_not_assigned()
    {
        Assert.Throws<ParametrizationException>(() =>
            Parametrizations.Orthogonal().Then(Parametrizations.PrunedL1(0.5))
        );
        var value = Parametrizations.Orthogonal().ThenUnchecked(Parametrizations.PrunedL1(0.5));
        var layer = Linear(4, 4).register_parametrization("weight", value);
        var tensor = layer.parametrization("weight");
        Assert.Equal(8, tensor.Value.eq(0).sum().item<long>());
        Assert.Throws<ParametrizationException>(() => tensor.Value = eye(4));
    }

    [Fact]
    public void Rewinding_keeps_the_mask_in_use()
    {
        var layer = Linear(4, 4);
        var dense = layer.weight!.detach().clone();
        layer.register_parametrization("weight", Parametrizations.PrunedL1(0.5));
        var tensor = layer.parametrization("weight");
        var mask = tensor.Value.ne(0).to(ScalarType.Float32);
        var other = randn(4, 4);

        var refusal = Assert.Throws<ParametrizationException>(() => tensor.Value = other);
        Assert.Contains("WhenNotAllowed.Project", refusal.Message);
        tensor.Assign(other, WhenNotAllowed.Project);
        Near.Same(other * mask, tensor.Value);
        layer.load_parametrized_state_dict(
            new Dictionary<string, Tensor> { ["weight"] = dense, ["bias"] = layer.bias!.detach() },
            whenNotAllowed: WhenNotAllowed.Project
        );
        Near.Same(dense * mask, tensor.Value);
    }

    [Theory]
    [InlineData(0.5)]
    [InlineData(2)]
    [InlineData(double.NaN)]
    public void Masks_hold_zeros_and_ones(double entry) =>
        Assert.Throws<ArgumentException>(() => Parametrizations.PrunedBy(tensor([0, 1, entry])));

    [Fact]
    public void Refreshing_finds_the_norm_of_parameters_that_were_written()
    {
        var layer = Linear(6, 5);
        layer.register_parametrization("weight", Parametrizations.SpectralNorm());
        var tensor = layer.parametrization("weight");
        layer.eval();
        using (no_grad())
            tensor.state_dict()["original"].copy_(randn(5, 6) * 3);
        tensor.Refresh();
        Near.Same(ones([]), linalg.svdvals(tensor.Value)[0], 1e-5);
    }

    private sealed class Positive() : CustomNode("positive", "positive entries")
    {
        protected override Tensor Forward(Tensor input) => input.exp();

        protected override Tensor RightInverse(Tensor value) => value.log();
    }

    /// <summary>A file would be read back as the library's value.</summary>
    [Fact]
    public void A_name_of_the_library_is_refused()
    {
        var own = Parametrizations.Of(new Positive());
        var layer = Linear(3, 3);
        foreach (var value in new[] { own, Parametrizations.Symmetric.ThenUnchecked(own) })
        {
            var error = Assert.Throws<ArgumentException>(() => layer.register_parametrization("weight", value));
            Assert.Contains("myPositive", error.Message, StringComparison.Ordinal);
            Assert.Throws<ArgumentException>(() => new ParametrizedTensor(value, ones(3, 3)));
        }
        Assert.False(layer.is_parametrized());
        layer.register_parametrization("weight", Parametrizations.Symmetric);
        Assert.Throws<ArgumentException>(() =>
            layer.register_parametrization("weight", own, WhenNotAllowed.Reinterpret)
        );
    }

    private sealed class SquareOnly() : CustomNode("squareOnly", "all square matrices")
    {
        protected override void RequireShape(long[] shape)
        {
            if (shape is not [.., var rows, var columns] || rows != columns)
                throw new ArgumentException("square matrices");
        }

        protected override Tensor Forward(Tensor input) => input.mT;

        protected override Tensor RightInverse(Tensor value) => value.mT;
    }

    [Fact]
    public void Shapes_are_refused_in_the_words_of_the_node()
    {
        var value = Parametrizations.Of(new SquareOnly());
        var error = Assert.Throws<ParametrizationException>(() => new ParametrizedTensor(value, ones(3, 2)));
        Assert.Contains("squareOnly expects square matrices, but the tensor has shape [3, 2]", error.Message);
        _ = new ParametrizedTensor(value, ones(5, 3, 3));
    }

    [Fact]
    public void Values_compare_by_content()
    {
        Assert.True(Parametrizations.LowRank(3) == Parametrizations.LowRank(3));
        Assert.True(Parametrizations.LowRank(3) != Parametrizations.LowRank(4));
        Assert.True(Priors.Normal(2) == Priors.Normal(2) && Priors.Normal(2) != Priors.Normal(3));
        Parametrization? none = null;
        Assert.True(none == null && Parametrizations.Skew != none && none != Parametrizations.Skew);
    }

    private sealed class Offset() : CustomNode("offset", Spaces.All)
    {
        protected override IReadOnlyList<Carried> Carried =>
            [new("by", form => zeros(form.Shape, dtype: form.Dtype, device: form.Device))];

        protected override Tensor Forward(Tensor input) => throw new InvalidOperationException();

        protected override Tensor RightInverse(Tensor value) => throw new InvalidOperationException();

        protected override Tensor Forward(Tensor input, Tensor[] carried) => input + carried[0];

        protected override Tensor RightInverse(Tensor value, Tensor[] carried) => value - carried[0];
    }

    [Fact]
    public void What_is_carried_stays_when_a_tensor_is_assigned()
    {
        var tensor = new ParametrizedTensor(Parametrizations.Of(new Offset()), randn(3));
        using (no_grad())
            tensor.named_buffers().Single().buffer.fill_(3);
        tensor.Value = ones(3);
        Near.Same(full(3, 3f), tensor.named_buffers().Single().buffer);
        Near.Same(full(3, -2f), tensor.Original.detach());
    }

    private sealed class Multiplied() : CustomNodeOfSeveral("multiplied", Spaces.All, 2)
    {
        public override bool HasRightInverse => false;

        protected override IReadOnlyList<long[]> InputShapes(long[] shape) => [shape, shape];

        protected override Tensor Forward(Tensor[] inputs) => inputs[0] * inputs[1];

        protected override Tensor[] RightInverse(Tensor value) => [value.clone(), full_like(value, 2)];
    }

    /// <summary>The tensor is their parameter, or what they start from, whatever is done with tensors that are not allowed.</summary>
    [Theory]
    [InlineData(WhenNotAllowed.Project)]
    [InlineData(WhenNotAllowed.Refuse)]
    [InlineData(WhenNotAllowed.Sample)]
    [InlineData(WhenNotAllowed.Reinterpret)]
    public void Nodes_without_a_right_inverse_start_from_the_tensor(WhenNotAllowed policy)
    {
        using var start = full(3, -3f);
        var single = new ParametrizedTensor(Parametrizations.Of(new Squared()), start, policy);
        Near.Identical(start, single.Original.detach());
        Near.Same(full(3, 9f), single.Value);
        var several = new ParametrizedTensor(Parametrizations.Of(new Multiplied()), start, policy);
        Near.Identical(start, several.Originals[0].detach());
        Near.Same(full(3, -6f), several.Value);
    }

    /// <summary>It carries a number for its users, with which it does not compute.</summary>
    private sealed class Tagged() : CustomNode("tagged", Spaces.All)
    {
        protected override IReadOnlyList<Carried> Carried =>
            [new("tag", form => full(form.Shape, 7, form.Dtype, form.Device))];

        protected override Tensor Forward(Tensor input) => input * 2;

        protected override Tensor RightInverse(Tensor value) => value / 2;
    }

    private sealed class TaggedSum() : CustomNodeOfSeveral("taggedSum", Spaces.All, 2)
    {
        protected override IReadOnlyList<Carried> Carried =>
            [new("tag", form => full(form.Shape, 7, form.Dtype, form.Device))];

        protected override IReadOnlyList<long[]> InputShapes(long[] shape) => [shape, shape];

        protected override Tensor Forward(Tensor[] inputs) => inputs[0] + inputs[1];

        protected override Tensor[] RightInverse(Tensor value) => [value - 1, ones_like(value)];
    }

    [Fact]
    public void A_node_may_carry_what_its_functions_do_not_take()
    {
        foreach (var value in new[] { Parametrizations.Of(new Tagged()), Parametrizations.Of(new TaggedSum()) })
        {
            var tensor = new ParametrizedTensor(value, full(3, 5f));
            Near.Same(full(3, 5f), tensor.Value);
            Near.Identical(full(3, 7f), tensor.named_buffers().Single().buffer);
            tensor.Value = full(3, 8f);
            Near.Same(full(3, 8f), tensor.Value);
            using (no_grad())
                tensor.Originals[0].add_(1);
            Near.Same(full(3, value.Code == "tagged" ? 10f : 9f), tensor.Value);
            tensor.Assign(full(3, 2f), WhenNotAllowed.Project);
            Near.Same(full(3, 2f), tensor.Value);
        }
    }

    [Fact]
    public void A_native_module_has_no_noise_in_evaluation()
    {
        var lstm = LSTM(4, 4);
        using var x = randn(2, 3, 4);
        var expected = lstm.call(x).Item1.detach();
        lstm.register_parametrization("weight_hh_l0", Parametrizations.Of(new Noisy()));
        using var scope = parametrize.cached(lstm);
        lstm.call(x);
        lstm.eval();
        Near.Same(expected, lstm.call(x).Item1.detach());
    }
}
