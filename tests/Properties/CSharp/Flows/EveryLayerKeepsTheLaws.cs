using FsCheck.Xunit;
using Parametrize.Flows;
using Properties.CSharp.Support;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Flows;

/// <summary>What every layer of a flow promises, on random layers of every kind.</summary>
[Properties(Arbitrary = [typeof(LayerCase)], MaxTest = 120, QuietOnSuccess = true)]
public class EveryLayerKeepsTheLaws
{
    private const int Count = 3;

    public static TheoryData<string> Kinds => [.. LayerCase.Kinds];

    private static long Size(Tensor batch) => batch.numel() / batch.shape[0];

    /// <summary>The derivative of `function` at the i-th datum, a matrix.</summary>
    private static Tensor Jacobian(Func<Tensor, Tensor> function, Tensor at, int index)
    {
        var input = at.narrow(0, index, 1).detach().clone().requires_grad_(true);
        var output = function(input).flatten();
        var rows = Enumerable
            .Range(0, (int)output.numel())
            .Select(entry => autograd.grad([output[entry]], [input], retain_graph: true)[0].flatten());
        return stack([.. rows]);
    }

    [Property]
    public void The_layer_takes_back_what_it_takes_there(LayerCase @case)
    {
        using var scope = NewDisposeScope();
        using var layer = @case.Layer();
        var (latent, context) = (@case.Latents(Count), @case.Context(Count));
        var data = layer.inverse(latent, context);
        Near.Same(latent, layer.forward(data, context), 1e-7);
        if (layer.IsBijection)
            Near.Same(data, layer.inverse(layer.forward(data, context), context), 1e-7);
        Assert.Equal(data.shape[1..], layer.DataShape(latent.shape[1..]));
        Assert.Equal(latent.shape[1..], layer.LatentShape(data.shape[1..]));
    }

    [Property]
    public void Its_log_determinant_is_that_of_its_derivative(LayerCase @case)
    {
        using var scope = NewDisposeScope();
        using var layer = @case.Layer();
        if (!layer.IsBijection)
            return;
        var (latent, context) = (@case.Latents(Count), @case.Context(Count));
        var data = layer.inverse(latent, context);
        var (found, logDet) = layer.ForwardWithLogDet(data, context);
        Assert.Equal([Count], logDet.shape);
        for (var index = 0; index < Count; index++)
        {
            var row = context?.narrow(0, index, 1);
            // Of an injection that of the way back, along the image.
            var expected =
                Size(found) == Size(data)
                    ? linalg.svdvals(Jacobian(x => layer.forward(x, row), data, index)).log().sum()
                    : -linalg.svdvals(Jacobian(z => layer.inverse(z, row), found, index)).log().sum();
            Near.Same(expected, logDet[index], 1e-6);
        }
    }

    [Property]
    public void Gradients_of_the_density_are_finite_and_right(LayerCase @case)
    {
        using var scope = NewDisposeScope();
        using var layer = @case.Layer();
        var (latent, context) = (@case.Latents(Count), @case.Context(Count));
        var data = layer.inverse(latent, context).detach();
        var parameters = layer.parameters().ToArray();
        if (parameters.Length == 0)
            return;
        Tensor Loss()
        {
            var (z, logDet) = layer.ForwardWithLogDet(data, context);
            return logDet.sum() - z.square().sum();
        }
        Loss().backward();
        Assert.All(
            parameters,
            parameter => Assert.True(parameter.grad is not { } gradient || gradient.isfinite().all().item<bool>())
        );
        // Along one random direction, by differences; data on an image would leave it.
        if (@case.Kind == "injection")
            return;
        var directions = parameters.Select(parameter => randn_like(parameter)).ToArray();
        var slope = parameters.Zip(directions, (p, d) => p.grad is { } g ? (g * d).sum().item<double>() : 0).Sum();
        double At(double step)
        {
            using var _ = no_grad();
            foreach (var (parameter, direction) in parameters.Zip(directions))
                parameter.add_(direction * step);
            var loss = Loss().item<double>();
            foreach (var (parameter, direction) in parameters.Zip(directions))
                parameter.sub_(direction * step);
            return loss;
        }
        const double step = 1e-6;
        var (before, here, after) = (At(-step), At(0), At(step));
        // The slope of a spline's density jumps at a knot: where one lies within the step, the gradient is that of one side.
        // Where it is steep, a shorter step is closer.
        var closer = (At(step / 16) - At(-step / 16)) / (step / 8);
        double[] expected = [(after - before) / (2 * step), (here - before) / step, (after - here) / step, closer];
        Assert.True(
            expected.Any(quotient => Math.Abs(quotient - slope) <= 1e-4 * (1 + Math.Abs(quotient))),
            $"By differences {string.Join(" or ", expected)}, by autograd {slope}."
        );
    }

    [Property]
    public void A_batch_is_its_data_one_by_one(LayerCase @case)
    {
        using var scope = NewDisposeScope();
        using var layer = @case.Layer();
        var (latent, context) = (@case.Latents(Count), @case.Context(Count));
        var data = layer.inverse(latent, context);
        var (whole, logDets) = layer.ForwardWithLogDet(data, context);
        for (var index = 0; index < Count; index++)
        {
            var (single, logDet) = layer.ForwardWithLogDet(data.narrow(0, index, 1), context?.narrow(0, index, 1));
            Near.Same(whole.narrow(0, index, 1), single, 1e-9);
            Near.Same(logDets.narrow(0, index, 1), logDet, 1e-9);
        }
    }

