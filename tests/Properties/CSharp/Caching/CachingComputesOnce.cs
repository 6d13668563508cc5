using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Caching;

/// <summary>In a cached scope each parametrized tensor is computed once, and is readable in its field.</summary>
public class CachingComputesOnce
{
    private readonly Doubling _node = new();
    private readonly Linear _layer = nn.Linear(4, 4);

    public CachingComputesOnce()
    {
        _layer.register_parametrization("weight", _node.Value);
        _node.Evaluations = 0;
    }

    [Fact]
    public void Models_whose_tensors_were_disposed_are_left_out()
    {
        using (NewDisposeScope())
            new ParameterField().register_parametrization("weight", Parametrizations.Orthogonal());
        var layers = new[] { nn.Linear(4, 4), nn.Linear(4, 4) };
        foreach (var layer in layers)
            layer.register_parametrization("weight", Parametrizations.Orthogonal());
        using (parametrize.cached())
            foreach (var layer in layers)
                layer.call(ones(2, 4));
        Near.Placeholder(layers[0].weight);
    }

    [Fact]
    public void Without_a_scope_every_use_computes()
    {
        for (var use = 0; use < 5; use++)
            _layer.call(randn(2, 4));
        Assert.Equal(5, _node.Evaluations);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Many_uses_compute_once(bool model)
    {
        var x = randn(2, 4);
        var expected = _layer.call(x);
        _node.Evaluations = 0;
        using (model ? parametrize.cached(_layer) : parametrize.cached())
        {
            for (var use = 0; use < 5; use++)
                Near.Same(expected, _layer.call(x));
            using var value = _layer.parametrization("weight").Value;
            Near.Same(value, _layer.weight);
        }
        Assert.Equal(1, _node.Evaluations);
        _layer.call(x);
        Assert.Equal(2, _node.Evaluations);
    }

    [Fact]
    public void The_field_is_readable_at_once()
    {
        Near.Placeholder(_layer.weight);
        using var expected = _layer.parametrization("weight").Value;
        using (parametrize.cached(_layer))
            Near.Same(expected, _layer.weight);
        Near.Placeholder(_layer.weight);
        using (parametrize.cached())
        {
            Near.Same(expected, _layer.weight);
            Near.Same(_layer.forward(ones(1, 4)), _layer.call(ones(1, 4)));
        }
        Near.Placeholder(_layer.weight);
    }

    [Fact]
    public void A_scope_for_everything_leaves_to_their_first_use_what_computing_changes_and_what_fails()
    {
        var norm = nn.Linear(4, 4).spectral_norm();
        using var before = norm.parametrization("weight").named_buffers().First().buffer.clone();
        _node.FailIn = "Forward";
        using (parametrize.cached())
        {
            Near.Identical(before, norm.parametrization("weight").named_buffers().First().buffer);
            Near.Placeholder(norm.weight);
            norm.call(ones(1, 4)).Dispose();
            Assert.False(norm.weight.isnan().any().item<bool>());
            Assert.Throws<ApplicationException>(() => _layer.call(ones(1, 4)));
        }
        norm.eval();
        using (parametrize.cached())
            Assert.False(norm.weight.isnan().any().item<bool>());
    }

    [Fact]
    public async Task A_scope_for_everything_computes_what_its_own_flow_has_registered()
    {
        Doubling other = new();
        Linear? elsewhere = null;
        var thread = new Thread(() => elsewhere = nn.Linear(4, 4).register_parametrization("weight", other.Value));
        using (ExecutionContext.SuppressFlow())
            thread.Start();
        thread.Join();
        (other.Evaluations, _node.Evaluations) = (0, 0);
        using (parametrize.cached())
        {
            await Task.Run(() => Assert.False(_layer.weight.isnan().any().item<bool>()));
            Near.Placeholder(elsewhere!.weight);
        }
        Assert.Equal((0, 1), (other.Evaluations, _node.Evaluations));
    }

    [Fact]
    public void Reading_the_value_is_a_use()
    {
        using (parametrize.cached())
        {
            using var first = _layer.parametrization("weight").Value;
            using var second = _layer.parametrization("weight").Value;
            Near.Same(first, second);
        }
        Assert.Equal(1, _node.Evaluations);
    }

    [Fact]
    public void Nested_scopes_compute_once()
    {
        using (parametrize.cached())
        {
            using (parametrize.cached())
                _layer.call(randn(2, 4));
            using (parametrize.cached(_layer))
                _layer.call(randn(2, 4));
            Assert.Equal(1, _node.Evaluations);
            Assert.Equal([4, 4], _layer.weight.shape);
            _layer.call(randn(2, 4));
        }
        Assert.Equal(1, _node.Evaluations);
        Near.Placeholder(_layer.weight);
    }

    [Fact]
    public void What_an_inner_scope_has_computed_is_the_outer_ones()
    {
        var layer = nn.Linear(4, 4).register_parametrization("weight", Parametrizations.WeightNoise(0.5));
        using var outer = parametrize.cached();
        Tensor within;
        using (parametrize.cached())
            within = layer.parametrization("weight").Value.clone();
        Near.Same(within, layer.parametrization("weight").Value);
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, false)]
    [InlineData(true, true)]
    public void The_value_is_kept_until_the_last_scope_ends_in_any_order(bool isOfModel, bool isUsed)
    {
        var outer = isOfModel ? parametrize.cached(_layer) : parametrize.cached();
        if (isUsed)
            _layer.call(randn(2, 4));
        var inner = parametrize.cached();
        outer.Dispose();
        Assert.Equal([4, 4], _layer.weight.shape);
        _layer.call(randn(2, 4));
        Assert.Equal(1, _node.Evaluations);
        inner.Dispose();
        Near.Placeholder(_layer.weight);
    }

