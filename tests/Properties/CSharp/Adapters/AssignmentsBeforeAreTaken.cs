using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Adapters;

/// <summary>What was assigned to a field and not used yet is taken by verbs that change adapters, or prune.</summary>
public class AssignmentsBeforeAreTaken
{
    private static readonly Scalar Zero = 0.ToScalar();

    private static (Linear Layer, nn.Module<Tensor, Tensor> Model, Tensor Assigned) Waiting(Parametrization value)
    {
        var layer = nn.Linear(4, 4);
        var model = nn.Sequential(("layer", layer));
        model.register_parametrization("layer.weight", value);
        var assigned = Parametrizations.Orthogonal().Sample([4, 4]);
        layer.weight = new Parameter(assigned.clone());
        return (layer, model, assigned);
    }

    [Fact]
    public void Merging_merges_it()
    {
        var (layer, model, assigned) = Waiting(Parametrizations.Lora(2, 4));
        using var merged = peft.merge_adapter(model);
        Near.Same(assigned, layer.weight!);
        merged.Unmerge();
        Near.Same(assigned, model.parametrization("layer.weight").Value);
    }

    [Fact]
    public void Unloading_goes_back_from_it()
    {
        var (layer, model, assigned) = Waiting(Parametrizations.Lora(2, 4));
        peft.unload(model);
        // The adapter was zero: all of it went into the frozen weight.
        Near.Same(assigned, layer.weight!);
    }

    [Fact]
    public void Pruning_chooses_among_it()
    {
        var (layer, model, assigned) = Waiting(Parametrizations.Scale(2));
        prune.l1_unstructured(model, "layer.weight", 8);
        using var smallest = assigned.abs().flatten().topk(8).values.min();
        Near.Same(assigned * assigned.abs().ge(smallest), model.parametrization("layer.weight").Value);
    }

    [Fact]
    public void An_adapter_that_is_loaded_is_later()
    {
        using var folder = new Folder();
        var (layer, model, before) = Waiting(Parametrizations.Lora(2, 4));
        var tensor = model.parametrization("layer.weight");
        using var taken = tensor.Value;
        using (no_grad())
            foreach (var original in tensor.Originals)
                original.copy_(randn_like(original));
        peft.save_pretrained(model, folder.Path);
        using var change = tensor.Value - before;
        using var after = randn(4, 4);
        layer.weight = new Parameter(after.clone());
        peft.load_adapter(model, folder.Path);
        Near.Same(after + change, tensor.Value);
    }

    [Fact]
    public void One_that_is_refused_stops_a_load_before_anything_changes()
    {
        using var folder = new Folder();
        var model = nn.Sequential(("first", nn.Linear(4, 4)), ("second", nn.Linear(4, 4)));
        foreach (var name in (string[])["first.weight", "second.weight"])
            model.register_parametrization(name, Parametrizations.Lora(2, 4));
        peft.save_pretrained(model, folder.Path);
        model.remove_parametrizations("first.weight");
        ((Linear)model[1]).weight = new Parameter(full(4, 4, float.NaN));
        Assert.ThrowsAny<Exception>(() => peft.load_adapter(model, folder.Path));
        Assert.False(model.is_parametrized("first.weight"));
    }

    [Fact]
    public void An_adapter_that_is_saved_goes_with_it()
    {
        using var folder = new Folder();
        var (layer, model, _) = Waiting(Parametrizations.Lora(2, 4));
        var tensor = model.parametrization("layer.weight");
        using (var taken = tensor.Value)
        using (no_grad())
            tensor.Originals[1].fill_(1);
        layer.weight = new Parameter(randn(4, 4));
        peft.save_pretrained(model, folder.Path);
        // Assigning starts the adapter again, from zero.
        Assert.Contains(Safetensors.Load(folder.Tensors).Values, saved => saved.eq(Zero).all().item<bool>());
    }
}
