using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp;

/// <summary>A kind of module, a value for its tensor, and an element type to move to.</summary>
public sealed record Move(string Kind, Parametrization Value, ScalarType Dtype, string Where)
{
    private static readonly (Parametrization Value, int Dimensions, bool Square)[] Values =
    [
        (Parametrizations.Identity, 0, false),
        (Parametrizations.Skew, 2, true),
        (Parametrizations.Symmetric, 2, true),
        (Parametrizations.Orthogonal(), 2, false),
        (Parametrizations.Cayley(), 2, false),
        (Parametrizations.Householder(trivialized: false), 2, false),
        (Parametrizations.Skew.Then(Parametrizations.Cayley()), 2, true),
        (Parametrizations.WeightNorm(), 1, false),
        (Parametrizations.SpectralNorm(), 1, false),
        (Parametrizations.WeightNorm().Then(Parametrizations.SpectralNorm()), 1, false),
        (Parametrizations.Sphere(), 1, false),
        (Parametrizations.Positive, 0, false),
        (Parametrizations.Bounded(-1, 1), 0, false),
        (Parametrizations.Spd(), 2, true),
        (Parametrizations.Invertible, 2, true),
        (Parametrizations.PrunedBernoulli(0.3, 5), 0, false),
    ];

    private static bool Fits((Parametrization Value, int Dimensions, bool Square) entry, long[] shape) =>
        shape.Length >= entry.Dimensions && (!entry.Square || shape[^1] == shape[^2]);

    public static Arbitrary<Move> Arbitrary() =>
        (
            from kind in Gen.Elements(Layer.Kinds)
            from value in Gen.Elements(Values.Where(entry => Fits(entry, Layer.Of(kind).Present.shape)).ToArray())
            from dtype in Gen.Elements(ScalarType.Float64, ScalarType.Float32, ScalarType.BFloat16, ScalarType.Float16)
            from @where in Gen.Elements("itself", "parent", "Sequential")
            select new Move(kind, value.Value, dtype, @where)
        ).ToArbitrary();

    /// <summary>The layer, parametrized and moved by way of itself or of a module around it.</summary>
    internal (Layer Layer, nn.Module Moved) Run()
    {
        var layer = Layer.Of(Kind);
        layer.Module.register_parametrization(layer.Name, Value);
        layer.Module.eval();
        var around = Where switch
        {
            "parent" => new Around(layer.Module),
            "Sequential" when layer.Module is nn.Module<Tensor, Tensor> unary => nn.Sequential(nn.ReLU(), unary),
            _ => layer.Module,
        };
        around.to(Dtype);
        return (layer, around);
    }

    /// <summary>Where layers have no kernels for 16 bits.</summary>
    internal Move InFullPrecision() =>
        Dtype is ScalarType.Float16 or ScalarType.BFloat16 ? this with { Dtype = ScalarType.Float64 } : this;

    public override string ToString() => $"{Kind} with {Value} to {Dtype} by {Where}";
}

[Properties(Arbitrary = [typeof(Move)], MaxTest = 150, QuietOnSuccess = true)]
public class MovingKeepsModulesWhole
{
    private static string[] Keys(Layer layer, Parametrization value)
    {
        layer.Module.register_parametrization(layer.Name, value);
        return [.. layer.Module.state_dict().Keys];
    }

    [Property]
    public void Directly_after_moving_the_state_has_the_same_keys_and_the_new_dtype(Move move)
    {
        var expected = Keys(Layer.Of(move.Kind), move.Value);
        var (layer, around) = move.Run();
        var state = around.state_dict();
        Assert.Equal(expected.Order(), layer.Module.state_dict().Keys.Order());
        Assert.Equal(expected.Length, state.Count);
        Assert.All(
            state.Where(entry => entry.Value.is_floating_point()),
            entry => Assert.Equal(move.Dtype, entry.Value.dtype)
        );
        Assert.All(state.Values, tensor => Assert.True(tensor.numel() > 0));
    }

    /// <summary>Values with numbers that float16 does not have.</summary>
    public static TheoryData<string> BeyondHalf =>
        [
            "bounded 1e6 2e6",
            "bounded 1e6 infinity",
            "bounded -infinity -1e6",
            "spdAbove 1e6",
            "hurwitz 1e6",
            "sphere 1e6",
            "shift 1e6",
            "spectralNormWith { SpectralNorm.defaults with Bound = 1e6 }",
            "spdWithDeterminant 1e24",
        ];

    [Theory]
    [MemberData(nameof(BeyondHalf))]
    public void Where_an_element_type_lacks_the_numbers_of_a_value_each_use_refuses(string code)
    {
        var value = Parametrizations.Parse(code);
        var half = nn.Linear(4, 4, dtype: ScalarType.Float16);
        Assert.Throws<ParametrizationException>(() => half.register_parametrization("weight", value));

        var layer = nn.Linear(4, 4).register_parametrization("weight", value, WhenNotAllowed.Project);
        using var before = layer.parametrization("weight").Value;
        layer.to(ScalarType.Float16);
        Assert.NotEmpty(layer.parameters());
        var error = Assert.Throws<ParametrizationException>(() => layer.call(ones([1, 4], dtype: ScalarType.Float16)));
        Assert.StartsWith("Linear.weight: ", error.Message);
        Assert.Contains("expects an element type that has numbers as large as", error.Message);
        Assert.Throws<ParametrizationException>(() => layer.baked_state_dict());
        layer.to(ScalarType.Float32);
        Assert.Equal(ScalarType.Float32, layer.call(ones(1, 4)).dtype);
    }

