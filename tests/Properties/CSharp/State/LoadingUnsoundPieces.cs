using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.State;

/// <summary>Pieces from which no map computes an allowed tensor are refused; those that were only rounded are mended.</summary>
[Properties(MaxTest = 60, QuietOnSuccess = true)]
public class LoadingUnsoundPieces
{
    private const string Prefix = "fc.parametrizations.weight.";

    /// <summary>A piece, what is done to it, and what the refusal says.</summary>
    private static readonly (Parametrization Value, string Piece, Func<Tensor, Tensor> Spoil, string Said)[] Damages =
    [
        (Parametrizations.Orthogonal(), "0.base", Doubled, "B^H B = I of the base is violated by 3"),
        (Parametrizations.Cayley(), "0.base", Zeroed, "B^H B = I of the base is violated by 1"),
        (Parametrizations.Householder(), "0.base", b => b + 0.2, "B^H B = I of the base is violated by"),
        (Parametrizations.Skew.Then(Parametrizations.Cayley()), "1.base", Doubled, "is violated by 3"),
        (Parametrizations.SphereExp(), "0.base", Doubled, "|b| = 1 of the base is violated by 1"),
        (Parametrizations.SpectralNorm(), "0._u", Zeroed, "|_u| = 1 is violated by 1"),
        (Parametrizations.SpectralNorm(), "0._v", Doubled, "|_v| = 1 is violated by 1"),
        (Parametrizations.PrunedL1(0.3), "0.mask", m => m * 0.5, "mask_ij = 0 or 1 is violated by 0.5"),
        (Parametrizations.Invertible, "0.order", Zeroed, "each row stands once in the order"),
        (Parametrizations.Invertible, "0.order", o => o + 7, "each row stands once in the order"),
        (Parametrizations.Invertible, "0.sign", Doubled, "sign_i = 1 or -1 is violated by 1"),
        (Parametrizations.Invertible, "0.sign", s => cat([-s[..1], s[1..]]), "det W > 0 is violated by 2"),
    ];

    public static TheoryData<int> EveryDamage => [.. Enumerable.Range(0, Damages.Length)];

    [Theory]
    [MemberData(nameof(EveryDamage))]
    public void What_no_parameters_can_be_right_with_is_refused_by_its_key(int index)
    {
        var (value, piece, spoil, said) = Damages[index];
        var state = Models.StateOf(Models.Parametrized(value));
        state[Prefix + piece] = spoil(state[Prefix + piece]);
        foreach (var model in (nn.Module[])[Models.Parametrized(value), Models.Plain()])
        {
            var problem = Refusal(model, state, value);
            Assert.StartsWith($"{Prefix}{piece}: {value} cannot compute with it: ", problem);
            Assert.Contains(said, problem);
        }
    }

    [Theory]
    [InlineData("fc.weight_orig", "fc.weight_mask")]
    [InlineData("fc.parametrizations.weight.original", "fc.parametrizations.weight.0.mask")]
    public void A_mask_of_other_numbers_is_named(string original, string mask)
    {
        var model = Models.Plain();
        var state = Models.StateOf(model);
        state.Remove("fc.weight", out var weight);
        state[original] = weight!;
        state[mask] = ones_like(weight!) * 0.5;
        var error = Assert.Throws<StateDictException>(() => model.load_parametrized_state_dict(state));
        Assert.Contains($"{mask} is no mask", Assert.Single(error.Problems));
    }

    [Property]
    public void What_is_not_finite_is_refused_and_counted(byte chosen, byte which, PositiveInt count)
    {
        using var _ = NewDisposeScope();
        var value = Models.Values.Values.ElementAt(chosen % Models.Values.Count);
        var state = Models.StateOf(Models.Parametrized(value));
        var pieces = state.Where(pair => pair.Key.StartsWith(Prefix) && pair.Value.is_floating_point()).ToList();
        var (key, tensor) = pieces[which % pieces.Count];
        var spoilt = Math.Min(count.Get, tensor.numel());
        tensor.view(-1)[..(int)spoilt] = which % 3 == 0 ? double.NaN : double.NegativeInfinity;
        foreach (var model in (nn.Module[])[Models.Parametrized(value), Models.Plain()])
            Assert.Equal(
                $"{key}: finite numbers were expected, but {spoilt} are NaN or infinite.",
                Refusal(model, state, value)
            );
    }

    [Fact]
    public void All_problems_are_listed_together()
    {
        var model = Network.Parametrized();
        var state = Models.StateOf(model);
        state["fc1.parametrizations.weight.0.base"] *= 2;
        state["fc3.parametrizations.weight.original"] *= double.NaN;
        state["fc3.bias"] = ones(3);
        var before = Snapshot.Of(model);
        var error = Assert.Throws<StateDictException>(() => model.load_parametrized_state_dict(state));
        Assert.Equal(3, error.Problems.Count);
        before.AssertUnchanged();
    }

