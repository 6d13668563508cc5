using System.Runtime.InteropServices;
using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp;

/// <summary>
/// A field of a parametrized tensor holds a placeholder, or the value. What a user does to it is honoured, or refused at once
/// or at the next use: never ignored, and never the end of the process.
/// </summary>
public class WritesIntoWhatStandsForATensor
{
    private static readonly Dictionary<
        string,
        (Func<nn.Module> Make, string Name, Func<nn.Module, Tensor> Field, Func<nn.Module, Tensor> Call)
    > Kinds = new()
    {
        ["Linear.weight"] = Of(() => nn.Linear(4, 3), "weight", layer => layer.weight, [2, 4]),
        ["Linear.bias"] = Of(() => nn.Linear(4, 3), "bias", layer => layer.bias!, [2, 4]),
        ["Conv2d.weight"] = Of(() => nn.Conv2d(2, 3, 3), "weight", layer => layer.weight, [1, 2, 5, 5]),
        ["LayerNorm.weight"] = Of(() => nn.LayerNorm([4]), "weight", layer => layer.weight!, [2, 4]),
        ["BatchNorm1d.bias"] = Of(() => nn.BatchNorm1d(4), "bias", layer => layer.bias!, [2, 4]),
        ["PReLU.weight"] = Of(() => nn.PReLU(4), "weight", layer => layer.weight!, [2, 4]),
        ["Embedding.weight"] = (
            () => nn.Embedding(4, 3),
            "weight",
            module => ((Embedding)module).weight!,
            module => ((Embedding)module).call(tensor([0L, 3L]))
        ),
    };

    private static readonly Dictionary<string, Action<Tensor>> Writes = new()
    {
        ["constant_"] = tensor => nn.init.constant_(tensor, 0.5),
        ["zeros_"] = tensor => nn.init.zeros_(tensor),
        ["fill_"] = tensor => tensor.fill_(1),
        ["zero_"] = tensor => tensor.zero_(),
        ["uniform_"] = tensor => nn.init.uniform_(tensor),
        ["normal_"] = tensor => tensor.normal_(),
        ["mul_"] = tensor => tensor.mul_(2),
        ["copy_"] = tensor =>
        {
            using var other = ones_like(tensor);
            tensor.copy_(other);
        },
    };

    public static TheoryData<string, string, bool> Cases
    {
        get
        {
            var cases = new TheoryData<string, string, bool>();
            foreach (var kind in Kinds.Keys)
            foreach (var write in Writes.Keys)
            {
                cases.Add(kind, write, false);
                cases.Add(kind, write, true);
            }
            return cases;
        }
    }

    public static TheoryData<string> KindNames => [.. Kinds.Keys];

    /// <summary>Whether a reader finds it, or a pass.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Reading_a_determinant_tells_of_a_write_as_reading_the_value_does(bool isDeterminant)
    {
        var layer = nn.Linear(4, 4).register_parametrization("weight", Parametrizations.Invertible);
        var tensor = layer.parametrization("weight");
        nn.init.constant_(layer.weight!, 1);
        var refusal = Assert.Throws<InvalidOperationException>(() =>
            isDeterminant ? tensor.LogAbsDeterminant() : tensor.Value
        );
        Assert.Contains("was written to in place", refusal.Message);
        using var value = isDeterminant ? tensor.LogAbsDeterminant() : tensor.Value;
    }

    /// <summary>The scope drops the value, and with it what was written there.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_write_in_a_scope_is_told_after_it(bool isCalled)
    {
        var layer = nn.Linear(4, 4).register_parametrization("weight", Parametrizations.Symmetric);
        var tensor = layer.parametrization("weight");
        using var expected = tensor.Value.detach();
        using (parametrize.cached(layer))
        using (no_grad())
        {
            layer.call(ones(1, 4)).Dispose();
            layer.weight!.fill_(1);
        }
        var refusal = Assert.Throws<InvalidOperationException>(() => isCalled ? layer.call(ones(1, 4)) : tensor.Value);
        Assert.Contains("was written to in place", refusal.Message);
        Near.Same(expected, tensor.Value);
    }