    [Fact]
    public void A_value_that_has_become_NaN_moves_in_a_scope()
    {
        var layer = nn.Linear(4, 4).register_parametrization("weight", Parametrizations.Symmetric);
        using var scope = parametrize.cached(layer);
        using (no_grad())
            layer.parametrization("weight").Original.fill_(double.NaN);
        layer.call(ones(1, 4)).Dispose();
        layer.to(ScalarType.Float64);
        using var output = layer.call(ones([1, 4], dtype: ScalarType.Float64));
        Assert.True(output.isnan().all().item<bool>());
    }

    [Fact]
    public void Real_values_refuse_complex_numbers_at_each_use()
    {
        var layer = nn.Linear(4, 4).register_parametrization("bias", Parametrizations.Positive);
        layer.to(ScalarType.ComplexFloat32);
        var error = Assert.Throws<ParametrizationException>(() => layer.parametrization("bias").Value);
        Assert.Contains(
            "positive expects a real floating-point tensor, but the tensor is ComplexFloat32",
            error.Message
        );
    }

    [Fact]
    public void A_wide_interval_goes_where_its_ends_do_not()
    {
        var layer = nn.Linear(4, 4).register_parametrization("weight", Parametrizations.Bounded(-1e6, 1e6));
        layer.to(ScalarType.Float16);
        Assert.Equal(ScalarType.Float16, layer.call(ones([1, 4], dtype: ScalarType.Float16)).dtype);
    }

    [Property]
    public void Moving_several_times_at_once_leaves_the_same_parameters(Move move, ScalarType[] others)
    {
        var layer = Layer.Of(move.Kind);
        layer.Module.register_parametrization(layer.Name, move.Value);
        var expected = layer.Module.named_parameters().Select(named => named.name).Order().ToArray();
        foreach (var dtype in (ScalarType[])[ScalarType.Float64, ScalarType.Float32, .. others.Select(Floating)])
            layer.Module.to(dtype);
        layer.Module.to(move.Dtype);

        var parameters = layer.Module.named_parameters().ToList();
        Assert.Equal(expected, parameters.Select(named => named.name).Order());
        Assert.All(parameters, named => Assert.Equal(move.Dtype, named.parameter.dtype));

        static ScalarType Floating(ScalarType any) =>
            (int)any % 2 == 0 ? ScalarType.BFloat16
            : (int)any % 3 == 0 ? ScalarType.Float32
            : ScalarType.Float64;
    }

    [Property]
    public void The_value_follows_its_module(Move move)
    {
        var (layer, _) = move.Run();
        using var value = layer.Module.parametrization(layer.Name).Value;
        Assert.Equal(move.Dtype, value.dtype);
    }

    [Property]
    public void The_value_is_allowed_where_its_module_went(Move move)
    {
        var (layer, around) = move.Run();
        var tensor = layer.Module.parametrization(layer.Name);
        foreach (var dtype in (ScalarType[])[move.Dtype, ScalarType.BFloat16, ScalarType.Float32, ScalarType.Float64])
        {
            using var before = tensor.Value;
            var inputs = tensor.named_parameters().Select(named => named.parameter.to(dtype)).ToList();
            around.to(dtype);
            using var value = tensor.Value;
            Near.Same(before.to(dtype), value, 2 * Math.Max(Near.Tolerance(before.dtype), Near.Tolerance(dtype)));
            Assert.All(inputs.Zip(tensor.parameters()), pair => Near.Identical(pair.First, pair.Second));
            // A matrix may be singular to a coarse type, and rounded singular vectors see not quite the norm.
            if (move.Value.Equals(Parametrizations.Invertible))
                return;
            if (!move.Value.ToString().Contains("spectralNorm"))
                Assert.Null(move.Value.Violation(value));
            Assert.Null(tensor.TryAssign(value));
            layer.Module.load_parametrized_state_dict(layer.Module.baked_state_dict());
        }
    }

    [Property]
    public void The_moved_module_computes_with_its_value(Move move)
    {
        move = move.InFullPrecision();
        var (layer, _) = move.Run();
        var input = layer.Input(move.Dtype);
        using var _ = no_grad();
        var output = layer.Output(input);
        Assert.Equal(move.Dtype, output.dtype);
        layer.Module.remove_parametrizations(layer.Name);
        Near.Same(layer.Output(input), output, 1e-3);
    }

    [Property]
    public void Moving_there_and_back_keeps_the_value(Move move)
    {
        var (layer, around) = (move with { Dtype = ScalarType.Float64 }).Run();
        using var value = layer.Module.parametrization(layer.Name).Value;
        around.to(ScalarType.Float32);
        Near.Same(value.to(ScalarType.Float32), layer.Module.parametrization(layer.Name).Value);
        around.to(ScalarType.Float64);
        Near.Same(value, layer.Module.parametrization(layer.Name).Value, 1e-4);
    }

