using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp;

/// <summary>A second registration puts more nodes behind the first ones, by the same policies.</summary>
public class RegisteringAgainAppends
{
    private static readonly TorchSharp.Scalar Zero = TorchSharp.ScalarExtensionMethods.ToScalar(0);

    [Fact]
    public void Registering_again_appends_and_keeps_an_allowed_value()
    {
        var layer = nn.Linear(4, 4);
        layer.register_parametrization("weight", Parametrizations.Symmetric);
        using var value = layer.parametrization("weight").Value.detach();

        layer.register_parametrization("weight", new Doubling().Value);

        Assert.Equal("symmetric >>> doubling", layer.parametrization("weight").Parametrization.ToString());
        Near.Same(value, layer.parametrization("weight").Value);
    }

    [Fact]
    public void Registering_again_projects_a_value_that_the_new_node_does_not_allow()
    {
        var layer = nn.Linear(4, 4);
        layer.register_parametrization("weight", Parametrizations.Skew);
        layer.register_parametrization("weight", Parametrizations.Cayley());
        Near.Orthogonal(layer.parametrization("weight").Value);
        Assert.Equal(
            ["bias", "parametrizations.weight.original", "parametrizations.weight.1.base"],
            layer.state_dict().Keys
        );
    }

    [Theory]
    [InlineData("simplex")]
    [InlineData("correlationCholesky")]
    [InlineData("circulant")]
    public void A_parameter_that_gets_another_shape_trains_on(string code)
    {
        foreach (var name in AnyOptimizer.Names)
        {
            using var scope = NewDisposeScope();
            var layer = nn.Linear(4, 4, hasBias: false).register_parametrization("weight", Parametrizations.Shift(0.5));
            using var optimizer = AnyOptimizer.Build(name, [.. layer.parameters()]);
            Step();
            layer.call(eye(4)).pow(2).sum().backward();
            layer.register_parametrization("weight", Parametrizations.Parse(code));
            Assert.Null(layer.parametrization("weight").Original.grad);
            optimizer.add_parametrized_parameters(layer);
            using var before = layer.parametrization("weight").Value.detach();
            Step();
            Near.Different(before, layer.parametrization("weight").Value);

            void Step()
            {
                optimizer.zero_grad();
                layer.call(arange(16, dtype: ScalarType.Float32).reshape(4, 4)).pow(2).sum().backward();
                optimizer.step();
            }
        }
    }

    [Theory]
    [InlineData("simplex")]
    [InlineData("correlation")]
    [InlineData("circulant")]
    public void A_tensor_of_another_shape_than_the_parameter_is_projected_in_place_of_reinterpreted(string code)
    {
        var value = Parametrizations.Parse(code);
        using var layer = nn.Linear(4, 4);
        layer.register_parametrization("weight", value, WhenNotAllowed.Reinterpret);
        Assert.True(value.Contains(layer.parametrization("weight").Value));
        layer.parametrization("weight").Assign(randn(4, 4), WhenNotAllowed.Reinterpret);
        Assert.True(value.Contains(layer.parametrization("weight").Value));
    }

    [Fact]
    public void Registering_again_refuses_when_asked_to()
    {
        var layer = nn.Linear(4, 4);
        layer.register_parametrization("weight", Parametrizations.Skew);
        var before = Snapshot.Of(layer);
        Assert.Throws<ParametrizationException>(() =>
            layer.register_parametrization("weight", Parametrizations.Cayley(), WhenNotAllowed.Refuse)
        );
        before.AssertUnchanged();
    }

    /// <summary>Where the pruning becomes one with that which is there.</summary>
    [Fact]
    public void Pruning_again_samples_when_asked_to()
    {
        var layer = nn.Linear(8, 8);
        var half = Parametrizations.Pruned(Pruning.NewL1(0.5));
        layer.register_parametrization("weight", half);
        using var before = layer.parametrization("weight").Value.detach();
        layer.register_parametrization("weight", half, WhenNotAllowed.Sample);
        using var after = layer.parametrization("weight").Value.detach();
        using var same = after.eq(before).logical_and(after.ne(Zero));
        Assert.False(same.any().item<bool>());
    }

