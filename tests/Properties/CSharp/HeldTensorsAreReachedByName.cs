using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Models;
using Properties.CSharp.Support;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp;

/// <summary>A tensor that a module of one's own holds in a field is reached by the verbs as a registered one is.</summary>
public class HeldTensorsAreReachedByName
{
    private static readonly Parametrization[] Values =
    [
        Parametrizations.Symmetric,
        Parametrizations.Skew,
        Parametrizations.Orthogonal(),
        Parametrizations.WeightNorm(),
        Parametrizations.PrunedL1(0.25),
    ];

    private static readonly Parametrization[] Prunable = [Values[^2], Values[^1]];

    /// <summary>Modules that hold tensors, at several depths, beside registered ones.</summary>
    private static readonly Gen<Kind> Kinds =
        from held in Gen.Elements(Values)
        from registered in Gen.Elements(Values)
        from depth in Gen.Choose(0, 2)
        select new Kind(held, registered, depth);

    private sealed record Kind(Parametrization Held, Parametrization Registered, int Depth);

    private static nn.Module Build(Kind kind)
    {
        var net = new Net(kind.Held);
        net.blocks[1].register_parametrization("weight", kind.Registered);
        net.first.share_parametrization("weight", net.blocks[1].parametrization("weight"));
        return Enumerable.Range(0, kind.Depth).Aggregate((nn.Module)net, (inside, _) => new Around(inside));
    }

    private static (Around Model, Holder Cell) Cell(Parametrization value)
    {
        var cell = new Holder(value, randn(4, 4));
        return (new Around(cell), cell);
    }

    [Property(MaxTest = 30)]
    public Property Every_listed_name_finds_its_tensor() =>
        Prop.ForAll(
            Kinds.ToArbitrary(),
            kind =>
            {
                var model = Build(kind);
                var listed = model.parametrizations();
                Assert.Equal(2, listed.Count);
                Assert.All(
                    listed,
                    entry =>
                    {
                        Assert.True(model.is_parametrized(entry.name));
                        Assert.Same(entry.tensor, model.parametrization(entry.name));
                    }
                );
            }
        );

    [Fact]
    public void A_tensor_alone_has_the_empty_name()
    {
        var tensor = new ParametrizedTensor(Parametrizations.Skew, randn(3, 3));
        Assert.Same(tensor, tensor.parametrization(tensor.parametrizations().Single().name));
        var copy = new ParametrizedTensor(Parametrizations.Skew, randn(3, 3));
        parametrize.copy_parametrizations(tensor, copy);
        Near.Identical(tensor.Value, copy.Value);
    }

    [Fact]
    public void What_holds_nothing_is_not_parametrized()
    {
        var (model, cell) = Cell(Parametrizations.Skew);
        Assert.True(cell.is_parametrized());
        Assert.False(model.is_parametrized());
        Assert.False(model.is_parametrized("inside"));
        Assert.False(model.is_parametrized("inside.other"));
        Assert.False(model.is_parametrized("inside.kernel.original"));
        var layer = nn.Sequential(nn.Linear(4, 4).orthogonal());
        Assert.False(layer.is_parametrized("0.parametrizations"));
        Assert.False(layer.is_parametrized("0.parametrizations.weight"));
        var error = Assert.Throws<ArgumentException>(() => model.parametrization("inside.other"));
        Assert.Contains("In Around these are: inside.kernel.", error.Message);
    }

    [Property(MaxTest = 20)]
    public void Registering_again_appends_and_keeps_the_parameter(bool byPredicate)
    {
        var (model, cell) = Cell(Parametrizations.Skew);
        var original = cell.kernel.parameters().Single();
        if (byPredicate)
            model.register_parametrizations<Holder>("kernel", Parametrizations.Cayley());
        else
            model.register_parametrization("inside.kernel", Parametrizations.Cayley());
        Assert.Equal("skew >>> cayley", cell.kernel.Parametrization.Code);
        Assert.Same(original, cell.kernel.parameters().Single());
        Near.Orthogonal(cell.call(eye(4)));
        Assert.Equal(["inside.kernel.original", "inside.kernel.1.base"], model.state_dict().Keys);
    }

    [Fact]
    public void A_parametrization_that_does_not_fit_changes_nothing()
    {
        var (model, cell) = Cell(Parametrizations.Symmetric);
        var before = Snapshot.Of(model);
        Assert.Throws<ParametrizationException>(() =>
            model.register_parametrization("inside.kernel", Parametrizations.Cayley())
        );
        Assert.Throws<InvalidOperationException>(() => model.share_parametrization("inside.kernel", cell.kernel));
        before.AssertUnchanged();
        Assert.Equal(Parametrizations.Symmetric, cell.kernel.Parametrization);
    }

    [Property(MaxTest = 30)]
    public Property Pruning_takes_its_amount() =>
        Prop.ForAll(
            Gen.Choose(0, 16).ToArbitrary(),
            count =>
            {
                var (_, cell) = Cell(Parametrizations.Identity);
                using var before = cell.kernel.Value;
                cell.l1_unstructured("kernel", count);
                using var pruned = cell.kernel.Value;
                Assert.Equal(count, pruned.Zeros());
                Near.Identical(before * pruned.ne(0), pruned);
                Assert.True(cell.is_pruned());

                cell.up_to("kernel", 0.75);
                using var further = cell.kernel.Value;
                Assert.Equal(Math.Max(count, 12), further.Zeros());
            }
        );