    [Property]
    public void Save_and_load_after_moving_bring_the_value_back(Move move)
    {
        var (saved, _) = move.Run();
        var (loaded, _) = move.Run();
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        saved.Module.save(writer);
        stream.Position = 0;
        using var reader = new BinaryReader(stream);
        loaded.Module.load(reader);
        Near.Identical(
            saved.Module.parametrization(saved.Name).Value,
            loaded.Module.parametrization(loaded.Name).Value
        );
    }

    [Property]
    public void Registering_after_moving_binds_the_moved_tensor(Move move)
    {
        move = move.InFullPrecision();
        var layer = Layer.Of(move.Kind);
        layer.Module.to(move.Dtype);
        layer.Module.register_parametrization(layer.Name, move.Value);
        Assert.Equal(move.Dtype, layer.Module.parametrization(layer.Name).Value.dtype);
        Assert.Equal(move.Dtype, layer.Output(layer.Input(move.Dtype)).dtype);
    }

    [Fact]
    public void Appending_after_moving_computes_in_the_new_dtype()
    {
        var layer = nn.Linear(4, 4).register_parametrization("weight", Parametrizations.Skew);
        layer.to(ScalarType.Float64);
        layer.register_parametrization("weight", Parametrizations.Cayley());
        Assert.True(Near.OrthogonalityDefect(layer.parametrization("weight").Value) < 1e-14);
    }

    [Theory]
    [InlineData("weight")]
    [InlineData("weight+bias")]
    public void What_was_assigned_moves_with_its_module_before_it_is_used(string name)
    {
        var layer = nn.Linear(3, 3).register_parametrization(name, new Doubling().Value);
        layer.weight = nn.Parameter(eye(3));
        layer.to(ScalarType.Float64);
        layer.to(ScalarType.Float32);
        layer.to(ScalarType.Float64);
        using var value = layer.parametrization(name).Value;
        Near.Identical(eye(3, dtype: ScalarType.Float64), value.narrow(1, 0, 3));
        Assert.Equal(name == "weight" ? 2 : 1, layer.parameters().ToList().Count);
    }

    [Fact]
    public void What_was_assigned_in_another_element_type_is_refused_and_moves_nothing()
    {
        var layer = nn.Linear(3, 3).orthogonal();
        using var before = layer.parametrization("weight").Value;
        layer.weight = nn.Parameter(eye(3, dtype: ScalarType.Float64));
        Assert.Throws<ParametrizationException>(() => layer.parametrization("weight").Value);
        Near.Identical(before, layer.parametrization("weight").Value);
    }

    [Fact]
    public void Moving_after_a_failed_forward_pass_is_no_assignment()
    {
        var layer = nn.Linear(4, 4).orthogonal();
        using var value = layer.parametrization("weight").Value;
        Assert.ThrowsAny<Exception>(() => layer.call(randn(3, 7)));
        layer.to(ScalarType.Float64);
        Assert.Equal(3, layer.state_dict().Count);
        Near.Same(value.to(ScalarType.Float64), layer.parametrization("weight").Value, 1e-5);
    }

    /// <summary>
    /// TorchSharp skips modules that note the target device as their own already. No tensor can move away from the meta device.
    /// </summary>
    [Fact]
    public void A_module_that_was_bound_elsewhere_moves_with_its_tensors()
    {
        var (module, other) = (new Fragile(), new Fragile().register_parametrization("weight", new Doubling().Value));
        module.to(DeviceType.META);
        other.to(DeviceType.META);
        module.share_parametrization("weight", other.parametrization("weight"));
        Assert.ThrowsAny<Exception>(() => module.to(DeviceType.CPU));
    }

    [Fact]
    public void The_gpu_is_a_device_like_any_other()
    {
        if (!cuda.is_available())
            return;
        var layer = nn.Sequential(nn.Linear(4, 4).orthogonal());
        layer.cuda();
        Assert.All(layer.state_dict().Values, tensor => Assert.Equal(DeviceType.CUDA, tensor.device_type));
        Assert.Equal(DeviceType.CUDA, layer.call(randn(2, 4, device: CUDA)).device_type);
        layer.cpu();
        Near.Orthogonal(layer.parametrization("0.weight").Value);
    }

    /// <summary>What float32 has rounded is mended, also in native memory, so that loading finds nothing left to do.</summary>
    [Fact]
    public void A_finer_element_type_mends_what_is_carried()
    {
        foreach (var seed in Enumerable.Range(0, 6))
        foreach (var native in new[] { true, false })
        {
            Seeded.Everywhere(seed);
            nn.Module module = native ? nn.Embedding(4, 4) : nn.Linear(4, 4);
            module.spectral_norm().to(ScalarType.Float64);
            using var length = module.state_dict()["parametrizations.weight.0._u"].norm();
            Assert.Equal(1, length.item<double>(), 1e-14);
        }
    }
}
