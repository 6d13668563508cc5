using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Properties.CSharp;

/// <summary>Singular vectors follow what is written to parameters in evaluation, and stay as PyTorch's elsewhere.</summary>
public class WrittenVectorsAreRefreshed
{
    private static (nn.Module<Tensor, Tensor> Layer, ParametrizedTensor Weight) Evaluated(
        Parametrization? value = null,
        ScalarType dtype = ScalarType.Float32
    )
    {
        var layer = Linear(6, 5, hasBias: false, dtype: dtype);
        layer.register_parametrization("weight", value ?? Parametrizations.SpectralNorm());
        layer.eval();
        return (layer, layer.parametrization("weight"));
    }

    private static Tensor[] Vectors(ParametrizedTensor weight) =>
        [.. weight.named_buffers().Where(entry => entry.name[^2] == '_').Select(entry => entry.buffer)];

    private static Tensor[] Copies(ParametrizedTensor weight) => [.. Vectors(weight).Select(vector => vector.clone())];

    private static void Write(ParametrizedTensor weight)
    {
        using var _ = no_grad();
        foreach (var parameter in weight.parameters())
            parameter.copy_(randn_like(parameter) * 3);
    }

    private static double Norm(Tensor weight) =>
        linalg
            .svdvals(weight.detach().to(weight.is_complex() ? ScalarType.ComplexFloat64 : ScalarType.Float64))[0]
            .item<double>();

    public static TheoryData<string, ScalarType> Values =>
        new()
        {
            { "spectralNorm", ScalarType.Float32 },
            { "spectralNorm", ScalarType.Float64 },
            { "spectralNorm", ScalarType.BFloat16 },
            { "spectralNorm", ScalarType.ComplexFloat32 },
            { "spectralNormWith { SpectralNorm.defaults with Dimension = 1 }", ScalarType.Float32 },
            { "weightNorm 0 >>> spectralNorm", ScalarType.Float64 },
            { "scale 2.0 >>> spectralNorm", ScalarType.Float64 },
            { "spectralNorm >>> spectralNorm", ScalarType.Float64 },
        };

    [Theory]
    [MemberData(nameof(Values))]
    public void What_is_written_in_evaluation_counts_at_the_next_use(string value, ScalarType dtype)
    {
        var (_, weight) = Evaluated(Parametrizations.Parse(value), dtype);
        var tolerance = dtype == ScalarType.BFloat16 ? 2e-2 : 1e-5;
        for (var write = 0; write < 3; write++)
        {
            Write(weight);
            Assert.Equal(1, Norm(weight.Value), tolerance);
            var vectors = Copies(weight);
            Assert.Equal(1, Norm(weight.Value), tolerance);
            foreach (var (before, after) in vectors.Zip(Vectors(weight)))
                Near.Identical(before, after);
        }
    }

    [Fact]
    public void So_does_an_average_an_initialization_and_a_write_before_the_mode_is_set_again()
    {
        var (layer, weight) = Evaluated();
        var original = weight.get_parameter("original")!;
        using var _ = no_grad();
        original.lerp_(randn_like(original), 0.9);
        layer.eval();
        Near.Same(weight.Value, layer.call(eye(6)).mT, 1e-6);
        Assert.Equal(1, Norm(weight.Value), 1e-5);
        init.kaiming_normal_(original);
        Assert.Equal(1, Norm(layer.call(eye(6)).mT), 1e-5);
    }

    [Fact]
    public void So_does_one_in_a_cached_scope()
    {
        var (layer, weight) = Evaluated();
        using var _ = no_grad();
        using (parametrize.cached(layer))
        {
            for (var write = 0; write < 3; write++)
            {
                Write(weight);
                Assert.Equal(1, Norm(layer.call(eye(6)).mT), 1e-5);
            }
            Write(weight);
        }
        Assert.Equal(1, Norm(weight.Value), 1e-5);
        Write(weight);
        Assert.Equal(0, layer.parametrization_report()[0].Distance);
        Write(weight);
        layer.remove_parametrizations("weight");
        Assert.Equal(1, Norm(layer.state_dict()["weight"]), 1e-5);
    }

