using FsCheck;
using FsCheck.Xunit;
using Parametrize.CSharp;
using Properties.CSharp.Shared;
using Properties.CSharp.Support;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Caching;

/// <summary>A value is computed again when its parts were written to, by whomever, and only then.</summary>
[Properties(Arbitrary = [typeof(Assignment)], MaxTest = 100, QuietOnSuccess = true)]
public class CachedValuesFollowTraining
{
    private static optim.Optimizer Optimizer(string name, nn.Module module) =>
        name == nameof(SGD)
            ? optim.SGD(module.parameters(), 0.05, momentum: 0.5)
            : optim.Adam(module.parameters(), 0.05);

    /// <summary>Some steps, in one scope that lasts all along, or in none.</summary>
    private static Dictionary<string, Tensor> Trained(
        nn.Module module,
        Func<Tensor> output,
        string optimizer,
        Func<nn.Module, IDisposable?> scope
    )
    {
        using var trainer = Optimizer(optimizer, module);
        using var _ = scope(module);
        for (var step = 0; step < 4; step++)
        {
            trainer.zero_grad();
            (output() - 1).pow(2).mean().backward();
            trainer.step();
        }
        return module.state_dict();
    }

    private static void AssertTrainsAsWithoutScope(Func<(nn.Module, Func<Tensor>)> make, string optimizer, bool model)
    {
        Dictionary<string, Tensor> In(Func<nn.Module, IDisposable?> scope)
        {
            Seeded.Everywhere(7);
            var (module, output) = make();
            module.to(ScalarType.Float64);
            return Trained(module, output, optimizer, scope);
        }

        var expected = In(_ => null);
        var actual = In(module => model ? parametrize.cached(module) : parametrize.cached());
        Assert.Equal(expected.Keys, actual.Keys);
        Assert.All(expected, entry => Near.Same(entry.Value, actual[entry.Key]));
    }

    [Property]
    public void A_loop_in_one_scope_trains_as_without(Assignment assignment, bool adam, bool model)
    {
        using var _ = NewDisposeScope();
        AssertTrainsAsWithoutScope(
            () =>
            {
                var (layer, x) = (assignment.Layer(), randn(3, assignment.Size, dtype: ScalarType.Float64));
                return (layer, () => layer.call(x));
            },
            adam ? nameof(Adam) : nameof(SGD),
            model
        );
    }

    [Theory]
    [InlineData(nameof(LSTM))]
    [InlineData(nameof(Linear))]
    [InlineData(nameof(Embedding))]
    [InlineData(nameof(Holder))]
    public void So_does_one_of_a_native_module_a_shared_tensor_and_a_tensor_of_ones_own(string kind)
    {
        (nn.Module, Func<Tensor>) Make()
        {
            var x = randn(3, 4, dtype: ScalarType.Float64);
            switch (kind)
            {
                case nameof(LSTM):
                    var lstm = nn.LSTM(4, 4).register_parametrization("weight_hh_l0", Parametrizations.Orthogonal());
                    return (lstm, () => lstm.call(x.view(3, 1, 4)).Item1);
                case nameof(Holder):
                    var holder = new Holder(Parametrizations.Orthogonal(), randn(4, 4));
                    return (holder, () => holder.call(x));
                default:
                    var tied = Tied.Of(Parametrizations.Orthogonal(), kind);
                    var input = kind == nameof(Embedding) ? tensor(new long[] { 0, 3, 2 }) : x;
                    return (tied, () => tied.call(input));
            }
        }

        foreach (var model in new[] { false, true })
        foreach (var optimizer in new[] { nameof(SGD), nameof(Adam) })
            AssertTrainsAsWithoutScope(Make, optimizer, model);
    }

    [Property]
    public void Gradients_go_to_what_is_trained_at_the_time(bool[] trained, bool weightNorm)
    {
        var value = weightNorm ? Parametrizations.WeightNorm() : Parametrizations.Orthogonal();
        var layer = nn.Linear(4, 4).register_parametrization("weight", value);
        var parts = layer.parametrization("weight").parameters().ToList();
        using var scope = parametrize.cached();
        foreach (var (index, isTrained) in trained.Index())
        {
            var part = parts[index % parts.Count];
            part.requires_grad = isTrained;
            layer.zero_grad(set_to_none: true);
            layer.call(ones(1, 4)).sum().backward(retain_graph: true);
            Assert.All(parts, own => Assert.Equal(own.requires_grad, own.grad is not null));
        }
    }

