using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp;

/// <summary>Each mistake has its own error, which names what was expected and found, and changes nothing.</summary>
public class BadInputIsRefusedWhole
{
    private sealed class Everything : nn.Module<Tensor, Tensor>
    {
        public readonly Linear square = nn.Linear(4, 4);
        public readonly Linear wide = nn.Linear(5, 4);
        public readonly Linear constrained = nn.Linear(4, 4).orthogonal();
        public readonly Parameter empty = nn.Parameter(zeros(0, 0));
        public readonly Parameter infinite = nn.Parameter(full(4, 4, float.NaN));
        public readonly Parameter onMeta = nn.Parameter(torch.empty(4, 4, device: META));
        public readonly Tensor counts = arange(16).reshape(4, 4);

        public Everything()
            : base(nameof(Everything)) => RegisterComponents();

        public override Tensor forward(Tensor input) => constrained.call(square.call(input));
    }

    /// <summary>The call, the exception, and words of its message.</summary>
    private sealed record Mistake(Action<Everything> Call, Type Exception, params string[] Words);

    private static readonly Dictionary<string, Mistake> Mistakes = new()
    {
        ["non-square"] = Refused(
            m => m.register_parametrization("wide.weight", Parametrizations.Skew),
            "square",
            "[4, 5]",
            "Linear.weight"
        ),
        ["one-dimensional"] = Refused(
            m => m.register_parametrization("square.bias", Parametrizations.Cayley()),
            "at least 2 dimensions",
            "[4]"
        ),
        ["empty"] = Refused(m => m.register_parametrization("empty", Parametrizations.Skew), "entries", "[0, 0]"),
        ["NaN"] = Refused(m => m.register_parametrization("infinite", Parametrizations.Symmetric), "finite", "16"),
        ["integers"] = Refused(
            m => m.register_parametrization("counts", Parametrizations.Symmetric),
            "floating-point",
            "Int64"
        ),
        ["meta"] = Refused(
            m => m.register_parametrization("onMeta", Parametrizations.Skew),
            "a device with data",
            "meta"
        ),
        ["no such dimension"] = Refused(m => m.weight_norm("square.bias", dim: 3), "dimension 3", "[4]"),
        ["mask of another shape"] = Refused(
            m => m.register_parametrization("square.weight", Parametrizations.PrunedBy(ones(2, 2))),
            "[2, 2]",
            "[4, 4]"
        ),
        ["not allowed"] = Refused(
            m => m.register_parametrization("square.weight", Parametrizations.Spd(), WhenNotAllowed.Refuse),
            "not allowed"
        ),
        ["chain that does not fit"] = Refused(
            m => m.register_parametrization("constrained.weight", Parametrizations.Skew),
            "orthogonal >>> skew does not fit",
            "orthonormal"
        ),
        ["several tensors behind one"] = Refused(
            m => m.register_parametrization("constrained.weight", Parametrizations.WeightNorm()),
            "can only come first"
        ),
        ["unknown name"] = Argument(
            m => m.register_parametrization("weigth", Parametrizations.Skew),
            "no tensor 'weigth'",
            "empty",
            "counts"
        ),
        ["unknown name beside parametrized ones"] = Argument(
            m => m.register_parametrization("constrained.weigth", Parametrizations.Skew),
            "Linear has no tensor 'weigth'",
            "bias, weight"
        ),
        ["unknown child"] = Argument(
            m => m.register_parametrization("sqare.weight", Parametrizations.Skew),
            "no child 'sqare'"
        ),
        ["name of a child"] = Argument(
            m => m.register_parametrization("square", Parametrizations.Skew),
            "no tensor 'square'"
        ),
        ["empty name"] = Argument(m => m.register_parametrization("", Parametrizations.Skew), "no tensor ''"),
        ["lambda to nowhere"] = Argument(
            m => m.register_parametrization(_ => ones(4, 4), Parametrizations.Skew),
            "does not point at"
        ),
        ["lambda to nothing"] = Argument(
            m => m.register_parametrization(_ => null, Parametrizations.Skew),
            "does not point at"
        ),
        ["null name"] = Null(m => m.register_parametrization((string)null!, Parametrizations.Skew), "name"),
        ["null lambda"] = Null(
            m => m.register_parametrization((Func<Everything, Tensor?>)null!, Parametrizations.Skew),
            "tensor"
        ),
        ["null value"] = Null(m => m.register_parametrization("square.weight", null!), "parametrization"),
        ["null module"] = Null(_ => ((Linear)null!).orthogonal(), "module"),
        ["null assignment"] = Null(m => m.parametrization("constrained.weight").Value = null!, "value"),
        ["null model of a scope"] = Null(_ => parametrize.cached(null!), "model"),
        ["unknown policy"] = new(
            m => m.register_parametrization("square.weight", Parametrizations.Skew, (WhenNotAllowed)77),
            typeof(ArgumentOutOfRangeException),
            "77"
        ),
        ["assigned shape"] = Refused(m => Assign(m, eye(3)), "[4, 4]", "[3, 3]"),
        ["assigned dtype"] = Refused(m => Assign(m, eye(4, dtype: ScalarType.Float64)), "Float32", "Float64"),
        ["assigned integers"] = Refused(m => Assign(m, eye(4, dtype: ScalarType.Int64)), "Float32", "Int64"),
        ["assigned device"] = Refused(m => Assign(m, torch.empty(4, 4, device: META)), "cpu", "meta"),
        ["assigned NaN"] = Refused(m => Assign(m, full(4, 4, float.NaN)), "finite", "16"),
        ["assigned and not allowed"] = Refused(m => Assign(m, ones(4, 4)), "W^H W = I", "Linear.weight"),
        ["reading what is not parametrized"] = Argument(
            m => m.parametrization("square.weight"),
            "square.weight is not parametrized",
            "constrained.weight"
        ),
        ["removing what is not parametrized"] = Argument(
            m => m.remove_parametrizations("square.weight"),
            "not parametrized"
        ),
        ["a module without call"] = new(
            m => new Around(m).register_parametrization("inside", Parametrizations.Skew),
            typeof(NotSupportedException),
            "Around",
            "ParametrizedTensor"
        ),
    };