    [Fact]
    public void And_one_before_saving()
    {
        var (source, weight) = Evaluated();
        Write(weight);
        var state = source.state_dict().ToDictionary(entry => entry.Key, entry => entry.Value.clone());
        var (target, _) = Evaluated();
        target.load_state_dict(state);
        Near.Same(source.call(eye(6)), target.call(eye(6)));
        Assert.Equal(1, Norm(weight.Value), 1e-5);
    }

    [Fact]
    public void And_one_before_moving()
    {
        var (layer, weight) = Evaluated();
        Write(weight);
        layer.to(ScalarType.Float64);
        Assert.Equal(1, Norm(weight.Value), 1e-6);
    }

    /// <summary>PyTorch goes on with the vectors of the last training pass.</summary>
    [Fact]
    public void A_step_of_training_does_not_count()
    {
        var (layer, weight) = Evaluated();
        layer.train();
        using var sgd = optim.SGD(layer.parameters(), 1);
        layer.call(randn(3, 6)).pow(2).sum().backward();
        sgd.step();
        var vectors = Copies(weight);
        layer.eval();
        var original = weight.get_parameter("original")!.detach();
        var expected = original / vectors[0].dot(original.mv(vectors[1]));
        Near.Same(expected, layer.call(eye(6)).mT, 1e-5);
        foreach (var (before, after) in vectors.Zip(Vectors(weight)))
            Near.Identical(before, after);

        // A later write refreshes the vectors, although the gradients of that step are still there.
        Write(weight);
        Assert.Equal(1, Norm(weight.Value), 1e-5);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Nor_does_a_step_in_evaluation(bool isCached)
    {
        var (layer, weight) = Evaluated();
        var vectors = Copies(weight);
        using var sgd = optim.SGD(layer.parameters(), 0.1);
        using var scope = isCached ? parametrize.cached() : null;
        for (var step = 0; step < 3; step++)
        {
            sgd.zero_grad();
            layer.call(randn(3, 6)).pow(2).sum().backward();
            sgd.step();
            weight.Value.Dispose();
        }
        foreach (var (before, after) in vectors.Zip(Vectors(weight)))
            Near.Identical(before, after);
        sgd.zero_grad();
        Write(weight);
        Assert.Equal(1, Norm(weight.Value), 1e-5);
    }

    [Fact]
    public void A_state_that_is_loaded_keeps_its_vectors()
    {
        var (source, _) = Evaluated();
        source.train();
        using var sgd = optim.SGD(source.parameters(), 1);
        source.call(randn(3, 6)).pow(2).sum().backward();
        sgd.step();
        source.eval();
        var (target, weight) = Evaluated();
        target.load_state_dict(source.state_dict());
        Near.Same(source.call(eye(6)), target.call(eye(6)));
        foreach (var (before, after) in Vectors(source.parametrization("weight")).Zip(Vectors(weight)))
            Near.Identical(before, after);
    }

    [Fact]
    public void NaN_is_shown_and_does_not_stay()
    {
        var (_, weight) = Evaluated();
        using var _2 = no_grad();
        weight.get_parameter("original")!.fill_(double.NaN);
        Assert.True(weight.Value.isnan().all().item<bool>());
        Write(weight);
        Assert.Equal(1, Norm(weight.Value), 1e-5);
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

    [Fact]
    public void What_depends_on_earlier_passes_too_is_not_forgotten()
    {
        var layer = Linear(3, 3);
        layer.register_parametrization("weight", Parametrizations.Of(new Averaging()));
        var weight = layer.parametrization("weight");
        weight.Value.Dispose();
        layer.eval();
        using var mean = weight.state_dict()["0.mean"].clone();
        Write(weight);
        Near.Same(weight.get_parameter("original")!.detach() - mean, weight.Value);
        Near.Identical(mean, weight.state_dict()["0.mean"]);
    }
}