    [Theory]
    [InlineData("weightNorm 0")]
    [InlineData("lora 2L 1.0")]
    [InlineData("dora 2L 1.0")]
    [InlineData("svd 2L [ orthogonal; positive; orthogonal ]")]
    public void Gradients_go_to_the_parameters_that_are_trained_not_to_as_many(string value)
    {
        var layer = nn.Linear(4, 4).register_parametrization("weight", Parametrizations.Parse(value));
        var parts = layer.parametrization("weight").parameters().ToList();
        using var scope = parametrize.cached();
        foreach (var alone in parts)
        {
            foreach (var part in parts)
                part.requires_grad = ReferenceEquals(part, alone);
            layer.zero_grad(set_to_none: true);
            layer.call(ones(1, 4)).sum().backward();
            Assert.All(parts, own => Assert.Equal(own.requires_grad, own.grad is not null));
        }
    }

    [Fact]
    public void Any_number_of_parameters_is_trained_or_frozen_each()
    {
        var value = Parametrizations.BlockDiagonal([.. Enumerable.Repeat(Parametrizations.Symmetric, 70)]);
        var layer = nn.Linear(70, 70).register_parametrization("weight", value);
        var parts = layer.parametrization("weight").parameters().ToList();
        Assert.Equal(70, parts.Count);
        using var scope = parametrize.cached();
        layer.call(ones(1, 70)).sum().backward();
        parts[0].requires_grad = false;
        layer.zero_grad(set_to_none: true);
        layer.call(ones(1, 70)).sum().backward();
        Assert.All(parts, own => Assert.Equal(own.requires_grad, own.grad is not null));
    }

    [Fact]
    public void A_value_first_used_in_inference_mode_can_be_trained()
    {
        var layer = nn.Linear(4, 4).register_parametrization("weight", Parametrizations.Orthogonal());
        using var scope = parametrize.cached();
        using (inference_mode())
            layer.call(ones(1, 4));
        layer.call(ones(1, 4)).sum().backward();
        Assert.NotNull(layer.parametrization("weight").parameters().Single().grad);

        using (inference_mode())
        {
            layer.parametrization("weight").Value = eye(4);
            layer.call(ones(1, 4));
        }
        layer.call(ones(1, 4)).sum().backward();
    }

    [Property]
    public void Whoever_writes_to_the_parts_is_noticed(Assignment assignment, byte way, bool saved, bool inSequential)
    {
        using var _ = NewDisposeScope();
        var (layer, other) = (assignment.Layer(), (assignment with { Seed = assignment.Seed + 1 }).Layer());
        // It registers none of its children and enumerates them itself.
        nn.Module Model(Linear of) => inSequential ? nn.Sequential(nn.Sequential(of)) : of;
        var (model, saves) = (Model(layer), Model(other));
        model.eval();
        saves.eval();
        var tensor = layer.parametrization("weight");
        using var written = new MemoryStream();
        saves.save(written);
        using var stream = new MemoryStream(written.ToArray());
        Tensor cached;
        using (parametrize.cached())
        {
            layer.call(randn(2, assignment.Size, dtype: assignment.Dtype));
            if (saved)
                model.state_dict();
            switch (way % 3)
            {
                case 0:
                    model.load(stream);
                    break;
                case 1:
                    model.load_state_dict(saves.state_dict());
                    break;
                default:
                    using (no_grad())
                        foreach (var (name, part) in tensor.state_dict())
                            part.copy_(part * 0.5);
                    break;
            }
            layer.call(randn(2, assignment.Size, dtype: assignment.Dtype));
            cached = layer.weight.clone();
            Near.Identical(cached, tensor.Value);
        }
        Near.Identical(tensor.Value, cached);
        if (way % 3 != 2)
            Near.Identical(other.parametrization("weight").Value, cached);
    }

    [Property]
    public void It_is_computed_again_after_writes_and_only_then(bool[] events, bool asked)
    {
        var node = new Doubling();
        var layer = nn.Linear(4, 4).register_parametrization("weight", node.Value);
        var original = layer.parametrization("weight").parameters().Single();
        node.Evaluations = 0;
        var (expected, isCurrent) = (1, true);
        using var scope = parametrize.cached();
        using var _ = no_grad();
        foreach (var isUse in events)
        {
            if (asked)
                layer.state_dict();
            if (!isUse)
                original.fill_(expected);
            else
            {
                expected += isCurrent ? 0 : 1;
                using var output = layer.call(eye(4));
                using var value = layer.parametrization("weight").Value;
                Near.Same(original * 2, value);
                Near.Same(value, layer.weight);
            }
            isCurrent = isUse;
        }
        Assert.Equal(expected, node.Evaluations);
    }
}
