using System.Runtime.InteropServices;
using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Grouping;

/// <summary>
/// Tensors of a model that are computed as one batch are, in all that a user sees, those that are computed one by one.
/// </summary>
public class TensorsThatAreAlike
{
    /// <summary>Several layers side by side, of which a pass runs some.</summary>
    private sealed class Heads : nn.Module<Tensor, Tensor>
    {
        public readonly ModuleList<nn.Module<Tensor, Tensor>> heads;

        public Heads(IEnumerable<nn.Module<Tensor, Tensor>> layers)
            : base(nameof(Heads))
        {
            heads = new([.. layers]);
            RegisterComponents();
        }

        public HashSet<int> Skipped { get; } = [];

        public List<Tensor> Outputs { get; private set; } = [];

        public override Tensor forward(Tensor input)
        {
            Outputs = [.. heads.Where((_, index) => !Skipped.Contains(index)).Select(head => head.forward(input))];
            return stack(Outputs).sum([0L]);
        }
    }

    public static TheoryData<string> Values =>
        [
            "matrixExp",
            "cayley",
            "householder",
            "skew >>> cayley",
            "spd",
            "symmetric",
            "onKernel orthogonal",
            "spectralNorm",
            "symmetric >>> spectralNorm",
            "spectralNormWith { SpectralNorm.defaults with Bound = 2.0; Dimension = 1; Iterations = 3; Epsilon = 0.1 }",
            "fixedRank 3L",
            "sphere 1.0",
        ];

    private static Heads Model(string value, int count = 4, ScalarType dtype = ScalarType.Float64)
    {
        Seeded.Everywhere(3);
        IEnumerable<nn.Module<Tensor, Tensor>> layers = value.StartsWith("onKernel")
            ? Enumerable.Range(0, count).Select(_ => nn.Conv2d(3, 6, 2, dtype: dtype))
            : Enumerable.Range(0, count).Select(_ => nn.Linear(6, 6, dtype: dtype));
        var model = new Heads(layers);
        foreach (var index in Enumerable.Range(0, count))
            model.register_parametrization($"heads.{index}.weight", Parametrizations.Parse(value));
        // Away from where parameters start, which may be alike.
        using var _ = no_grad();
        foreach (var parameter in model.parameters())
            parameter.add_(randn_like(parameter) * 0.3);
        return model;
    }

    private static Tensor Input(string value) =>
        value.StartsWith("onKernel")
            ? randn(2, 3, 4, 4, dtype: ScalarType.Float64)
            : randn(2, 6, dtype: ScalarType.Float64);

    /// <summary>What is done to a model, with and without groups: the numbers that come out, null where there are none.</summary>
    private static void Agree(string value, Func<Heads, Tensor, IEnumerable<Tensor?>> run)
    {
        var results = new List<List<Tensor?>>();
        foreach (var isGrouped in new[] { false, true })
        {
            parametrize.GroupsAlike = isGrouped;
            Assert.Equal(isGrouped, parametrize.GroupsAlike);
            var model = Model(value);
            Seeded.Everywhere(5);
            results.Add([.. run(model, Input(value))]);
        }
        Assert.Equal(results[0].Count, results[1].Count);
        foreach (var (alone, grouped) in results[0].Zip(results[1]))
        {
            Assert.Equal(alone is null, grouped is null);
            if (alone is not null)
                Near.Same(alone, grouped!);
        }
    }

    private static IEnumerable<Tensor?> Gradients(nn.Module model) =>
        model.parameters().Select(parameter => parameter.grad);

    [Theory]
    [MemberData(nameof(Values))]
    public void Trains_as_they_do_one_by_one(string value) =>
        Agree(
            value,
            (model, input) =>
            {
                using var optimizer = optim.SGD(model.parameters(), 0.001);
                for (var step = 0; step < 5; step++)
                {
                    optimizer.zero_grad();
                    model.call(input).square().sum().backward();
                    optimizer.step();
                }
                model.eval();
                return [model.call(input), .. Gradients(model), .. model.state_dict().Values];
            }
        );