    [Fact]
    public void An_outer_scope_that_begins_to_use_after_an_inner_one_computes_again()
    {
        using (parametrize.cached())
        {
            using (parametrize.cached(nn.Linear(2, 2))) { }
            _layer.call(randn(2, 4));
            _layer.call(randn(2, 4));
        }
        Assert.Equal(1, _node.Evaluations);
    }

    [Fact]
    public void A_scope_for_one_model_leaves_the_others()
    {
        var node = new Doubling("other");
        var other = nn.Linear(4, 4).register_parametrization("weight", node.Value);
        node.Evaluations = 0;
        using (parametrize.cached(_layer))
            for (var use = 0; use < 3; use++)
            {
                _layer.call(randn(2, 4));
                other.call(randn(2, 4));
            }
        Assert.Equal(1, _node.Evaluations);
        Assert.Equal(3, node.Evaluations);
    }

    [Fact]
    public void A_scope_reaches_into_a_model()
    {
        var model = nn.Sequential(_layer, nn.ReLU(), nn.Linear(4, 4).orthogonal());
        using (parametrize.cached(model))
        {
            model.call(randn(2, 4));
            Assert.Equal([4, 4], ((Linear)model[2]).weight.shape);
        }
        Assert.Equal(1, _node.Evaluations);
    }

    [Fact]
    public void An_exception_inside_ends_the_scope()
    {
        void Use()
        {
            using var _ = parametrize.cached();
            _layer.call(randn(2, 4));
            throw new ApplicationException();
        }

        Assert.Throws<ApplicationException>(Use);
        Near.Placeholder(_layer.weight);
        _layer.call(randn(2, 4));
        _layer.call(randn(2, 4));
        Assert.Equal(3, _node.Evaluations);
    }

    [Fact]
    public void A_map_that_fails_lets_no_scope_begin()
    {
        _node.FailIn = "Forward";
        Assert.Throws<ApplicationException>(() => parametrize.cached(_layer));
        _node.FailIn = null;
        _node.Evaluations = 0;
        _layer.call(randn(2, 4));
        _layer.call(randn(2, 4));
        Assert.Equal(2, _node.Evaluations);
    }

    [Fact]
    public void A_scope_that_is_disposed_twice_or_out_of_order_ends_once()
    {
        var outer = parametrize.cached();
        var inner = parametrize.cached();
        outer.Dispose();
        inner.Dispose();
        inner.Dispose();
        var before = _node.Evaluations;
        _layer.call(randn(2, 4));
        _layer.call(randn(2, 4));
        Assert.Equal(before + 2, _node.Evaluations);
    }

    [Fact]
    public void A_scope_may_outlive_the_module_and_the_parametrization()
    {
        using (parametrize.cached())
        {
            using (var brief = nn.Linear(4, 4).orthogonal())
                brief.call(randn(2, 4));
            using (var norm = nn.LayerNorm([4]).register_parametrization("weight", Parametrizations.Positive))
                norm.call(randn(2, 4));
            var removed = nn.Linear(4, 4).orthogonal();
            removed.call(randn(2, 4));
            removed.remove_parametrizations("weight");
        }
    }

    [Fact]
    public void Learnt_buffers_advance_once_a_scope()
    {
        var layer = nn.Linear(4, 4).spectral_norm();
        layer.state_dict()["parametrizations.weight.original"].detach().normal_();
        using (parametrize.cached())
        {
            var first = layer.call(eye(4));
            Near.Identical(first, layer.call(eye(4)));
        }
    }
}
