using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Caching;

/// <summary>A tensor that a module of one's own holds is computed once in a cached scope, as a bound one is.</summary>
public class TensorsOfOnesOwnAreCachedToo
{
    private readonly Doubling _node = new();
    private readonly ParametrizedTensor _tensor;

    public TensorsOfOnesOwnAreCachedToo()
    {
        _tensor = new ParametrizedTensor(_node.Value, randn(3, 3));
        _node.Evaluations = 0;
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Many_reads_compute_once(bool model)
    {
        using var before = _tensor.Value;
        _node.Evaluations = 0;
        using (model ? parametrize.cached(_tensor) : parametrize.cached())
            for (var use = 0; use < 5; use++)
            {
                using var value = _tensor.Value;
                Near.Same(before, value);
            }
        Assert.Equal(1, _node.Evaluations);
        _tensor.Value.Dispose();
        Assert.Equal(2, _node.Evaluations);
    }

    /// <summary>What is read is the reader's own, in a scope too.</summary>
    [Fact]
    public void A_write_into_what_was_read_changes_no_other_reading()
    {
        using var before = _tensor.Value.detach();
        using var _ = parametrize.cached(_tensor);
        for (var reading = 0; reading < 3; reading++)
        {
            using var value = _tensor.Value.detach();
            Near.Same(before, value);
            value.mul_(2);
        }
    }

    [Fact]
    public void Assigning_and_moving_drop_the_value()
    {
        using var _ = parametrize.cached();
        _tensor.Value.Dispose();
        _tensor.Value = ones(3, 3);
        using var assigned = _tensor.Value;
        Near.Same(ones(3, 3), assigned);
        _tensor.to(ScalarType.Float64);
        using var moved = _tensor.Value;
        Assert.Equal(ScalarType.Float64, moved.dtype);
    }

    [Fact]
    public void Gradients_flow_after_a_first_use_without_them()
    {
        using var scope = parametrize.cached();
        using (no_grad())
            _tensor.Value.Dispose();
        _tensor.Value.sum().backward();
        Assert.NotNull(_tensor.parameters().Single().grad);
        Assert.Equal(1, _node.Evaluations);
    }

    [Fact]
    public void A_readers_dispose_scope_does_not_reach_the_held_value()
    {
        using var scope = parametrize.cached();
        for (var use = 0; use < 3; use++)
        {
            using var inner = NewDisposeScope();
            Assert.Equal(9, _tensor.Value.numel());
        }
        Assert.Equal(1, _node.Evaluations);
    }
}