    [Theory]
    [MemberData(nameof(Values))]
    public void Every_backward_pass_adds_its_own_gradient(string value) =>
        Agree(
            value,
            (model, input) =>
            {
                var loss = model.call(input).square().sum();
                loss.backward(retain_graph: true);
                loss.backward(retain_graph: true);
                foreach (var output in model.Outputs)
                    output.sum().backward(retain_graph: true);
                return Gradients(model);
            }
        );

    [Theory]
    [MemberData(nameof(Values))]
    public void What_is_not_used_gets_no_gradient(string value) =>
        Agree(
            value,
            (model, input) =>
            {
                model.Skipped.UnionWith([1, 3]);
                model.call(input).square().sum().backward();
                return Gradients(model);
            }
        );

    /// <summary>The first parameter of a value decides nothing for the others.</summary>
    [Fact]
    public void A_frozen_parameter_leaves_the_others_trained()
    {
        foreach (var frozen in new[] { 0, 1 })
            Agree(
                "fixedRank 3L",
                (model, input) =>
                {
                    foreach (var head in model.heads)
                        head.parametrization("weight").Originals[frozen].requires_grad = false;
                    model.call(input).square().sum().backward();
                    foreach (var head in model.heads)
                        Assert.All(
                            head.parametrization("weight").Originals.Index(),
                            original => Assert.Equal(original.Index == frozen, original.Item.grad is null)
                        );
                    return Gradients(model);
                }
            );
    }

    /// <summary>The first of a batch decides nothing for the others.</summary>
    [Theory]
    [MemberData(nameof(Values))]
    public void Frozen_ones_stay_frozen_and_others_train(string value)
    {
        foreach (var frozen in new[] { 0, 2 })
            Agree(
                value,
                (model, input) =>
                {
                    foreach (var parameter in model.heads[frozen].parametrization("weight").parameters())
                        parameter.requires_grad = false;
                    model.call(input).square().sum().backward();
                    Assert.All(
                        model.heads[frozen].parametrization("weight").parameters(),
                        parameter => Assert.Null(parameter.grad)
                    );
                    return Gradients(model);
                }
            );
    }

    [Theory]
    [MemberData(nameof(Values))]
    public void Each_can_go_through_a_backward_pass_of_its_own(string value) =>
        Agree(
            value,
            (model, input) =>
            {
                model.call(input);
                foreach (var output in model.Outputs)
                    output.square().sum().backward();
                return Gradients(model);
            }
        );

    [Theory]
    [MemberData(nameof(Values))]
    public void Second_derivatives_are_the_same(string value) =>
        Agree(
            value,
            (model, input) =>
            {
                var gradients = autograd.grad(
                    [model.call(input).sin().sum()],
                    [.. model.parameters()],
                    create_graph: true,
                    retain_graph: true
                );
                gradients.Select(gradient => gradient.square().sum()).Aggregate((some, more) => some + more).backward();
                return Gradients(model);
            }
        );

    [Fact]
    public void One_that_has_no_numbers_leaves_the_others_alone() =>
        Agree(
            "matrixExp",
            (model, input) =>
            {
                using (no_grad())
                    model.heads[1].parametrization("weight").Originals[0].fill_(double.NaN);
                model.call(input);
                model.Outputs.RemoveAt(1);
                return model.Outputs;
            }
        );

    /// <summary>Of one value whatever the sizes: some norms are below the least.</summary>
    [Fact]
    public void Sizes_of_others_do_not_matter() =>
        Agree(
            "spectralNormWith { SpectralNorm.defaults with Epsilon = 0.5 }",
            (model, input) =>
            {
                model.eval();
                using (no_grad())
                    foreach (var (index, size) in new[] { 10.0, 0.01, 1, 0.001 }.Index())
                        model.heads[index].parametrization("weight").Originals[0].mul_(size);
                // The first call finds the singular vectors again, one tensor after the other; the second computes a group.
                model.call(input).Dispose();
                var first = model.Outputs;
                model.call(input).Dispose();
                return [.. first, .. model.Outputs];
            }
        );

