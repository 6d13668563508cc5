using System.Collections.Immutable;
using System.Collections.ObjectModel;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp;

/// <summary>
/// A tensor that a module keeps in a collection is constrained there, or refused: computing with the parameter as if
/// nothing had been registered would be silent.
/// </summary>
public class TensorsAreFoundInCollections
{
    public static TheoryData<string> Writable =>
        ["array", "list", "tensors", "dictionary", "tuple", "value tuple", "pairs", "twice", "object"];

    public static TheoryData<string> ReadOnly =>
        ["immutable list", "immutable array", "read-only list", "set", "rows and columns", "arrays", "lists by name"];

    private static nn.Module<Tensor, Tensor> Module(string kind) =>
        kind switch
        {
            "array" => new Keeping<Parameter[]>(w => [nn.Parameter(ones(1)), w], all => all[1]),
            "list" => new Keeping<List<Parameter>>(w => [w], all => all[0]),
            "tensors" => new Keeping<IList<Tensor>>(w => [w, w], all => all[1]),
            "dictionary" => new Keeping<Dictionary<int, Tensor>>(w => new() { [7] = w }, all => all[7]),
            "tuple" => new Keeping<Tuple<Parameter, int>>(w => Tuple.Create(w, 1), pair => pair.Item1),
            "value tuple" => new Keeping<(int, Parameter)>(w => (1, w), pair => pair.Item2),
            "pairs" => new Keeping<List<(string, Parameter)>>(w => [("w", w)], all => all[0].Item2),
            "twice" => new Keeping<(Parameter, Tensor)>(w => (w, w), pair => pair.Item2),
            "object" => new Keeping<object>(w => w, kept => (Tensor)kept),
            "immutable array" => new Keeping<ImmutableArray<Parameter>>(w => [w], all => all[0]),
            "rows and columns" => new Keeping<Parameter[,]>(
                w =>
                    new[,]
                    {
                        { w },
                    },
                all => all[0, 0]
            ),
            "arrays" => new Keeping<Parameter[][]>(
                w =>
                    [
                        [],
                        [w],
                    ],
                all => all[1][0]
            ),
            "lists by name" => new Keeping<Dictionary<string, List<Tensor>>>(
                w => new() { ["w"] = [w] },
                all => all["w"][0]
            ),
            "immutable list" => new Keeping<ImmutableList<Parameter>>(w => [w], all => all[0]),
            "read-only list" => new Keeping<ReadOnlyCollection<Parameter>>(w => new([w]), all => all[0]),
            "set" => new Keeping<HashSet<Parameter>>(w => [w], all => all.First()),
            _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, null),
        };

    [Theory]
    [MemberData(nameof(Writable))]
    public void It_is_computed_trained_and_given_back(string kind)
    {
        var module = Module(kind);
        var weight = module.parameters().Single();
        module.register_parametrization("weight", Parametrizations.Orthogonal());
        using var value = module.parametrization("weight").Value;
        using var x = eye(4);

        using var output = module.call(x);
        Near.Same(value, output);
        output.square().mul(randn(4, 4)).sum().backward();
        Assert.NotNull(weight.grad);
        Assert.ThrowsAny<Exception>(() => module.forward(x));

        module.remove_parametrizations("weight");
        Assert.Same(weight, module.parameters().Single());
        using var after = module.forward(x);
        Near.Same(value, after);
    }

    /// <summary>TorchSharp moves what is in fields, and leaves collections with tensors that are disposed.</summary>
    [Theory]
    [MemberData(nameof(Writable))]
    public void It_moves_along(string kind)
    {
        var module = Module(kind).orthogonal();
        module.to(ScalarType.Float64);
        module.parametrization("weight").MoveBase();
        using var value = module.parametrization("weight").Value;
        using var x = eye(4, dtype: ScalarType.Float64);
        Near.Same(value, module.call(x));
        module.remove_parametrizations("weight");
        Near.Same(value, module.call(x));
    }

    [Theory]
    [MemberData(nameof(ReadOnly))]
    public void It_is_refused_where_nothing_can_be_put(string kind)
    {
        var module = Module(kind);
        var before = Snapshot.Of(module);
        var error = Assert.Throws<NotSupportedException>(() =>
            module.register_parametrization("weight", Parametrizations.Orthogonal())
        );
        Assert.Contains("its field keeper holds it in a collection that cannot be changed", error.Message);
        before.AssertUnchanged();
    }
}