    /// <summary>The second reads tensors of another shape than those for which the first has learnt its vectors.</summary>
    [Theory]
    [InlineData("spectralNorm", "circulant")]
    [InlineData("sigmaReparametrized", "simplex")]
    [InlineData("sigmaReparametrized", "sumToZero")]
    [InlineData("sigmaReparametrized", "correlation")]
    public void What_was_learnt_for_another_shape_is_learnt_anew(string first, string second)
    {
        var layer = nn.Linear(4, 4);
        layer.register_parametrization("weight", Parametrizations.Parse(first), WhenNotAllowed.Reinterpret);
        layer.register_parametrization("weight", Parametrizations.Parse(second));
        var tensor = layer.parametrization("weight");
        Assert.Null(tensor.Parametrization.Violation(tensor.Value));
        layer.call(randn(2, 4)).sum().backward();
        Assert.All(layer.parameters(), parameter => Assert.NotNull(parameter.grad));
    }

    [Fact]
    public void A_mask_of_another_shape_is_refused()
    {
        var layer = nn.Linear(4, 4);
        layer.l1_unstructured("weight", 3);
        using var before = layer.parametrization("weight").Value;
        var refusal = Assert.Throws<ParametrizationException>(() =>
            layer.register_parametrization("weight", Parametrizations.Circulant)
        );
        Assert.Contains("its mask is for tensors [4, 4]", refusal.Message);
        Near.Identical(before, layer.parametrization("weight").Value);
    }

    [Fact]
    public void Registering_again_samples_when_asked_to()
    {
        Tensor Appended(WhenNotAllowed policy, long seed)
        {
            Seeded.Everywhere(7);
            var layer = nn.Linear(4, 4).register_parametrization("weight", Parametrizations.Skew);
            Seeded.Everywhere(seed);
            layer.register_parametrization("weight", Parametrizations.Cayley(), policy);
            return layer.parametrization("weight").Value.detach();
        }

        Near.Same(Appended(WhenNotAllowed.Project, 1), Appended(WhenNotAllowed.Project, 2));
        Near.Different(Appended(WhenNotAllowed.Sample, 1), Appended(WhenNotAllowed.Sample, 2));
    }

    [Fact]
    public void Registering_again_reinterprets_when_asked_to()
    {
        var layer = nn.Linear(4, 4).register_parametrization("weight", Parametrizations.Skew);
        using var skew = layer.parametrization("weight").Value.detach();
        var before = layer.parameters().ToArray();
        var exponential = Parametrizations.MatrixExp(trivialized: false);
        layer.register_parametrization("weight", exponential, WhenNotAllowed.Reinterpret);
        Near.Same(linalg.matrix_exp(skew), layer.parametrization("weight").Value);
        Assert.Equal(before, layer.parameters());
    }

    /// <summary>What the present tensor is, and the value that cannot have it.</summary>
    public static TheoryData<string, string> Unsuitable =>
        new()
        {
            { "a vector", "a matrix or a batch of matrices" },
            { "two by three", "square matrices" },
            { "complex", "a real floating-point tensor" },
            { "kernels", "a kernel whose matrix" },
            { "a mask", "the shape of its mask" },
            { "NaN", "finite numbers" },
        };

