using Parametrize.CSharp;
using Parametrize.Flows;
using Properties.CSharp.Support;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Flows;

/// <summary>Flows train, move, are cached, pruned and refused as all modules are.</summary>
public class FlowsAreModules
{
    private static Flow Small() =>
        new(
            new ActNorm(2)
                >> new Coupling(new SplineMap(4), Masks.Even(2), Networks.Mlp(8))
                >> new LinearFlow(2)
                >> new Coupling(new AffineMap(), Masks.Odd(2), Networks.Mlp(8)),
            2
        );

    [Fact]
    public void Training_raises_the_density_in_flat_memory()
    {
        Seeded.Everywhere(1);
        using var flow = Small();
        using var optimizer = optim.Adam(flow.parameters(), 1e-2);
        // Two clusters, which a normal density does not fit.
        using var data = randn(256, 2) * 0.3 + randint(0, 2, [256, 1]) * 4;
        double Step()
        {
            using var scope = NewDisposeScope();
            optimizer.zero_grad();
            var loss = -flow.log_prob(data).mean();
            loss.backward();
            optimizer.step();
            return loss.item<float>();
        }
        var first = Step();
        var live = DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount;
        var last = Enumerable.Range(0, 100).Select(_ => Step()).Last();
        Assert.Equal(live, DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount);
        Assert.True(last < first - 0.1, $"From {first} to {last}.");
    }

    [Fact]
    public void A_disposed_layer_leaves_no_tensor()
    {
        long Left(Action make)
        {
            make();
            var live = DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount;
            make();
            return DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount - live;
        }
        // TorchSharp's own modules may leave some.
        Assert.Equal(
            Left(() => Networks.Mlp(8)(2, 4).Dispose()),
            Left(() => new Coupling(new AffineMap(), Masks.Even(4), Networks.Mlp(8)).Dispose())
        );
    }

    [Fact]
    public void The_first_batch_sets_an_act_norm_once()
    {
        using var scope = NewDisposeScope();
        using var layer = new ActNorm(3);
        using var data = randn(500, 3) * 4 + 7;
        layer.eval();
        Near.Same(data, layer.forward(data));
        layer.train();
        Assert.Throws<InvalidOperationException>(() => layer.forward(full_like(data, double.NaN)));
        // One number suffices.
        using var spoilt = data.clone();
        spoilt[3, 1] = double.NaN;
        Assert.Throws<InvalidOperationException>(() => layer.forward(spoilt));
        var latent = layer.forward(data);
        Near.Same(zeros(3), latent.mean([0L]), 1e-4);
        Near.Same(ones(3), latent.std(0, unbiased: false), 1e-4);
        Near.Same(
            latent * 2 + latent.mean(),
            layer.forward(data * 2 - layer.inverse(zeros(1, 3))) + latent.mean(),
            1e-3
        );
    }

    /// <summary>The first data on their way to latent tensors do, whichever direction of the layer that is; samples do not.</summary>
    [Fact]
    public void An_inverted_act_norm_is_set_by_data_too()
    {
        using var scope = NewDisposeScope();
        var data = randn(400, 2) * 4 + 1;
        foreach (
            var layer in new FlowLayer[]
            {
                new ActNorm(2),
                new ActNorm(2).Inverted(),
                new ActNorm(2).Inverted().Inverted(),
                (new ActNorm(2) >> new LinearFlow(2)).Inverted(),
            }
        )
        {
            using var flow = new Flow(layer, 2);
            flow.sample(100);
            flow.rsample_and_log_prob(100);
            flow.inverse(randn(100, 2));
            Assert.All(
                flow.buffers().Where(buffer => buffer.dtype == int64 && buffer.dim() == 0),
                set => Assert.Equal(0, set.item<long>())
            );
            var first = flow.log_prob(data);
            Near.Same(first, flow.log_prob(data), 1e-5);
            Near.Same(zeros(2), flow.forward(data).mean([0L]), 1e-4);
            Near.Same(ones(2), flow.forward(data).std(0, unbiased: false), 1e-4);
        }
    }

