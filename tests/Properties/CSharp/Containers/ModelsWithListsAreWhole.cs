using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Containers;

/// <summary>What whole models promise holds for tensors in lists and in modules without `call` as well.</summary>
public class ModelsWithListsAreWhole
{
    /// <summary>A model, and the names of tensors of it.</summary>
    public static TheoryData<string, string[]> Cases =>
        new()
        {
            { "list", ["0.kernels.0", "0.kernels.2"] },
            { "dictionary", ["0.parts.right", "0.parts.left"] },
            { "bags", ["0.bag.weight", "0.lists.0.0", "0.lists.1.1"] },
        };

    private static Sequential Plain(string kind) =>
        nn.Sequential(
            kind switch
            {
                "list" => new WithList(),
                "dictionary" => new WithDictionary(),
                _ => new WithBags(),
            },
            nn.Linear(4, 4)
        );

    private static Sequential Model(string kind, string[] names)
    {
        var model = Plain(kind);
        foreach (var name in names)
            model.register_parametrization(name, Parametrizations.Orthogonal());
        return model;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_state_dict_goes_into_another_model_whichever_is_parametrized(string kind, string[] names)
    {
        using var x = randn(3, 4);
        var (source, alike, plain) = (Model(kind, names), Model(kind, names), Plain(kind));
        var keys = names.Select(name => name.Insert(name.LastIndexOf('.'), ".parametrizations") + ".original");
        Assert.Subset(source.state_dict().Keys.ToHashSet(), keys.ToHashSet());
        using var expected = source.call(x);

        alike.load_state_dict(source.state_dict());
        Near.Same(expected, alike.call(x));
        plain.load_state_dict(source.baked_state_dict());
        Near.Same(expected, plain.call(x));
        Assert.Equal(Plain(kind).state_dict().Keys.Order(), source.baked_state_dict().Keys.Order());
        var assigned = Model(kind, names);
        assigned.load_parametrized_state_dict(source.baked_state_dict());
        Near.Same(expected, assigned.call(x));
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_file_goes_into_another_model(string kind, string[] names)
    {
        using var x = randn(3, 4);
        var (source, copy) = (Model(kind, names), Model(kind, names));
        using var stream = new MemoryStream();
        source.save(new BinaryWriter(stream));
        stream.Position = 0;
        copy.load(new BinaryReader(stream));
        Near.Same(source.call(x), copy.call(x));
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_copy_computes_the_same(string kind, string[] names)
    {
        using var x = randn(3, 4);
        var (source, copy) = (Model(kind, names), Plain(kind));
        parametrize.copy_parametrizations(source, copy);
        copy.load_parametrized_state_dict(source.state_dict());
        Near.Same(source.call(x), copy.call(x));
        Assert.Equal(names.Order(), copy.parametrizations().Select(entry => entry.name).Order());
        Assert.Equal(source.state_dict().Keys, copy.state_dict().Keys);

        var other = Plain(kind);
        parametrize.transfer_parametrizations_and_params(source, other, names[0]);
        Near.Same(source.parametrization(names[0]).Value, other.parametrization(names[0]).Value);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Training_keeps_what_is_promised_and_disposing_frees_it(string kind, string[] names)
    {
        var model = Model(kind, names);
        var optimizer = optim.Adam(model.parameters(), 0.1);
        var before = names.Select(name => model.parametrization(name).Value).ToList();
        for (var step = 0; step < 3; step++)
        {
            optimizer.zero_grad();
            model.call(randn(8, 4)).pow(4).mean().backward();
            optimizer.step();
        }
        foreach (var (name, value) in names.Zip(before))
        {
            using var now = model.parametrization(name).Value;
            Near.Orthogonal(now);
            Near.Different(value, now);
        }
        Assert.Contains($"{names[0]}", model.parametrization_report().ToString());

        Tensor[] parts = [.. model.parameters(), .. model.buffers()];
        model.Dispose();
        Assert.All(parts, part => Assert.True(part.IsInvalid));
    }

    [Fact]
    public void Lists_are_picked_by_their_class()
    {
        var model = Plain("bags");
        foreach (var value in new[] { Parametrizations.Skew, Parametrizations.Cayley() })
            Assert.Equal(["0.lists.0.0", "0.lists.1.0"], model.register_parametrizations<ParameterList>("0", value));
        using var matrix = model.parametrization("0.lists.1.0").Value;
        Near.Orthogonal(matrix);
    }

    [Fact]
    public void A_lambda_points_at_an_element()
    {
        var model = new WithList();
        model.register_parametrization(m => m.kernels[1], Parametrizations.Skew);
        model.register_parametrization(m => m.kernels[1], Parametrizations.Cayley());
        Assert.Equal(2, model.parametrization("kernels.1").Parametrization.Nodes.Count);
        Assert.Equal(["kernels.1"], model.parametrizations().Select(entry => entry.name));
    }

    [Fact]
    public void Assigning_an_element_is_the_right_inverse()
    {
        var model = new WithList(2);
        model.register_parametrization("kernels.0", Parametrizations.Symmetric);
        using var symmetric = eye(4) * 3;
        model.kernels[0] = nn.Parameter(symmetric.clone());
        using var x = randn(2, 4);
        Near.Same(x.matmul(symmetric).matmul(model.kernels[1]), model.call(x));
        Near.Same(symmetric, model.parametrization("kernels.0").Value);
    }

    [Fact]
    public void Pruning_reaches_elements()
    {
        var model = new WithList(2);
        model.l1_unstructured("kernels.0", 6);
        using var value = model.parametrization("kernels.0").Value;
        Assert.Equal(10, value.count_nonzero().item<long>());
        prune.remove(model, "kernels.0");
        Near.Identical(value, model.kernels[0]);
    }

    [Fact]
    public void Whether_the_list_trains_is_whether_its_module_does()
    {
        var model = new WithList();
        model.eval();
        model.spectral_norm("kernels.0");
        Assert.False(model.parametrization("kernels.0").training);
        model.train();
        Assert.True(model.parametrization("kernels.0").training);
    }
}