    [Fact]
    public void One_in_evaluation_does_not_keep_another_from_learning()
    {
        var (first, second) = (nn.Linear(3, 3), nn.Linear(3, 3));
        var model = nn.Sequential(first, second);
        model.register_parametrizations<Linear>("weight", Parametrizations.SpectralNorm());
        first.eval();
        var learnt = second.parametrization("weight").named_buffers().First().buffer;
        using var before = learnt.clone();
        using (no_grad())
            foreach (var parameter in model.parameters().Where(own => own.dim() == 2))
                parameter.copy_(randn_like(parameter));
        using (parametrize.cached(model))
            Assert.True(Near.Distance(before, learnt) > 1e-4);
    }

    [Fact]
    public void In_a_scope_they_follow_what_is_written() =>
        Agree(
            "spd",
            (model, input) =>
            {
                var results = new List<Tensor>();
                using (parametrize.cached(model))
                {
                    results.Add(model.call(input));
                    using (no_grad())
                        model.heads[0].parametrization("weight").Originals[0].mul_(1.5);
                    results.Add(model.call(input));
                    using (no_grad())
                        foreach (var parameter in model.parameters())
                            parameter.mul_(0.9);
                    results.Add(model.call(input));
                    model.call(input).square().sum().backward();
                    results.Add(model.call(input));
                }
                return [.. results, .. Gradients(model)];
            }
        );

    [Fact]
    public void Bases_of_two_forms_are_two_groups()
    {
        var model = new Heads(Enumerable.Range(0, 4).Select(_ => nn.Linear(4, 8, dtype: ScalarType.Float64)));
        foreach (var index in Enumerable.Range(0, 4))
            model.register_parametrization($"heads.{index}.weight", Parametrizations.Orthogonal());
        model.load_parametrized_state_dict(
            model.pytorch_state_dict().Where(entry => !entry.Key.StartsWith("heads.3")).ToDictionary(),
            strict: false
        );
        var together = model.call(ones(1, 4, dtype: ScalarType.Float64));
        parametrize.GroupsAlike = false;
        Near.Same(model.call(ones(1, 4, dtype: ScalarType.Float64)), together);
        parametrize.GroupsAlike = true;
    }

    [Fact]
    public void Training_leaves_no_tensors_behind()
    {
        var model = Model("matrixExp");
        var input = Input("matrixExp");
        using var optimizer = optim.Adam(model.parameters());
        void Step()
        {
            using var _ = NewDisposeScope();
            optimizer.zero_grad();
            model.call(input).square().sum().backward();
            optimizer.step();
        }
        Step();
        Step();
        // Tensors that other tests have left to the garbage collector go now.
        GC.Collect();
        GC.WaitForPendingFinalizers();
        var before = Tensor.TotalCount;
        for (var step = 0; step < 50; step++)
            Step();
        Assert.InRange(Tensor.TotalCount, 0, before); // The collector may free others meanwhile.
    }

    /// <summary>TorchSharp ends the process where an exception leaves a function of one's own.</summary>
    [Fact]
    public void A_gradient_that_cannot_be_computed_is_an_exception_of_backward()
    {
        var model = Model("cayley");
        var loss = model.call(Input("cayley")).square().sum();
        foreach (var parameter in model.parameters().ToList())
            parameter.Dispose();
        var error = Assert.Throws<ExternalException>(() => autograd.backward([loss], create_graph: true));
        Assert.Contains("invalid gradient", error.Message);
    }

    [Fact]
    public void Threads_train_models_of_their_own_at_once()
    {
        var losses = new double[4];
        Parallel.For(
            0,
            4,
            index =>
            {
                using var _ = NewDisposeScope();
                Heads model;
                Tensor input;
                lock (losses)
                    (model, input) = (Model("cayley"), ones(2, 6, dtype: ScalarType.Float64));
                using var optimizer = optim.SGD(model.parameters(), 0.01);
                for (var step = 0; step < 30; step++)
                {
                    optimizer.zero_grad();
                    using var loss = model.call(input).square().sum();
                    loss.backward();
                    optimizer.step();
                    losses[index] = loss.item<double>();
                }
            }
        );
        Assert.All(losses, loss => Assert.Equal(losses[0], loss, 1e-9));
    }
}