    /// <summary>As TorchSharp's own layers do.</summary>
    [Fact]
    public void Layers_outlive_the_scope_in_which_they_were_made()
    {
        Flow flow;
        using (NewDisposeScope())
            flow = new Flow(
                new ActNorm(3)
                    >> new LinearFlow(3)
                    >> new Permutation(2, 0, 1)
                    >> new Elementwise(new SplineMap(), 3)
                    >> new Coupling(new AffineMap(), Masks.Even(3), Networks.Mlp(4))
                    >> new Autoregressive(new AffineMap(), 3, [4])
                    >> new OrthonormalSubmersion(3, 2),
                2 + 1
            );
        using (flow)
        using (NewDisposeScope())
            Assert.True(flow.log_prob(randn(8, 3)).isfinite().all().item<bool>());
    }

    [Fact]
    public void Any_allowed_matrix_can_be_loaded_into_a_linear_layer()
    {
        using var scope = NewDisposeScope();
        Seeded.Everywhere(1);
        foreach (var sign in new[] { 1, -1 })
        {
            var matrix = randn(5, 5);
            if (Math.Sign(matrix.det().item<float>()) != sign)
                matrix = -matrix;
            using var layer = new LinearFlow(5, start: matrix);
            Near.Same(matrix, layer.Weight.Value, 1e-5);
            layer.Weight.Value = matrix * 2;
            Near.Same(matrix * 2, layer.Weight.Value, 1e-5);
            var data = randn(2, 5, 3, 4);
            Near.Same(nn.functional.conv2d(data, matrix.reshape(5, 5, 1, 1) * 2), layer.forward(data), 1e-4);
            // Its state brings the sign along.
            using var other = new LinearFlow(5);
            other.load_state_dict(layer.state_dict());
            Near.Same(layer.forward(data), other.forward(data), 1e-5);
        }
    }

    [Fact]
    public void A_cached_scope_computes_weights_once_for_many_batches()
    {
        using var scope = NewDisposeScope();
        var counting = new Doubling();
        using var layer = new LinearFlow(3, counting.Value);
        using (no_grad())
        using (parametrize.cached())
        {
            layer.forward(randn(4, 3));
            var before = counting.Evaluations;
            for (var batch = 0; batch < 5; batch++)
            {
                layer.forward(randn(4, 3));
                layer.inverse(randn(4, 3));
            }
            Assert.Equal(before, counting.Evaluations);
        }
    }

    [Fact]
    public void A_cached_determinant_is_that_of_the_present_weight()
    {
        using var scope = NewDisposeScope();
        using var layer = new LinearFlow(4);
        var data = randn(2, 4);
        using (parametrize.cached())
        {
            double LogDet() => layer.ForwardWithLogDet(data).LogDet[0].item<float>();
            using (no_grad())
                Assert.Equal(0, LogDet(), 1e-6);
            layer.ForwardWithLogDet(data).LogDet.sum().backward();
            Assert.NotNull(layer.Weight.Original.grad);
            layer.Weight.Value = eye(4) * 2;
            Assert.Equal(4 * Math.Log(2), LogDet(), 1e-5);
            using (no_grad())
                layer.Weight.Original.sub_(eye(4) * Math.Log(2));
            Assert.Equal(0, LogDet(), 1e-5);
        }
    }

    [Fact]
    public void Networks_can_be_parametrized_and_pruned()
    {
        using var scope = NewDisposeScope();
        using var flow = Small();
        using var data = randn(6, 2);
        var linear = flow.modules().OfType<Linear>().ToArray();
        linear[0].spectral_norm();
        prune.l1_unstructured(linear[1], "weight", 0.5);
        var latent = flow.forward(data);
        Near.Same(data, flow.inverse(latent), 1e-4);
        flow.log_prob(data).sum().backward();
        Assert.NotNull(linear[1].parametrization("weight").Original.grad);
    }

    [Fact]
    public void Noise_in_a_weight_is_that_of_its_determinant()
    {
        using var scope = NewDisposeScope();
        using var layer = new LinearFlow(3, Parametrizations.WeightNoise(0.5), hasBias: false);
        var (latent, logDet) = layer.ForwardWithLogDet(eye(3));
        Near.Same(linalg.slogdet(latent).Item2, logDet[0]);
    }

