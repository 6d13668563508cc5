using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Caching;

/// <summary>What changes a tensor inside a scope, and who reads it.</summary>
public class CachedValuesStayCurrent
{
    private readonly Linear _layer = nn.Linear(4, 4, hasBias: false).orthogonal();

    private Tensor Matrix() => _layer.call(eye(4, dtype: _layer.parametrization("weight").Value.dtype)).mT;

    [Theory]
    [InlineData("spd")]
    [InlineData("invertible")]
    [InlineData("symmetric >>> matrixExponential")]
    [InlineData("identity")]
    public void The_determinant_is_that_of_the_present_value(string code)
    {
        var layer = nn.Linear(4, 4, dtype: ScalarType.Float64);
        layer.register_parametrization("weight", Parametrizations.Parse(code));
        var tensor = layer.parametrization("weight");
        using var scope = parametrize.cached(layer);
        for (var step = 0; step < 3; step++)
        {
            var (_, expected) = linalg.slogdet(tensor.Value);
            Near.Same(expected, tensor.LogAbsDeterminant(), 1e-9);
            Near.Same(expected, tensor.LogAbsDeterminant(), 1e-9);
            using (no_grad())
                tensor.Original.add_(0.5);
        }
    }

    [Fact]
    public void Assigning_drops_the_cached_value()
    {
        using var q = Parametrizations.Orthogonal().Sample([4, 4]);
        using (parametrize.cached())
        {
            Matrix();
            _layer.parametrization("weight").Value = q;
            Near.Same(q, Matrix());
        }
    }

    [Fact]
    public void Changing_between_training_and_evaluation_drops_the_cached_value()
    {
        var node = new Doubling();
        var layer = nn.Linear(4, 4).register_parametrization("weight", node.Value);
        layer.parametrization("weight").eval();
        node.Evaluations = 0;
        using var scope = parametrize.cached();
        foreach (var mode in new[] { false, true, true, false })
        {
            layer.parametrization("weight").train(mode);
            layer.call(randn(2, 4));
        }
        Assert.Equal(3, node.Evaluations);
    }

    [Fact]
    public void Assigning_the_property_drops_the_cached_value()
    {
        using var q = Parametrizations.Orthogonal().Sample([4, 4]);
        using (parametrize.cached())
        {
            Matrix();
            _layer.weight = nn.Parameter(q.clone());
            Near.Same(q, Matrix());
        }
        Near.Same(q, _layer.parametrization("weight").Value);
        Assert.Equal(2, _layer.state_dict().Count);
    }

    [Fact]
    public void Removing_gives_the_module_its_tensor()
    {
        using (parametrize.cached())
        {
            using var value = Matrix();
            _layer.remove_parametrizations("weight");
            Near.Same(value, _layer.weight);
            Near.Same(value, _layer.call(eye(4)).mT);
            Assert.Equal(["weight"], _layer.state_dict().Keys);
        }
        Near.Same(_layer.weight, _layer.call(eye(4)).mT);
    }

    [Fact]
    public void Registering_drops_the_cached_value()
    {
        using (parametrize.cached())
        {
            Matrix();
            _layer.register_parametrization("weight", new Doubling().Value);
            using (no_grad())
                _layer.parametrization("weight").parameters().Single().copy_(randn(4, 4));
            Near.Same(_layer.parametrization("weight").Value, Matrix());
            Near.Orthogonal(Matrix() / 2);
        }
    }

    [Fact]
    public void Moving_drops_the_cached_value_and_shows_nothing()
    {
        using (parametrize.cached())
        {
            using var before = Matrix();
            _layer.to(ScalarType.Float64);
            Assert.Equal(
                ["parametrizations.weight.original", "parametrizations.weight.0.base"],
                _layer.state_dict().Keys
            );
            Near.Same(before.to(ScalarType.Float64), Matrix(), 1e-5);
            Assert.Equal(ScalarType.Float64, _layer.weight.dtype);
        }
    }

    [Fact]
    public void A_first_use_without_gradients_takes_them_from_nobody()
    {
        var x = randn(3, 4);
        using (parametrize.cached())
        {
            using (no_grad())
                Assert.False(_layer.call(x).requires_grad);
            _layer.call(x).sum().backward();
        }
        Assert.NotNull(_layer.parametrization("weight").parameters().Single().grad);
    }

    [Fact]
    public void Gradients_add_up_over_all_uses()
    {
        var x = randn(3, 4);
        var original = _layer.parametrization("weight").parameters().Single();
        (_layer.call(x) + _layer.call(x * 2)).pow(2).sum().backward();
        using var expected = original.grad!.clone();
        original.grad = null;
        using (parametrize.cached())
            (_layer.call(x) + _layer.call(x * 2)).pow(2).sum().backward();
        Near.Same(expected, original.grad!);
    }

    [Fact]
    public void An_inner_dispose_scope_frees_no_cached_value()
    {
        using var outer = NewDisposeScope();
        var state = randn(2, 4);
        using (parametrize.cached())
            for (var step = 0; step < 10; step++)
            {
                using var inner = NewDisposeScope();
                state = _layer.call(state).MoveToOuterDisposeScope();
                using var value = _layer.parametrization("weight").Value;
            }
        state.sum().backward();
        Assert.NotNull(_layer.parametrization("weight").parameters().Single().grad);
    }

    [Fact]
    public async Task A_scope_flows_through_await()
    {
        var node = new Doubling();
        _layer.register_parametrization("weight", node.Value);
        node.Evaluations = 0;
        using (parametrize.cached())
        {
            _layer.call(randn(2, 4));
            await Task.Delay(5);
            _layer.call(randn(2, 4));
            await Task.Run(() => _layer.call(randn(2, 4)));
        }
        Assert.Equal(1, node.Evaluations);
        Near.Placeholder(_layer.weight);
    }

    [Fact]
    public async Task A_scope_that_begins_inside_a_task_stays_there()
    {
        await Task.Run(() =>
        {
            var scope = parametrize.cached();
            _layer.call(randn(2, 4));
            scope.Dispose();
        });
        _layer.call(randn(2, 4));
        Near.Placeholder(_layer.weight);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Threads_in_one_scope_read_what_one_thread_reads(bool gradients)
    {
        using var x = randn(8, 4);
        using var expected = _layer.call(x).detach();
        for (var round = 0; round < 20; round++)
            using (parametrize.cached())
            {
                var distances = new double[8];
                var threads = Enumerable
                    .Range(0, distances.Length)
                    .Select(index => new Thread(() =>
                    {
                        using var mode = set_grad_enabled(gradients && index % 2 == 0);
                        for (var use = 0; use < 10; use++)
                        {
                            using var y = _layer.call(x);
                            using var w = _layer.parametrization("weight").Value;
                            distances[index] += Near.Distance(expected, y) + Near.OrthogonalityDefect(w);
                        }
                    }))
                    .ToArray();
                Array.ForEach(threads, thread => thread.Start());
                Array.ForEach(threads, thread => thread.Join());
                Assert.All(distances, distance => Assert.InRange(distance, 0, 1e-4));
            }
    }
}