    [Theory]
    [MemberData(nameof(KindNames))]
    public void A_tensor_computed_from_the_placeholder_is_refused(string kind)
    {
        var (make, name, field, _) = Kinds[kind];
        var module = make().register_parametrization(name, Parametrizations.Scale(2));
        using var expected = module.parametrization(name).Value.detach();
        var property = module.GetType().GetProperty(name)!;

        property.SetValue(module, nn.Parameter(field(module).detach() * 0.1));
        var refusal = Assert.Throws<InvalidOperationException>(() => module.parametrization(name).Value);
        Assert.Contains("computed from the placeholder", refusal.Message);
        Near.Same(expected, module.parametrization(name).Value);

        using var scope = parametrize.cached(module);
        property.SetValue(module, nn.Parameter(field(module).detach() * 0.1));
        Near.Same(expected * 0.1, module.parametrization(name).Value);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_write_in_place_is_refused_and_undone(string kind, string write, bool isInScope)
    {
        var (make, name, field, call) = Kinds[kind];
        var module = make().register_parametrization(name, Parametrizations.Scale(2));
        using var all = NewDisposeScope();
        var expected = call(module);
        var value = module.parametrization(name).Value;
        using var scope = isInScope ? parametrize.cached(module) : null;

        Exception? refusal;
        using (no_grad())
            refusal = Record.Exception(() => Writes[write](field(module)));
        if (refusal is null)
        {
            Assert.NotEmpty(module.parameters());
            refusal = Assert.Throws<InvalidOperationException>(() => call(module));
            Assert.Contains(kind, refusal.Message);
        }
        else
            Assert.IsType<ExternalException>(refusal);

        Near.Same(value, module.parametrization(name).Value);
        Near.Same(expected, call(module));
    }

    [Fact]
    public void Reading_the_value_refuses_as_well_and_so_does_a_scope()
    {
        var layer = nn.Linear(4, 4).orthogonal();
        Action[] uses =
        [
            () => layer.parametrization("weight").Value.Dispose(),
            () => parametrize.cached(layer).Dispose(),
        ];
        foreach (var use in uses)
        {
            layer.apply(module =>
            {
                if (module is Linear linear)
                    nn.init.ones_(linear.weight);
            });
            Assert.Contains("Linear.weight", Assert.Throws<InvalidOperationException>(use).Message);
            use();
        }
    }

    [Theory]
    [MemberData(nameof(KindNames))]
    public void Freezing_and_unfreezing_the_field_does_so_with_the_parameters(string kind)
    {
        var (make, name, field, call) = Kinds[kind];
        var module = make().register_parametrization(name, Parametrizations.WeightNorm());
        var tensor = module.parametrization(name);
        foreach (var isTrained in new[] { false, true, false })
        {
            using var _ = NewDisposeScope();
            field(module).requires_grad = isTrained;
            call(module);
            Assert.All(tensor.parameters(), parameter => Assert.Equal(isTrained, parameter.requires_grad));
            Assert.Equal(isTrained, tensor.Value.requires_grad);
            Assert.Equal(isTrained, field(module).requires_grad);
        }
    }

    [Fact]
    public void A_frozen_layer_does_not_train_on()
    {
        var layer = nn.Linear(4, 4).orthogonal();
        using var optimizer = optim.SGD(layer.parameters(), 0.1);
        using var before = layer.parametrization("weight").Value.detach();
        layer.weight.requires_grad = false;
        for (var step = 0; step < 3; step++)
        {
            using var _ = NewDisposeScope();
            optimizer.zero_grad();
            layer.call(ones(2, 4)).sum().backward();
            optimizer.step();
        }
        Near.Same(before, layer.parametrization("weight").Value.detach());
    }

    [Fact]
    public void What_was_frozen_through_the_field_is_unfrozen_through_its_parameter()
    {
        var layer = nn.Linear(4, 3).register_parametrization("weight", Parametrizations.Scale(2));
        var original = layer.parametrization("weight").Originals[0];
        foreach (var wanted in new[] { false, true, false })
        {
            layer.weight.requires_grad = wanted;
            layer.call(ones(1, 4)).Dispose();
            Assert.Equal(wanted, original.requires_grad);
            original.requires_grad = !wanted;
            layer.call(ones(1, 4)).Dispose();
            layer.call(ones(1, 4)).Dispose();
            Assert.Equal(!wanted, original.requires_grad);
            original.requires_grad = wanted;
            layer.call(ones(1, 4)).Dispose();
            Assert.Equal(wanted, layer.weight.requires_grad);
        }
    }

    [Fact]
    public void Freezing_one_that_is_shared_freezes_it_for_all_and_a_member_of_a_joint_one_is_refused()
    {
        var (first, second) = (nn.Linear(4, 4).orthogonal(), nn.Linear(4, 4));
        second.share_parametrization("weight", first.parametrization("weight"));
        second.weight.requires_grad = false;
        first.call(ones(1, 4)).Dispose();
        Assert.False(first.parametrization("weight").parameters().Single().requires_grad);

        var joint = nn.Linear(4, 4).register_parametrization(["weight", "bias"], Parametrizations.Scale(2));
        joint.bias!.requires_grad = false;
        Assert.Contains(
            "Linear.weight+bias",
            Assert.Throws<InvalidOperationException>(() => joint.call(ones(1, 4))).Message
        );
        joint.call(ones(1, 4)).Dispose();
    }

    [Theory]
    [InlineData(4, 3)]
    [InlineData(1, 5)]
    [InlineData(5, 1)]
    [InlineData(1, 1)]
    public void Reads_outside_a_pass_are_no_plausible_number(int inputs, int outputs)
    {
        var layer = nn.Linear(inputs, outputs).register_parametrization("weight", Parametrizations.Scale(2));
        layer.register_parametrization("bias", Parametrizations.Scale(2));
        using var _ = NewDisposeScope();
        Tensor[] inputsOfAllKinds = [randn(2, inputs), randn(inputs), randn(3, 2, inputs)];
        // TorchSharp does not catch what matmul throws: a misfit would end the process.
        foreach (var input in inputsOfAllKinds)
            Near.Placeholder(input.matmul(layer.weight.T));
        foreach (var field in new[] { layer.weight, layer.bias! })
        {
            Near.Placeholder(field.pow(2).sum());
            Near.Placeholder(field.abs().max());
            Near.Placeholder(field.norm());
        }
        Assert.ThrowsAny<Exception>(() => layer.forward(inputsOfAllKinds[0]));
        Assert.ThrowsAny<Exception>(() => layer.weight.t());
    }

    private static (
        Func<nn.Module> Make,
        string Name,
        Func<nn.Module, Tensor> Field,
        Func<nn.Module, Tensor> Call
    ) Of<T>(Func<T> make, string name, Func<T, Tensor> field, long[] input)
        where T : nn.Module<Tensor, Tensor> =>
        (make, name, module => field((T)module), module => ((T)module).call(ones(input)));

    [Fact]
    public void A_write_that_was_refused_after_a_move_is_forgotten()
    {
        var layer = nn.Linear(4, 3).register_parametrization("weight", Parametrizations.Scale(2));
        using (no_grad())
            layer.weight!.fill_(1);
        layer.to(ScalarType.Float64);
        Assert.Throws<InvalidOperationException>(() => layer.call(ones(1, 4, dtype: ScalarType.Float64)));
        layer.call(ones(1, 4, dtype: ScalarType.Float64));
    }
}
