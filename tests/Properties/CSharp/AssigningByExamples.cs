using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp;

/// <summary>What assigning does to bases, properties, fields and readers.</summary>
public class AssigningByExamples
{
    [Fact]
    public void An_orthogonal_matrix_becomes_the_base_and_the_skew_parameter_zero()
    {
        var layer = nn.Linear(5, 5, dtype: ScalarType.Float64);
        layer.register_parametrization("weight", Parametrizations.Skew);
        layer.register_parametrization("weight", Parametrizations.Cayley());
        using var q = Parametrizations.Orthogonal().Sample([5, 5], ScalarType.Float64);
        layer.parametrization("weight").Value = q;
        Near.Identical(q, layer.state_dict()["parametrizations.weight.1.base"]);
        Near.Same(zeros(5, 5, dtype: ScalarType.Float64), layer.state_dict()["parametrizations.weight.original"]);
        Near.Identical(q, layer.parametrization("weight").Value);
    }

    [Fact]
    public void A_property_that_is_assigned_a_refused_tensor_says_so_once_and_keeps_the_old_value()
    {
        var layer = nn.Linear(4, 4).orthogonal();
        using var before = layer.parametrization("weight").Value;
        layer.weight = nn.Parameter(ones(4, 4));
        Assert.Throws<ParametrizationException>(() => layer.call(randn(2, 4)));
        layer.call(randn(2, 4));
        Near.Identical(before, layer.parametrization("weight").Value);
        Assert.Equal(3, layer.state_dict().Count);
    }

    [Fact]
    public void A_tensor_that_becomes_the_parameter_stays_the_callers()
    {
        var tensor = zeros(3);
        var held = new ParametrizedTensor(Parametrizations.Positive, tensor, WhenNotAllowed.Reinterpret);
        using var before = held.Value;
        tensor.fill_(5);
        Near.Same(before, held.Value);
    }

    public static TheoryData<Parametrization> Unchanged =>
        [
            Parametrizations.Identity,
            Parametrizations.WeightDropout(0.25),
            Parametrizations.WeightNoise(0.1),
            Parametrizations.Symmetric,
        ];

