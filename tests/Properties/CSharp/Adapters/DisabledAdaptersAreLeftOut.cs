using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Adapters;

/// <summary>While `disable_adapter` is open, a model computes with its frozen weights; then it goes on as if nothing had been.</summary>
public class DisabledAdaptersAreLeftOut
{
    public static TheoryData<string> Adapters =>
        ["lora 2L 4.0", "rsLora 2L 4.0", "dora 2L 4.0", "oft 3L", "lora 2L 4.0 >>> scale 0.5"];

    [Theory]
    [MemberData(nameof(Adapters))]
    public void The_weight_is_the_frozen_one(string code)
    {
        using var scope = NewDisposeScope();
        var value = Parametrizations.Parse(code);
        var layer = nn.Linear(6, 6).register_parametrization("weight", value);
        layer.eval();
        var input = randn(3, 6);
        var before = layer.call(input).detach();
        Train(layer);
        var after = layer.call(input).detach();
        Assert.False(after.allclose(before, 1e-3, 1e-3));

        using (peft.disable_adapter(layer))
        using (peft.disable_adapter(layer))
            Assert.True(layer.call(input).allclose(before, 1e-5, 1e-6));
        Assert.True(layer.call(input).Equals(after));
    }

    [Fact]
    public void Whatever_is_computed_from_the_tensor_is_that_of_the_frozen_weight()
    {
        using var scope = NewDisposeScope();
        var layer = nn.Linear(3, 3).register_parametrization("weight", Parametrizations.Lora(1, 1));
        var tensor = layer.parametrization("weight");
        Train(layer);
        using (peft.disable_adapter(layer))
        {
            var value = tensor.Value;
            Assert.True(IsNear(tensor.ValueAfter(0), value));
            Assert.True(IsNear(tensor.LogAbsDeterminant(), linalg.slogdet(value).Item2));
            Assert.True(IsNear(value.mm(tensor.Solve(eye(3))), eye(3)));
            Assert.True(IsNear(tensor.LogPrior(Priors.Normal()), Priors.Normal().LogDensity(value).sum()));
            using (parametrize.cached(layer))
                Assert.True(IsNear(tensor.LogAbsDeterminant(), linalg.slogdet(value).Item2));
            var refusal = Assert.Throws<InvalidOperationException>(() =>
                layer.register_parametrization("weight", Parametrizations.Scale(2))
            );
            Assert.Contains("disabled", refusal.Message);
        }
        Assert.True(IsNear(tensor.LogAbsDeterminant(), linalg.slogdet(tensor.Value).Item2));
    }

    /// <summary>Its singular vectors are those of the adapted weight.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_norm_behind_an_adapter_is_that_of_the_frozen_weight(bool isTraining)
    {
        using var scope = NewDisposeScope();
        var value = Parametrizations.Lora(1, 1).Then(Parametrizations.SpectralNorm());
        var layer = nn.Linear(4, 4).register_parametrization("weight", value);
        Train(layer);
        for (var pass = 0; pass < 30; pass++)
            layer.call(ones(1, 4));
        layer.train(isTraining);
        using (peft.disable_adapter(layer))
            Assert.Equal(1, linalg.matrix_norm(layer.parametrization("weight").Value, 2).item<float>(), 1e-4);
        layer.eval();
        Assert.Equal(1, linalg.matrix_norm(layer.parametrization("weight").Value, 2).item<float>(), 1e-2);
    }

    [Fact]
    public void Cached_scopes_compute_again()
    {
        using var scope = NewDisposeScope();
        var (model, input) = (Adapted(), SmallNet.Tokens());
        var (plain, adapted) = (Plain(model, input), model.call(input).detach());
        using (parametrize.cached(model))
        {
            Assert.True(IsNear(model.call(input), adapted));
            using (peft.disable_adapter(model))
            {
                Assert.True(IsNear(model.call(input), plain));
            }
            Assert.True(IsNear(model.call(input), adapted));
        }
    }

    /// <summary>As in preference optimization: a step reads the model with and without adapters before it goes backward.</summary>
    [Fact]
    public void Training_goes_on_between()
    {
        using var scope = NewDisposeScope();
        var (model, input) = (Adapted(), SmallNet.Tokens());
        var plain = Plain(model, input);
        var twin = Copy(model);
        var (optimizer, twins) = (Optimizer(model), Optimizer(twin));
        var losses = new List<float>();
        for (var step = 0; step < 5; step++)
        {
            optimizer.zero_grad();
            var output = model.call(input);
            using (peft.disable_adapter(model))
            {
                var loss = (output - model.call(input)).square().mean();
                loss.backward();
                losses.Add(loss.item<float>());
            }
            optimizer.step();

            twins.zero_grad();
            (twin.call(input) - plain).square().mean().backward();
            twins.step();
        }
        Assert.True(IsNear(model.call(input), twin.call(input)));
        Assert.True(losses[^1] < losses[0]);
    }

    [Fact]
    public void Other_threads_see_all_adapters_or_none()
    {
        using var scope = NewDisposeScope();
        var (model, input) = (Adapted(), SmallNet.Tokens());
        var (plain, adapted) = (Plain(model, input), model.call(input).detach());
        var (isOver, passes, wrong) = (false, 0, 0);
        var reader = new Thread(() =>
        {
            using var _ = no_grad();
            while (!Volatile.Read(ref isOver))
            {
                using var output = model.call(input);
                if (!IsNear(output, plain) && !IsNear(output, adapted))
                    Interlocked.Increment(ref wrong);
                Interlocked.Increment(ref passes);
            }
        });
        reader.Start();
        for (var round = 0; round < 100 || Volatile.Read(ref passes) < 20; round++)
            using (peft.disable_adapter(model))
                Thread.Yield();
        Volatile.Write(ref isOver, true);
        reader.Join();
        Assert.Equal(0, wrong);
    }

