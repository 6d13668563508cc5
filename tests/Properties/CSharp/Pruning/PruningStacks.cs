using Parametrize.CSharp;
using Properties.CSharp.Support;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp;

/// <summary>Pruning what is pruned: an amount of what is left, under one mask.</summary>
public class PruningStacks
{
    [Fact]
    public void A_second_pruning_takes_from_what_is_left()
    {
        var module = PrunedModules.Of(1, 2, 3, 4, 5, 6, 7, 8).l1_unstructured("weight", 0.5);
        module.l1_unstructured("weight", 0.5);
        Assert.Equal([0, 0, 0, 0, 0, 0, 7, 8], module.Value().Entries());
    }

    [Fact]
    public void Registering_does_the_same()
    {
        var once = Parametrizations.PrunedL1(0.5);
        var module = PrunedModules.Of(1, 2, 3, 4, 5, 6, 7, 8);
        module.register_parametrization("weight", once).register_parametrization("weight", once);
        Assert.Equal([0, 0, 0, 0, 0, 0, 7, 8], module.Value().Entries());
        Assert.Equal(once.Then(once), module.parametrization("weight").Parametrization);
    }

    [Fact]
    public void Both_at_once_are_one_after_the_other()
    {
        var module = PrunedModules.Of(1, 2, 3, 4, 5, 6, 7, 8);
        module.register_parametrization("weight", Parametrizations.PrunedL1(2L).Then(Parametrizations.PrunedL1(0.5)));
        Assert.Equal([0, 0, 0, 0, 0, 6, 7, 8], module.Value().Entries());
    }

    [Fact]
    public void Entries_that_happen_to_be_zero_are_not_yet_pruned()
    {
        var module = PrunedModules.Of(0, 0, 0, 0, 5, 6, 7, 8).l1_unstructured("weight", 2);
        Assert.Equal(6, module.Left());
        module.l1_unstructured("weight", 0.5);
        Assert.Equal(3, module.Left());
        Assert.Equal([0, 0, 0, 0, 0, 6, 7, 8], module.Value().Entries());
        module.random_unstructured("weight", 1, seed: 1);
        Assert.Equal(2, module.Left());
    }

    [Fact]
    public void A_tensor_of_zeros_is_pruned_entry_by_entry()
    {
        var module = new PrunedModules.Weighted(zeros(10));
        foreach (var left in new[] { 5, 3, 1 }) // 2.5 and 1.5 are rounded to 2
            Assert.Equal(left, module.l1_unstructured("weight", 0.5).Left());
    }

    [Fact]
    public void Channels_that_are_pruned_as_a_whole_do_not_count_again()
    {
        var module = PrunedModules.Random(8, 3);
        foreach (var left in new[] { 4, 2, 1 })
        {
            module.ln_structured("weight", 0.5, 2, 0);
            Assert.Equal(8 - left, module.Value().ZeroChannels(0));
        }
    }

    [Fact]
    public void Channels_with_some_pruned_entries_still_count()
    {
        var module = new PrunedModules.Weighted(arange(1, 13).reshape(4, 3).to(ScalarType.Float32));
        module.l1_unstructured("weight", 4); // the first row and one entry of the second
        module.ln_structured("weight", 1.0 / 3, 1, 0); // of the three rows that are left
        Assert.Equal([0, 0, 0, 0, 0, 0, 7, 8, 9, 10, 11, 12], module.Value().Entries());
    }

    [Fact]
    public void Norms_are_of_what_is_left()
    {
        // PyTorch computes the importance of the pruned tensor, not of the hidden original.
        var module = new PrunedModules.Weighted(tensor(new double[] { 9, 1, 2, 2 }).reshape(2, 2));
        module.custom_from_mask("weight", tensor(new double[] { 0, 1, 1, 1 }).reshape(2, 2));
        module.ln_structured("weight", 1, 2, 0);
        Assert.Equal([0, 0, 2, 2], module.Value().Entries());
    }

    [Fact]
    public void Groups_keep_at_most_n_whatever_was_pruned_before()
    {
        var module = PrunedModules
            .Of(1, 2, 3, 4, 5, 6, 7, 8)
            .custom_from_mask("weight", tensor(new[] { 0, 1, 1, 0, 1, 1, 1, 1 }));
        module.n_m("weight", 2, 4);
        Assert.Equal([0, 2, 3, 0, 0, 0, 7, 8], module.Value().Entries());
    }