    [Fact]
    public void A_parametrization_that_the_flow_was_given_by_name_is_computed()
    {
        using var scope = NewDisposeScope();
        using var flow = Small();
        flow.register_parametrization("transform.1.network.0.weight", Parametrizations.WeightNorm());
        using var data = randn(6, 2);
        var before = flow.log_prob(data);
        Assert.True(before.isfinite().all().item<bool>());
        flow.log_prob(data).sum().backward();
        Assert.NotNull(flow.parametrization("transform.1.network.0.weight").Originals[1].grad);
    }

    [Fact]
    public void A_context_decides_the_density()
    {
        using var scope = NewDisposeScope();
        Seeded.Everywhere(1);
        using var flow =
            new Coupling(new AffineMap(), Masks.Even(2), Networks.Mlp(8), contextSize: 1) >> new StandardNormal(2);
        using (no_grad())
            foreach (var parameter in flow.parameters())
                parameter.add_(randn_like(parameter));
        var (data, context) = (randn(5, 2), randn(5, 1));
        Near.Different(flow.log_prob(data, context), flow.log_prob(data, context + 1));
        Assert.Equal([7, 2], flow.sample(7, context.narrow(0, 0, 1)).shape);
        Assert.Equal([5, 2], flow.sample(5, context).shape);
        Assert.Throws<ArgumentException>(() => flow.log_prob(data));
        Assert.Throws<ArgumentException>(() => flow.log_prob(data, context.narrow(0, 0, 3)));
        Assert.Throws<ArgumentException>(() => flow.log_prob(data, cat([context, context], 1)));
        Assert.Throws<ArgumentException>(() => flow.sample(7, context));
    }

    /// <summary>Each part gets the context that it reads, and parts that read none get none.</summary>
    [Fact]
    public void A_context_passes_parts_that_read_none()
    {
        using var scope = NewDisposeScope();
        var (data, context) = (randn(3, 2), randn(3, 2));
        Flow Plain(int size) => new(new LinearFlow(size), size);
        Flow[] flows =
        [
            new Autoregressive(new AffineMap(), 2, [4], contextSize: 2) >> Plain(2),
            new Slice(1, Plain(1))
                >> new Autoregressive(new AffineMap(), 1, [4], contextSize: 2)
                >> new StandardNormal(1),
            new LinearFlow(2) >> new ConditionalNormal([2], nn.Linear(2, 4)),
            new Flow(new LinearFlow(2), new Autoregressive(new AffineMap(), 2, [4], contextSize: 2) >> Plain(2)),
        ];
        foreach (var flow in flows)
        {
            Assert.Equal([3], flow.log_prob(data, context).shape);
            Assert.Equal([3, 2], flow.sample(3, context).shape);
            Assert.Equal([3], flow.rsample_and_log_prob(3, context).LogDensity.shape);
            flow.inverse(flow.call(data, context), context);
        }
    }

    [Fact]
    public void Gradients_reach_parameters_through_samples_that_ask_for_them()
    {
        using var scope = NewDisposeScope();
        using var flow = Small();
        Assert.False(flow.sample(3).requires_grad);
        flow.rsample(3).square().sum().backward();
        Assert.Contains(flow.parameters(), parameter => parameter.grad is not null);
    }

    [Fact]
    public void They_print_as_they_are_made()
    {
        using var flow =
            new Coupling(new SplineMap(), Masks.Even(4), Networks.Mlp(8))
            >> new LinearFlow(4, Parametrizations.Skew.Then(Parametrizations.Cayley()))
            >> new Slice(3, new StandardNormal(1))
            >> new StandardNormal(3);
        Assert.Equal(
            "Coupling(SplineMap(8, 4), [1010]) >>> LinearFlow(4, skew >>> cayley) >>> Slice(3, StandardNormal(1)) >>> StandardNormal(3)",
            flow.ToString()
        );
        Assert.Equal(
            "Coupling(AffineMap(5), [10], contextSize = 3)",
            new Coupling(new AffineMap(), Masks.Even(2), Networks.Mlp(8), contextSize: 3).ToString()
        );
        Assert.Equal(
            "Autoregressive(AffineMap(5), 2, contextSize = 3)",
            new Autoregressive(new AffineMap(), 2, [8], contextSize: 3).ToString()
        );
        Assert.Equal("AffineMap(1.5)", Cultures.WithComma(() => new AffineMap(1.5).ToString()));
        Assert.Equal("SplineMap(8, 2.5)", Cultures.WithComma(() => new SplineMap(8, 2.5).ToString()));
        Assert.Equal(new SplineMap(8, 4), new SplineMap());
        Assert.NotEqual<IElementMap>(new SplineMap(8, 4), new AffineMap());
    }