    [Property]
    public void Single_precision_agrees_with_double(LayerCase @case)
    {
        using var scope = NewDisposeScope();
        using var layer = @case.Layer();
        var (latent, context) = (@case.Latents(Count), @case.Context(Count));
        var data = layer.inverse(latent, context);
        var (expected, expectedLogDet) = layer.ForwardWithLogDet(data, context);
        layer.to(float32);
        var (found, logDet) = layer.ForwardWithLogDet(data.to(float32), context?.to(float32));
        Assert.Equal((ScalarType.Float32, ScalarType.Float32), (found.dtype, logDet.dtype));
        Near.Same(expected, found, 1e-2);
        Near.Same(expectedLogDet, logDet, 1e-2);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void No_data_are_a_batch(string kind)
    {
        using var scope = NewDisposeScope();
        var @case = new LayerCase(kind, 1);
        using var layer = @case.Layer();
        layer.train();
        var (latent, context) = (@case.Latents(Count), @case.Context(0));
        var shape = layer.inverse(latent, @case.Context(Count)).shape[1..];
        var data = layer.inverse(latent[..0], context);
        Assert.Equal([0, .. shape], data.shape);
        var (found, logDet) = layer.ForwardWithLogDet(data, context);
        Assert.Equal(latent[..0].shape, found.shape);
        Assert.Equal([0L], logDet.shape);
    }

    /// <summary>What is made under another default element type has it, as in PyTorch.</summary>
    [Theory, MemberData(nameof(Kinds))]
    public void The_default_element_type_is_that_of_the_layer(string kind)
    {
        using var scope = NewDisposeScope();
        var @case = new LayerCase(kind, 1);
        set_default_dtype(float64);
        try
        {
            using var layer = @case.Made();
            var context = @case.Context(Count);
            var data = layer.inverse(@case.Latents(Count), context);
            Assert.Equal(float64, data.dtype);
            using var flow = new Flow(layer, new Around(layer.LatentShape(data.shape[1..])));
            Assert.Equal(float64, flow.sample(Count, context).dtype);
            Assert.Equal(float64, flow.log_prob(data, context).dtype);
        }
        finally
        {
            set_default_dtype(float32);
        }
    }

    [Theory, MemberData(nameof(Kinds))]
    public void A_layer_computes_where_it_is(string kind)
    {
        using var scope = NewDisposeScope();
        var @case = new LayerCase(kind, 1);
        using var layer = @case.Layer();
        layer.train();
        var (latent, context) = (@case.Latents(Count).requires_grad_(true), @case.Context(Count));
        using var _ = new NoDefaultDevice();
        var data = layer.inverse(latent, context);
        var (found, logDet) = layer.ForwardWithLogDet(data, context);
        (found.sum() + logDet.sum()).backward();
        Assert.False(latent.grad!.isnan().any().item<bool>());
    }

    /// <summary>A density in the interval of the layer that yields one.</summary>
    private sealed class Around(long[] shape) : IDensity
    {
        public long[] Shape => shape;

        public Tensor log_prob(Tensor data, Tensor? context = null) => data.flatten(1).sum(1) * 0;

        public Tensor rsample(long count, Tensor? context = null) => rand([count, .. shape]);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Its_state_is_all_that_it_is(string kind)
    {
        using var scope = NewDisposeScope();
        using var layer = new LayerCase(kind, 1).Layer();
        using var other = new LayerCase(kind, 1).Layer();
        var (latent, context) = (new LayerCase(kind, 1).Latents(Count), new LayerCase(kind, 1).Context(Count));
        var data = layer.inverse(latent, context);
        using (no_grad())
            foreach (var parameter in layer.parameters())
                parameter.mul_(0.9);
        // What an injection takes to its image has moved with its matrix.
        data = kind is "injection" ? layer.inverse(latent, context) : data;
        using var written = new MemoryStream();
        layer.save(written);
        using var read = new MemoryStream(written.ToArray());
        other.load(read);
        var (expected, found) = (layer.ForwardWithLogDet(data, context), other.ForwardWithLogDet(data, context));
        Near.Identical(expected.Latent, found.Latent);
        Near.Identical(expected.LogDet, found.LogDet);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void It_leaves_no_tensor_behind(string kind)
    {
        var @case = new LayerCase(kind, 2);
        using var layer = @case.Layer();
        using var latent = @case.Latents(Count);
        using var context = @case.Context(Count);
        using var data = layer.inverse(latent, context);
        long Made(Action work)
        {
            var before = DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount;
            work();
            return DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount - before;
        }
        void Use()
        {
            var (z, logDet) = layer.ForwardWithLogDet(data, context);
            z.Dispose();
            logDet.Dispose();
            layer.inverse(latent, context).Dispose();
            layer.forward(data, context).Dispose();
        }
        Use();
        Assert.Equal(0, Made(Use));
    }
}