    [Fact]
    public void Enabling_twice_counts_once()
    {
        using var scope = NewDisposeScope();
        var (model, input) = (Adapted(), SmallNet.Tokens());
        var (plain, adapted) = (Plain(model, input), model.call(input).detach());
        var disabled = peft.disable_adapter(model);
        disabled.Dispose();
        disabled.Dispose();
        Assert.True(IsNear(model.call(input), adapted));
        using (peft.disable_adapter(model))
            Assert.True(IsNear(model.call(input), plain));
    }

    [Fact]
    public void In_a_scope_the_field_has_the_weight_at_once()
    {
        using var scope = NewDisposeScope();
        var layer = nn.Linear(3, 3);
        var frozen = layer.weight!.detach().clone();
        layer.register_parametrization("weight", Parametrizations.Lora(1, 1));
        Train(layer);
        using var cached = parametrize.cached(layer);
        var adapted = layer.weight!.detach().clone();
        using (peft.disable_adapter(layer))
            Assert.True(IsNear(layer.weight!, frozen));
        Assert.True(IsNear(layer.weight!, adapted));
        Assert.False(IsNear(adapted, frozen));
    }

    [Fact]
    public void What_was_assigned_before_is_the_frozen_weight()
    {
        using var scope = NewDisposeScope();
        var layer = nn.Linear(3, 3).register_parametrization("weight", Parametrizations.Lora(1, 1));
        Train(layer);
        layer.weight = nn.Parameter(full([3, 3], 5.0f));
        using (peft.disable_adapter(layer))
            Assert.True(IsNear(layer.parametrization("weight").Value, full([3, 3], 5.0f)));
        Assert.True(IsNear(layer.parametrization("weight").Value, full([3, 3], 5.0f)));
    }

    [Fact]
    public void No_tensor_is_left()
    {
        var model = nn.Sequential(("query", nn.Linear(4, 4)), ("value", nn.Linear(4, 4)));
        model.get_peft_model(new LoraConfig { Rank = 2, TargetModules = ["query", "value"] });
        using var input = randn(2, 4);
        Round();
        var before = Tensor.TotalCount;
        for (var round = 0; round < 20; round++)
            Round();
        Assert.InRange(Tensor.TotalCount, 0, before);

        void Round()
        {
            using var _ = no_grad();
            using (peft.disable_adapter(model))
            using (model.call(input)) { }
        }
    }

    [Fact]
    public void There_has_to_be_an_adapter()
    {
        using var plain = new SmallNet();
        var none = Assert.Throws<InvalidOperationException>(() => peft.disable_adapter(plain));
        Assert.Equal("SmallNet has no adapter.", none.Message);
        using var model = Adapted();
        using var merged = peft.merge_adapter(model);
        Assert.Contains(
            "are merged",
            Assert.Throws<InvalidOperationException>(() => peft.disable_adapter(model)).Message
        );
    }

    [Fact]
    public void Adapters_may_be_taken_off_while_they_are_disabled()
    {
        using var scope = NewDisposeScope();
        var (model, input) = (Adapted(), SmallNet.Tokens());
        var plain = Plain(model, input);
        using (peft.disable_adapter(model))
            peft.unload(model);
        Assert.True(IsNear(model.call(input), plain));
    }

    /// <summary>A model with trained adapters.</summary>
    private static SmallNet Adapted()
    {
        var model = new SmallNet();
        model.get_peft_model(new LoraConfig { Rank = 2, TargetModules = ["words", "mix", "query", "value"] });
        using var _ = no_grad();
        foreach (var parameter in model.parameters().Where(parameter => parameter.requires_grad))
            using (var change = randn_like(parameter))
                parameter.add_(change, 0.1.ToScalar());
        return model;
    }

    /// <summary>Products of other memory may be rounded otherwise.</summary>
    private static bool IsNear(Tensor output, Tensor expected) => output.allclose(expected, 1e-4, 1e-6);

    private static Tensor Plain(SmallNet model, Tensor input)
    {
        using (peft.disable_adapter(model))
            return model.call(input).detach();
    }

    private static SmallNet Copy(SmallNet model)
    {
        var twin = new SmallNet();
        parametrize.copy_parametrizations(model, twin);
        twin.load_state_dict(model.state_dict());
        foreach (var (own, other) in twin.parameters().Zip(model.parameters()))
            own.requires_grad = other.requires_grad;
        return twin;
    }

    private static optim.Optimizer Optimizer(SmallNet model) =>
        optim.SGD(model.parameters().Where(parameter => parameter.requires_grad), 0.01);

    private static void Train(nn.Module layer)
    {
        using var _ = no_grad();
        foreach (var (name, parameter) in layer.named_parameters())
            if (parameter.requires_grad && name != "bias")
                parameter.add_(randn_like(parameter));
    }

    [Fact]
    public void An_assignment_that_is_refused_keeps_adapters_from_being_disabled()
    {
        var model = nn.Sequential(("query", nn.Linear(4, 4)));
        model.get_peft_model(new LoraConfig { Rank = 2, TargetModules = ["query"] });
        using (no_grad())
            model.parametrization("query.weight").Originals[^1].fill_(1);
        using var adapted = model.parametrization("query.weight").Value;
        ((Linear)model[0]).weight = nn.Parameter(full([4, 4], double.NaN));
        Assert.Throws<ParametrizationException>(() => peft.disable_adapter(model));
        Near.Same(adapted, model.parametrization("query.weight").Value);
    }
}