    [Fact]
    public void Pruning_globally_counts_it_among_the_others()
    {
        var (cell, layer) = (Cell(Parametrizations.Identity).Cell, nn.Linear(4, 4));
        using (no_grad())
            layer.weight.add_(100);
        prune.global_unstructured([(cell, "kernel"), (layer, "weight")], 16);
        Assert.Equal(16, cell.kernel.Value.Zeros());
        Assert.Equal(0, layer.parametrization("weight").Value.Zeros());
    }

    [Fact]
    public void One_tensor_under_two_names_is_not_pruned_twice()
    {
        var (_, cell) = Cell(Parametrizations.Identity);
        var layer = nn.Linear(4, 4).share_parametrization("weight", cell.kernel);
        prune.global_unstructured([(cell, "kernel"), (layer, "weight")], 0.5);
        Assert.Equal(8, cell.kernel.Value.Zeros());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Removing_is_refused_and_says_what_to_do(bool leaves)
    {
        var (model, cell) = Cell(Parametrizations.PrunedL1(0.5));
        var before = Snapshot.Of(model);
        var error = Assert.Throws<InvalidOperationException>(() =>
            model.remove_parametrizations("inside.kernel", leaves)
        );
        Assert.Contains("Holder.kernel is a ParametrizedTensor that the module holds itself", error.Message);
        Assert.Contains("hold a Parameter", error.Message);
        Assert.Throws<InvalidOperationException>(() => prune.remove(cell, "kernel"));
        before.AssertUnchanged();
    }

    [Fact]
    public void Pruning_that_is_not_there_cannot_be_removed() =>
        Assert.Throws<ArgumentException>(() => prune.remove(Cell(Parametrizations.Skew).Cell, "kernel"));

    [Property(MaxTest = 20)]
    public Property Copies_states_and_reports_agree_after_the_verbs() =>
        Prop.ForAll(
            Kinds.Where(kind => Prunable.Contains(kind.Held)).ToArbitrary(),
            kind =>
            {
                var source = Build(kind);
                var name = source.parametrizations().Single(entry => entry.name.EndsWith("kernel")).name;
                source.register_parametrization(name, Parametrizations.PrunedL1(0.5));
                var tensor = source.parametrization(name);
                var copy = Build(kind with { Held = tensor.Parametrization });

                parametrize.copy_parametrizations(source, copy);
                copy.load_parametrized_state_dict(source.state_dict());

                Near.Identical(tensor.Value, copy.parametrization(name).Value);
                Assert.Equal(source.state_dict().Keys, copy.state_dict().Keys);
                Assert.Equal(source.parametrization_report().ToString(), copy.parametrization_report().ToString());
                Assert.Equal(tensor.Parametrization, source.parametrization_report().First(IsNamed).Parametrization);

                bool IsNamed(TensorReport row) => row.Name == name;
            }
        );

    [Fact]
    public void Transfer_by_name_takes_it_from_and_to_a_field()
    {
        var (from, to) = (
            new Holder(Parametrizations.Skew, randn(4, 4)),
            new Holder(Parametrizations.Identity, randn(4, 4))
        );
        var original = to.kernel.parameters().Single();
        parametrize.transfer_parametrizations_and_params(from, to, "kernel");
        Near.Identical(from.kernel.Value, to.kernel.Value);
        Assert.Equal(Parametrizations.Skew, to.kernel.Parametrization);
        Assert.Same(original, to.kernel.parameters().Single());
    }

    [Fact]
    public void A_copy_whose_target_does_not_hold_it_is_refused()
    {
        var (source, target) = (new Either(holds: true), new Either(holds: false));
        var before = Snapshot.Of(target);
        var error = Assert.Throws<ArgumentException>(() => parametrize.copy_parametrizations(source, target));
        Assert.Contains("holds no ParametrizedTensor 'kernel'", error.Message);
        before.AssertUnchanged();
    }

    [Fact]
    public void A_registered_tensor_of_the_name_comes_first()
    {
        var both = new Either(holds: false);
        both.register_parametrization("kernel", Parametrizations.Symmetric);
        both.register_module("kernel", new ParametrizedTensor(Parametrizations.Skew, randn(4, 4)));
        Assert.Equal(Parametrizations.Symmetric, both.parametrization("kernel").Parametrization);
        both.remove_parametrizations("kernel");
        Assert.Equal(Parametrizations.Skew, both.parametrization("kernel").Parametrization);
    }

    /// <summary>One class, with a parametrized tensor or a plain one.</summary>
    private sealed class Either : nn.Module<Tensor, Tensor>
    {
        public Either(bool holds)
            : base(nameof(Either))
        {
            if (holds)
                register_module("kernel", new ParametrizedTensor(Parametrizations.Skew, randn(4, 4)));
            else
                register_parameter("kernel", nn.Parameter(randn(4, 4)));
        }

        public override Tensor forward(Tensor input) => input;
    }
}