    [Fact]
    public void What_the_state_lacks_stays()
    {
        var model = Models.Parametrized(Parametrizations.Orthogonal());
        var state = Models.StateOf(Models.Parametrized(Parametrizations.Orthogonal(), ScalarType.Float32));
        Assert.True(state.Remove($"{Prefix}0.base"));
        var (before, bias) = (Models.StateOf(model), state["fc.bias"]);
        Assert.Equal([$"{Prefix}0.base"], model.load_parametrized_state_dict(state, strict: false).MissingKeys);
        Near.Identical(before[$"{Prefix}0.base"], model.state_dict()[$"{Prefix}0.base"]);
        Near.Identical(bias.to(ScalarType.Float64), model.state_dict()["fc.bias"].detach());
    }

    /// <summary>A model is trained in one element type, saved in another, and loaded into a third.</summary>
    [Property]
    public Property Pieces_of_any_element_types_are_taken_into_the_space() =>
        Prop.ForAll(
            (
                // Without a base, parameters may be so large that rounding them turns the matrix.
                from value in Gen.Elements<Parametrization>([
                    .. Models.Values.Values.Where(value => !value.ToString().Contains("WithoutBase")),
                ])
                from types in Gen.Elements(
                        ScalarType.BFloat16,
                        ScalarType.Float16,
                        ScalarType.Float32,
                        ScalarType.Float64
                    )
                    .ArrayOf(3)
                select (value, types)
            ).ToArbitrary(),
            drawn =>
            {
                using var _ = NewDisposeScope();
                var (value, types) = drawn;
                var (from, to) = (Models.Parametrized(value), Models.Parametrized(value));
                from.to(types[0]);
                to.to(types[2]);
                using (no_grad())
                    from.parametrization("fc.weight").parameters().Last().add_(0.1);
                var state = Models.StateOf(from).ToDictionary(pair => pair.Key, pair => In(types[1], pair.Value));
                to.load_parametrized_state_dict(state);
                var coarsest = types.Max(Near.Tolerance);
                Near.Same(Wide(Models.Weight(from)), Wide(Models.Weight(to)), 4 * coarsest);
                var plain = Models.Plain(types[2]);
                plain.load_parametrized_state_dict(state, parametrizations: Named(value));
                Near.Same(Wide(Models.Weight(to)), Wide(plain.state_dict()["fc.weight"].detach()), 4 * coarsest);

                // A matrix may be singular to a coarse type, and rounded singular vectors see not quite the norm.
                if (value.Equals(Parametrizations.Invertible))
                    return;
                if (!value.ToString().Contains("spectralNorm"))
                    Assert.Null(value.Violation(Models.Weight(to)));
                to.load_parametrized_state_dict(to.baked_state_dict());
            }
        );

    /// <summary>The defect of a base may be spread over all entries, and the map gather it in one.</summary>
    [Property]
    public void A_base_that_the_map_would_turn_out_of_the_space_is_mended()
    {
        using var _ = NewDisposeScope();
        var value = Parametrizations.Orthogonal();
        var (from, to) = (Models.Parametrized(value), Models.Parametrized(value));
        using (no_grad())
            from.parametrization("fc.weight").parameters().Last().normal_();
        var state = Models.StateOf(from);
        var @base = state[Prefix + "0.base"];
        var columns = @base.shape[^1];
        var epsilon = finfo(@base.dtype).eps;
        state[Prefix + "0.base"] = @base.matmul(
            eye(columns, dtype: @base.dtype) + 30 * epsilon * ones(columns, columns, dtype: @base.dtype)
        );
        to.load_parametrized_state_dict(state);
        Assert.Null(value.Violation(Models.Weight(to)));
    }

    [Property]
    public void Vectors_that_have_not_converged_are_taken_as_they_are()
    {
        var (from, to) = (Models.Parametrized(Parametrizations.SpectralNorm()), new Dictionary<string, Tensor>());
        foreach (var (key, tensor) in Models.StateOf(from))
            to[key] = key.Contains("._") ? nn.functional.normalize(randn_like(tensor), dim: 0) : tensor;
        from.load_parametrized_state_dict(to);
        foreach (var (key, tensor) in to)
            Near.Identical(tensor, from.state_dict()[key].detach());
    }

    private static Tensor Doubled(Tensor tensor) => tensor * 2;

    private static Tensor Zeroed(Tensor tensor) => tensor * 0;

    private static Dictionary<string, Parametrization> Named(Parametrization value) => new() { ["fc.weight"] = value };

    private static Tensor Wide(Tensor tensor) => tensor.to(ScalarType.Float64);

    private static Tensor In(ScalarType dtype, Tensor tensor) => tensor.is_floating_point() ? tensor.to(dtype) : tensor;

    /// <summary>The one problem of a state, whatever is done with tensors that are not allowed.</summary>
    private static string Refusal(nn.Module model, Dictionary<string, Tensor> state, Parametrization value)
    {
        var before = Snapshot.Of(model);
        var problems = Enum.GetValues<WhenNotAllowed>()
            .Select(policy =>
                Assert.Throws<StateDictException>(() =>
                    model.load_parametrized_state_dict(state, true, policy, Named(value))
                )
            )
            .SelectMany(error => error.Problems)
            .ToList();
        before.AssertUnchanged();
        return Assert.Single(problems.Distinct());
    }
}