    [Fact]
    public void What_does_not_fit_is_refused_at_once()
    {
        using var scope = NewDisposeScope();
        using var flow = Small();
        Assert.Throws<ArgumentException>(() => flow.log_prob(randn(2)));
        Assert.Throws<ArgumentException>(() => flow.log_prob(randn(5, 3)));
        Assert.Throws<ArgumentException>(() => flow.inverse(randn(5, 3)));
        Assert.Throws<ArgumentNullException>(() => flow.log_prob(null!));
        Assert.Throws<ArgumentException>(() => flow.log_prob(randn(5, 2, dtype: float64)));
        flow.to(float64);
        flow.log_prob(randn(5, 2, dtype: float64));
        Assert.Throws<ArgumentException>(() => flow.log_prob(randn(5, 2)));
        Assert.Throws<ArgumentException>(() => new LinearFlow(3) >> new StandardNormal(2));
        Assert.Throws<ArgumentException>(() => new Flow(new LinearFlow(3) >> new LinearFlow(2), 3));
        Assert.Throws<ArgumentException>(() => new Permutation(0, 0, 1));
        Assert.Throws<ArgumentException>(() => new Squeeze().forward(randn(1, 3, 5, 4)));
        Assert.Throws<ArgumentException>(() => new Constrained(Parametrizations.Orthogonal()));
        Assert.Throws<ArgumentException>(() => new Coupling(new AffineMap(), [true, true], Networks.Mlp(8)));
        Assert.Throws<ArgumentException>(() =>
            new OrthonormalSubmersion(4, 2, Parametrizations.Identity.Then(Parametrizations.Scale(2)))
        );
        Assert.Throws<ArgumentOutOfRangeException>(() => new OrthonormalSubmersion(2, 2));
        Assert.Throws<InvalidOperationException>(() => new Slice(1, new StandardNormal(1)).Inverted());
    }

    [Fact]
    public void A_network_that_looks_ahead_is_no_autoregressive_one()
    {
        using var scope = NewDisposeScope();
        using var looking = nn.Linear(3, 6);
        Assert.Throws<ArgumentException>(() => new Autoregressive(new AffineMap(), 3, looking));
        using var order = new MaskedNetwork(3, 2, [16]);
        using var layer = new Autoregressive(new AffineMap(), 3, order);
        Near.Same(ones(2, 3), layer.forward(ones(2, 3)));
    }

    [Fact]
    public void An_image_flow_of_several_scales_goes_there_and_back()
    {
        using var scope = NewDisposeScope();
        Seeded.Everywhere(1);
        using var flow = new Flow(
            new Squeeze()
                >> new ActNorm(4)
                >> new LinearFlow(4)
                >> new Coupling(new AffineMap(), Masks.FirstHalf(4), Networks.Convolutions(8))
                >> new Slice(2, new ConditionalNormal([2, 4, 4], Networks.Convolutions(8)(2, 4)), isConditional: true)
                >> new Squeeze()
                >> new Coupling(new AffineMap(), Masks.FirstHalf(8), Networks.Convolutions(8)),
            1,
            8,
            8
        );
        var sample = flow.sample(3);
        Assert.Equal([3, 1, 8, 8], sample.shape);
        Assert.Equal([3], flow.log_prob(sample).shape);
        Near.Same(flow.forward(sample), flow.forward(flow.inverse(flow.forward(sample))), 1e-4);
    }

    [Fact]
    public void A_move_to_a_device_keeps_the_element_type_of_samples()
    {
        using var density = new StandardNormal(2);
        density.to(float64);
        density.to(DeviceType.META);
        Assert.Equal((ScalarType.Float64, DeviceType.META), (density.rsample(3).dtype, density.rsample(3).device_type));
    }
}