    [Fact]
    public void However_often_there_is_one_mask()
    {
        var module = PrunedModules.Random(6, 6);
        for (var round = 0; round < 5; round++)
            module.l1_unstructured("weight", 0.2).random_unstructured("weight", 1).ln_structured("weight", 1, 2, 0);
        Assert.Equal(["parametrizations.weight.original", "parametrizations.weight.0.mask"], module.state_dict().Keys);
    }

    [Fact]
    public void Masks_of_ones_own_become_one()
    {
        var module = PrunedModules.Of(1, 2, 3, 4);
        module.custom_from_mask("weight", tensor(new[] { 0, 1, 1, 1 }));
        module.custom_from_mask("weight", tensor(new[] { 1, 1, 0, 1 }));
        Assert.Equal([0, 2, 0, 4], module.Value().Entries());
        Assert.Equal(
            Parametrizations.PrunedBy(tensor(new[] { 0, 1, 0, 1 })),
            module.parametrization("weight").Parametrization
        );
    }

    [Fact]
    public void The_hidden_values_and_the_parameter_stay()
    {
        var module = PrunedModules.Of(1, 2, 3, 4);
        var parameter = module.weight;
        module.l1_unstructured("weight", 1).l1_unstructured("weight", 1);
        Assert.Same(parameter, module.parameters().Single());
        Assert.Equal([1, 2, 3, 4], parameter.Entries());
    }

    [Fact]
    public void Assigned_tensors_are_pruned_from_then_on()
    {
        var module = PrunedModules.Of(1, 2, 3, 4).l1_unstructured("weight", 1);
        module.parametrization("weight").Value = tensor(new double[] { 0, 9, 3, 5 });
        module.l1_unstructured("weight", 1);
        Assert.Equal([0, 9, 0, 5], module.Value().Entries());
    }

    [Fact]
    public void Behind_another_parametrization_it_has_a_mask_of_its_own()
    {
        var module = nn.Linear(6, 6).weight_norm().l1_unstructured("weight", 0.5).l1_unstructured("weight", 0.5);
        Assert.Equal(27, module.Value().Zeros());
        Assert.Equal(
            "weightNorm 0 >>> pruned (Pruning.L1 (Amount.Share 0.5)) >>> pruned (Pruning.L1 (Amount.Share 0.5))",
            module.parametrization("weight").Parametrization.ToString()
        );
        Assert.True(prune.is_pruned(module));
    }

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float16)]
    [InlineData(ScalarType.BFloat16)]
    [InlineData(ScalarType.ComplexFloat64)]
    public void In_every_element_type(ScalarType dtype)
    {
        var module = new PrunedModules.Weighted(arange(1, 9).to(dtype));
        module.l1_unstructured("weight", 2).l1_unstructured("weight", 0.5).up_to("weight", 0.75);
        Assert.Equal([0, 0, 0, 0, 0, 0, 7, 8], module.Value().abs().Entries());
    }

    [Fact]
    public void A_refused_second_pruning_leaves_everything()
    {
        var module = nn.Linear(4, 4).l1_unstructured("weight", 10);
        var before = Snapshot.Of(module);
        Assert.Throws<ParametrizationException>(() => module.l1_unstructured("weight", 7));
        Assert.Throws<ParametrizationException>(() =>
            module.register_parametrization("weight", Parametrizations.PrunedL1(1L), WhenNotAllowed.Refuse)
        );
        before.AssertUnchanged();
    }

    /// <summary>The entries are ranked as they are in evaluation.</summary>
    [Fact]
    public void A_second_pruning_looks_past_noise()
    {
        for (var round = 0; round < 5; round++)
        {
            var layer = nn.Linear(4, 1, hasBias: false);
            using (no_grad())
                layer.weight!.copy_(tensor(new float[] { 1, 2, 3, 4 }));
            layer.register_parametrization("weight", Parametrizations.WeightNoise(100));
            layer.l1_unstructured("weight", 1).l1_unstructured("weight", 1);
            layer.eval();
            Near.Same(tensor(new float[] { 0, 0, 3, 4 }), layer.parametrization("weight").Value.flatten());
        }
    }
}