    public static TheoryData<string> Names => new(Mistakes.Keys);

    private static Mistake Refused(Action<Everything> call, params string[] words) =>
        new(call, typeof(ParametrizationException), words);

    private static Mistake Argument(Action<Everything> call, params string[] words) =>
        new(call, typeof(ArgumentException), words);

    private static Mistake Null(Action<Everything> call, string name) => new(call, typeof(ArgumentNullException), name);

    private static void Assign(Everything module, Tensor value) =>
        module.parametrization("constrained.weight").Value = value;

    [Theory]
    [MemberData(nameof(Names))]
    public void A_mistake_is_named_and_changes_nothing(string name)
    {
        var (mistake, module) = (Mistakes[name], new Everything());
        var optimizer = optim.Adam(module.square.parameters().Concat(module.constrained.parameters()), 0.1);
        module.call(randn(3, 4)).sum().backward();
        var before = Snapshot.Of(module);

        var exception = Assert.Throws(mistake.Exception, () => mistake.Call(module));

        Assert.All(mistake.Words, word => Assert.Contains(word, exception.Message));
        before.AssertUnchanged();
        using var weight = module.square.weight.clone();
        optimizer.step();
        Near.Different(weight, module.square.weight);
        module.call(randn(3, 4));
    }

    [Fact]
    public void A_child_of_the_needed_name_is_in_the_way()
    {
        var module = new Occupied();
        var before = Snapshot.Of(module);
        var exception = Assert.Throws<InvalidOperationException>(() =>
            module.register_parametrization("weight", Parametrizations.Skew)
        );
        Assert.Contains("'parametrizations'", exception.Message);
        before.AssertUnchanged();
        Assert.False(module.is_parametrized());
    }

    [Fact]
    public void Modules_are_called_by_their_class()
    {
        var model = nn.Sequential(nn.BatchNorm2d(2));
        var unknown = Assert.Throws<ArgumentException>(() => model.orthogonal("1.weight"));
        Assert.StartsWith("Sequential has no child '1'", unknown.Message);
        var vector = Assert.Throws<ParametrizationException>(() => model.orthogonal("0.weight"));
        Assert.StartsWith("BatchNorm2d.weight: ", vector.Message);
        var none = Assert.Throws<ArgumentException>(() =>
            model.register_parametrizations<Linear>("weight", Parametrizations.Skew)
        );
        Assert.Contains("It has: itself (Sequential), 0 (BatchNorm2d).", none.Message);
    }

    [Fact]
    public void A_question_about_a_name_that_does_not_exist_is_answered_no()
    {
        var module = new Everything();
        Assert.False(module.is_parametrized("nothing"));
        Assert.False(module.is_parametrized("no.such.child"));
        Assert.True(module.is_parametrized("constrained.weight"));
        Assert.False(module.is_parametrized());
    }

    [Theory]
    [InlineData(typeof(ArgumentException))]
    public void Options_out_of_range_are_refused_where_the_value_is_made(Type exception)
    {
        Assert.Throws(exception, () => Parametrizations.Sphere(0));
        Assert.Throws(exception, () => Parametrizations.Bounded(1, 0));
        Assert.Throws(exception, () => Parametrizations.PrunedL1(1.5));
        Assert.Throws(exception, () => Parametrizations.PrunedBernoulli(-0.1, 1));
        Assert.Throws(exception, () => Parametrizations.SpectralNorm(iterations: 0));
        Assert.Throws(exception, () => Parametrizations.Spd(-1));
        Assert.Throws<ParametrizationException>(() => Parametrizations.Symmetric.Then(Parametrizations.Cayley()));
    }

    private sealed class Occupied : nn.Module<Tensor, Tensor>
    {
        private readonly Parameter weight = nn.Parameter(randn(4, 4));
        private readonly Linear parametrizations = nn.Linear(4, 4);

        public Occupied()
            : base(nameof(Occupied)) => RegisterComponents();

        public override Tensor forward(Tensor input) => parametrizations.call(input).matmul(weight);
    }
}