    [Theory]
    [MemberData(nameof(Unchanged))]
    public void What_is_read_or_baked_does_not_follow_the_training(Parametrization value)
    {
        var layer = nn.Linear(4, 4).register_parametrization("weight", value);
        layer.eval();
        using var read = layer.parametrization("weight").Value;
        var baked = layer.baked_state_dict()["weight"];
        using var expected = read.detach().clone();
        using (no_grad())
            layer.parametrization("weight").Original.add_(1);
        Near.Same(expected, read);
        Near.Same(expected, baked);
        using var later = layer.parametrization("weight").Value;
        using (no_grad())
            later.zero_();
        Near.Different(later, layer.parametrization("weight").Value);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void One_that_is_refused_does_not_lose_another_that_waits(bool first)
    {
        var (a, b) = (nn.Linear(4, 4).orthogonal(), nn.Linear(4, 4));
        b.share_parametrization("weight", a.parametrization("weight"));
        using var allowed = Parametrizations.Orthogonal().Sample([4, 4]);
        var (good, bad) = first ? (a, b) : (b, a);
        good.weight = nn.Parameter(allowed.clone());
        bad.weight = nn.Parameter(ones(4, 4));
        Assert.Throws<ParametrizationException>(() => a.call(randn(2, 4)));
        Near.Same(allowed, b.call(eye(4)).mT - b.bias!.unsqueeze(-1));
    }

    [Fact]
    public void A_tensor_that_was_disposed_in_a_field_is_refused()
    {
        var module = new TensorField().register_parametrization("table", Parametrizations.Identity);
        using var before = module.parametrization("table").Value;
        using (var disposed = ones(4, 4))
            module.table = disposed;
        Assert.Contains("disposed", Assert.Throws<ArgumentException>(() => module.call(eye(4))).Message);
        Near.Identical(before, module.parametrization("table").Value);
    }

    /// <summary>A setter takes the tensor: the module has its numbers, whatever becomes of the user's object.</summary>
    [Fact]
    public void A_setter_of_TorchSharp_keeps_what_is_disposed_later()
    {
        var layer = nn.Linear(4, 4).register_parametrization("weight", Parametrizations.Identity);
        using (var disposed = nn.Parameter(ones(4, 4)))
            layer.weight = disposed;
        Near.Identical(ones(4, 4), layer.parametrization("weight").Value);
    }

    [Fact]
    public void The_last_of_several_assignments_counts()
    {
        var layer = nn.Linear(4, 4).register_parametrization("weight", Parametrizations.Symmetric);
        var keys = layer.state_dict().Keys.ToList();
        layer.weight = nn.Parameter(ones(4, 4));
        layer.weight = nn.Parameter(full(4, 4, 2f));
        Assert.Equal(keys, layer.state_dict().Keys);
        Near.Identical(full(4, 4, 2f), layer.parametrization("weight").Value);
    }

    [Fact]
    public void What_was_assigned_to_one_module_and_then_to_another_stays_in_the_other()
    {
        var layer = nn.Linear(4, 4, hasBias: false).register_parametrization("weight", Parametrizations.Symmetric);
        var other = nn.Linear(4, 4, hasBias: false);
        layer.weight = nn.Parameter(ones(4, 4));
        other.weight = layer.weight;
        Near.Same(full(1, 4, 4f), layer.call(ones(1, 4)));
        Near.Same(full(1, 4, 4f), other.call(ones(1, 4)));
    }

    /// <summary>No setter follows the disposal, which the library would wait for.</summary>
    [Theory]
    [InlineData("assigned")]
    [InlineData("moved")]
    [InlineData("read before")]
    [InlineData("read in a scope")]
    public void What_was_in_a_field_may_be_disposed_later(string how)
    {
        var layer = nn.Linear(4, 4).register_parametrization("weight", Parametrizations.Symmetric);
        var other = nn.Linear(4, 4);
        layer.weight = nn.Parameter(full(4, 4, 2f));
        var read = layer.weight;
        if (how is "assigned" or "moved")
            other.weight = layer.weight;
        Near.Same(full(4, 4, 2f), layer.call(eye(4)) - layer.bias!);
        if (how == "read in a scope")
            using (parametrize.cached(layer))
                read = layer.weight;

        if (how == "assigned")
            other.weight = nn.Parameter(ones(4, 4));
        else if (how == "moved")
            other.to(ScalarType.Float64);
        else
            read.Dispose();
        Near.Same(full(4, 4, 2f), layer.call(eye(4)) - layer.bias!);
        Assert.Equal(["bias", "parametrizations.weight.original"], layer.state_dict().Keys);
    }

    [Fact]
    public void A_parameter_that_was_made_in_inference_mode_is_taken()
    {
        var layer = nn.Linear(4, 4).register_parametrization("weight", Parametrizations.Symmetric);
        using (inference_mode())
            layer.weight = nn.Parameter(ones(4, 4));
        var made = MadeInInferenceMode();
        Near.Same(ones(4, 4), layer.parametrization("weight").Value);
        layer.weight = made;
        Near.Same(full(4, 4, 3f), layer.parametrization("weight").Value);
    }

    private static TorchSharp.Modules.Parameter MadeInInferenceMode()
    {
        using var _ = inference_mode();
        return nn.Parameter(full(4, 4, 3f));
    }

    [Fact]
    public void More_can_be_registered_on_the_member_to_which_was_assigned()
    {
        var layer = nn.Linear(4, 4).register_parametrization("weight", Parametrizations.Symmetric);
        layer.weight = nn.Parameter(ones(4, 4));
        layer.register_parametrization(linear => linear.weight, Parametrizations.Symmetric);
        Near.Same(ones(4, 4), layer.parametrization("weight").Value);
    }

    /// <summary>Setters of modules in native memory leave what they are given to its dispose scope.</summary>
    [Fact]
    public void A_native_module_has_what_was_assigned_in_a_dispose_scope()
    {
        var cell = nn.GRUCell(4, 4).register_parametrization("weight_hh", Parametrizations.Identity);
        using (NewDisposeScope())
            cell.weight_hh = nn.Parameter(full(12, 4, 2f));
        cell.call(ones(1, 4), ones(1, 4)).Dispose();
        Near.Identical(full(12, 4, 2f), cell.parametrization("weight_hh").Value);
    }

    [Fact]
    public void A_field_of_ones_own_may_be_assigned_and_the_tensor_stays_usable()
    {
        var module = new TensorField().register_parametrization("table", Parametrizations.Symmetric);
        var symmetric = eye(4) * 3;
        module.table = symmetric;
        Near.Same(symmetric, module.call(eye(4)));
        Assert.Equal(12f, symmetric.sum().item<float>());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Null_is_refused_by_the_next_use_and_undone(bool cached)
    {
        var layer = nn.Linear(4, 4).register_parametrization("bias", Parametrizations.Positive);
        var before = Snapshot.Of(layer);
        using var scope = cached ? parametrize.cached(layer) : null;
        layer.bias = null;

        before.AssertUnchanged();
        var error = Assert.Throws<InvalidOperationException>(() => layer.call(zeros(1, 4)));
        Assert.Contains("Linear.bias is parametrized, and null was assigned to it", error.Message);
        using var bias = layer.parametrization("bias").Value;
        Near.Same(bias.expand(1, 4), layer.call(zeros(1, 4)));
        scope?.Dispose();
        layer.to(ScalarType.Float64);
        Assert.Equal(["weight", "parametrizations.bias.original"], layer.state_dict().Keys);
        Assert.Equal(ScalarType.Float64, layer.call(zeros(1, 4, dtype: ScalarType.Float64)).dtype);
    }

    [Fact]
    public void Moving_the_base_zeroes_the_parameter()
    {
        var layer = nn.Linear(4, 4).register_parametrization("weight", Parametrizations.Skew);
        layer.register_parametrization("weight", Parametrizations.Cayley());
        using (no_grad())
            layer.parameters().Last().copy_(randn(4, 4));
        layer.parametrization("weight").MoveBase();
        Near.Same(zeros(4, 4), layer.state_dict()["parametrizations.weight.original"]);
    }

    /// <summary>Rounding piled up in the base until the 491st move was refused.</summary>
    [Fact]
    public void Moving_the_base_again_and_again_stays_as_orthogonal_as_a_new_one()
    {
        var layer = nn.Linear(16, 16).orthogonal();
        var parametrized = layer.parametrization("weight");
        for (var step = 0; step < 1000; step++)
        {
            using var scope = NewDisposeScope();
            using (no_grad())
                parametrized.parameters().Single().add_(0.1 * randn(16, 16));
            parametrized.MoveBase();
        }
        using var value = parametrized.Value;
        Assert.InRange(Near.OrthogonalityDefect(value), 0, 2e-6);
    }

    [Fact]
    public void Moving_the_base_makes_it_orthogonal_in_a_wider_element_type()
    {
        var layer = nn.Linear(4, 4).orthogonal();
        layer.to(ScalarType.Float64);
        layer.parametrization("weight").MoveBase();
        layer.parametrization("weight").Value = layer.parametrization("weight").Value;
        Near.Orthogonal(layer.parametrization("weight").Value);
    }

    [Fact]
    public void Inverse_and_log_determinant_are_those_of_the_value()
    {
        var layer = nn.Linear(4, 4).register_parametrization("weight", Parametrizations.Invertible);
        layer.to(ScalarType.Float64);
        var parametrized = layer.parametrization("weight");
        using var w = parametrized.Value;
        Near.Same(eye(4, dtype: w.dtype), parametrized.Inverse().matmul(w), 1e-8);
        Near.Same(linalg.slogdet(w).Item2, parametrized.LogDeterminant());
        parametrized.LogDeterminant().backward();
        Assert.NotNull(parametrized.parameters().Single().grad);
    }

    [Fact]
    public void Inverse_and_log_determinant_need_an_invertible_value()
    {
        var parametrized = nn.Linear(4, 4).orthogonal().parametrization("weight");
        Assert.Throws<InvalidOperationException>(parametrized.Inverse);
        Assert.Throws<InvalidOperationException>(parametrized.LogDeterminant);
    }

    [Theory]
    [InlineData(WhenNotAllowed.Project)]
    [InlineData(WhenNotAllowed.Sample)]
    [InlineData(WhenNotAllowed.Refuse)]
    [InlineData(WhenNotAllowed.Reinterpret)]
    public void Another_form_is_refused_by_every_policy(WhenNotAllowed policy)
    {
        var layer = nn.Linear(4, 4).register_parametrization("weight", Parametrizations.Symmetric);
        var before = Snapshot.Of(layer);
        foreach (
            var other in new[] { ones(3, 3), ones(2, 4, 4), ones(4, 4, dtype: float64), ones(4, 4, dtype: bfloat16) }
        )
            Assert.ThrowsAny<Exception>(() => layer.parametrization("weight").Assign(other, policy));
        before.AssertUnchanged();
    }

    [Fact]
    public void A_value_that_is_read_belongs_to_the_reader()
    {
        var parametrized = nn.Linear(4, 4)
            .register_parametrization("weight", Parametrizations.Identity)
            .parametrization("weight");
        parametrized.Value.Dispose();
        using (parametrize.cached())
        {
            parametrized.Value.Dispose();
            using var again = parametrized.Value;
            Assert.Equal(16, again.numel());
        }
    }

    private sealed class WithField : nn.Module<Tensor, Tensor>
    {
        public Parameter weight = nn.Parameter(eye(3));

        public WithField()
            : base(nameof(WithField)) => RegisterComponents();

        public override Tensor forward(Tensor input) => input.matmul(weight);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void An_assignment_takes_the_place_of_what_was_written_before(bool isScopeEnded)
    {
        var layer = new WithField().register_parametrization("weight", Parametrizations.Symmetric);
        var scope = parametrize.cached(layer);
        using (no_grad())
            layer.weight.fill_(1);
        layer.weight = nn.Parameter(full([3, 3], 5.0f));
        if (isScopeEnded)
            scope.Dispose();
        Near.Same(full([3, 3], 5.0f), layer.call(eye(3)));
        Near.Same(full([3, 3], 5.0f), layer.call(eye(3)));
        scope.Dispose();
    }
}