    [Theory]
    [MemberData(nameof(Unsuitable))]
    public void Registering_again_looks_at_the_tensor_before_it_reinterprets(string kind, string expected)
    {
        var exponential = Parametrizations.MatrixExp(trivialized: false);
        var (present, more, first) = kind switch
        {
            "a vector" => (randn(3), exponential, Parametrizations.Identity),
            "two by three" => (randn(2, 3), Parametrizations.Symmetric, Parametrizations.Identity),
            "complex" => (randn(3, 3, dtype: ScalarType.ComplexFloat64), exponential, Parametrizations.Skew),
            "kernels" => (
                randn(3, 2, 2),
                Parametrizations.OnKernel(Parametrizations.Symmetric),
                Parametrizations.Identity
            ),
            "a mask" => (randn(3, 3), Parametrizations.PrunedBy(ones(2, 2)), Parametrizations.Identity),
            _ => (randn(3, 3), Parametrizations.Symmetric, new Doubling().Value),
        };
        var module = new PrunedModules.Weighted(present);
        module.register_parametrization("weight", first);
        if (kind is "NaN")
            using (no_grad())
                module.parametrization("weight").get_parameter("original")!.fill_(double.NaN);
        var before = Snapshot.Of(module);
        foreach (var policy in Enum.GetValues<WhenNotAllowed>())
        {
            var refusal = Assert.Throws<ParametrizationException>(() =>
                module.register_parametrization("weight", more, policy)
            );
            if (kind is not "NaN")
                Assert.Contains(expected, refusal.Message);
            before.AssertUnchanged();
        }
    }

    [Fact]
    public void Registering_again_reinterprets_what_then_is_of_its_space_or_refuses()
    {
        Parametrization[] values =
        [
            Parametrizations.Symmetric,
            Parametrizations.Hermitian,
            Parametrizations.Skew,
            Parametrizations.SkewHermitian,
            Parametrizations.Triangular(Triangle.Lower),
            Parametrizations.Diagonal,
            Parametrizations.MatrixExp(trivialized: false),
            Parametrizations.Cayley(trivialized: false),
            Parametrizations.Householder(trivialized: false),
            Parametrizations.Sphere(),
            Parametrizations.Positive,
            Parametrizations.Bounded(0, 1),
            Parametrizations.Spd(),
            Parametrizations.Invertible,
        ];
        foreach (var shape in new long[][] { [], [3], [2, 3], [3, 2], [3, 3], [2, 3, 3], [3, 1, 3] })
        foreach (var dtype in new[] { ScalarType.Float32, ScalarType.Float16, ScalarType.ComplexFloat64 })
        foreach (var value in values.Concat(values.Select(Parametrizations.OnKernel)))
        {
            Seeded.Everywhere(1);
            var module = new PrunedModules.Weighted((randn(shape, dtype: ScalarType.Float64) * 0.1).to(dtype));
            module.register_parametrization("weight", Parametrizations.Identity);
            var before = Snapshot.Of(module);
            try
            {
                module.register_parametrization("weight", value, WhenNotAllowed.Reinterpret);
            }
            catch (ParametrizationException)
            {
                before.AssertUnchanged();
                continue;
            }
            Assert.True(value.Contains(module.Value()), $"{value} of {string.Join(" x ", shape)} {dtype}");
        }
    }

    [Fact]
    public void What_reads_several_tensors_comes_first_or_not_at_all()
    {
        foreach (var several in new[] { Parametrizations.WeightNorm(), new LowRank(2).Value })
        foreach (var present in new[] { Parametrizations.Identity, Parametrizations.Symmetric })
        {
            var layer = nn.Linear(4, 4).register_parametrization("weight", present);
            var before = Snapshot.Of(layer);
            var refusal = Assert.Throws<ParametrizationException>(() =>
                layer.register_parametrization("weight", several)
            );
            Assert.True(refusal.Error.IsReadsSeveralTensors);
            before.AssertUnchanged();
        }
    }

    [Fact]
    public void Registering_again_keeps_the_mask()
    {
        var layer = nn.Linear(6, 6);
        layer.register_parametrization("weight", Parametrizations.PrunedL1(0.5));
        var zeros = layer.parametrization("weight").Value.eq(0);
        layer.register_parametrization("weight", new Doubling().Value);
        Assert.True(layer.parametrization("weight").Value.eq(0).eq(zeros).all().item<bool>());
    }
}
