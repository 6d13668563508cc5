using Parametrize.CSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Models;

/// <summary>
/// A constructor may register on its children before it has assigned all fields, as PyTorch's `__init__` does: the model has the names of
/// one that registers at the end.
/// </summary>
public class ConstructorsMayRegister
{
    [Fact]
    public void What_is_assigned_later_is_registered_later()
    {
        using var plain = new Net();
        using var early = new Net("first.weight", "second.bias", "part.weight");
        using var late = new Net();
        foreach (var name in new[] { "first.weight", "second.bias", "part.weight" })
            late.register_parametrization(name, Parametrizations.Positive);

        Assert.Equal(late.state_dict().Keys, early.state_dict().Keys);
        Assert.Equal(plain.parameters().Count(), early.parameters().Count());
        early.remove_parametrizations("first.weight");
        early.remove_parametrizations("second.bias");
        early.remove_parametrizations("part.weight");
        Assert.Equal(plain.state_dict().Keys.Order(), early.state_dict().Keys.Order());
    }

    [Fact]
    public void A_module_that_lacks_fields_refuses_to_give_its_own_tensors()
    {
        var refusal = Assert.Throws<InvalidOperationException>(() => new Unfinished());
        Assert.StartsWith(
            "Unfinished is still being built: its field 'head' is null",
            refusal.Message,
            StringComparison.Ordinal
        );
        Assert.Contains("declare the field as Linear?", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Fields_that_may_be_null_do_not_matter()
    {
        using var model = new WithOptional();
        Assert.Equal(["parametrizations.scale.original"], model.state_dict().Keys);
    }

    /// <summary>TorchSharp's modules lack weights by their options.</summary>
    [Fact]
    public void Modules_of_TorchSharp_are_built()
    {
        nn.BatchNorm1d(3, affine: false).register_parametrization("running_var", Parametrizations.Positive);
        nn.InstanceNorm1d(3, affine: false, track_running_stats: true)
            .register_parametrization("running_var", Parametrizations.Positive);
        nn.Linear(3, 3, hasBias: false).register_parametrization("weight", Parametrizations.Positive);
        nn.LSTMCell(3, 3, bias: false).register_parametrization("weight_hh", Parametrizations.Positive);
    }

    /// <summary>Its fields are assigned one after another, and the first names are registered in between.</summary>
    private sealed class Net : nn.Module<Tensor, Tensor>
    {
        private readonly Linear first;
        private readonly Linear second;
        private readonly Parameter scale;
        private readonly nn.Module<Tensor, Tensor> part;

        public Net(params string[] names)
            : base("Net")
        {
            first = nn.Linear(2, 3);
            Register(names, 0);
            second = nn.Linear(3, 3);
            Register(names, 1);
            part = nn.Linear(3, 1);
            Register(names, 2);
            scale = nn.Parameter(ones(1));
            RegisterComponents();
        }

        private void Register(string[] names, int index)
        {
            if (index < names.Length)
                this.register_parametrization(names[index], Parametrizations.Positive);
        }

        public override Tensor forward(Tensor input) => part.call(second.call(first.call(input))) * scale;
    }

    private sealed class Unfinished : nn.Module<Tensor, Tensor>
    {
        private readonly Parameter scale = nn.Parameter(ones(3));
        private readonly Linear head;

        public Unfinished()
            : base("Unfinished")
        {
            this.register_parametrization("scale", Parametrizations.Positive);
            head = nn.Linear(3, 1);
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) => head.call(input * scale);
    }

    private sealed class WithOptional : nn.Module<Tensor, Tensor>
    {
        private readonly Parameter scale = nn.Parameter(ones(3));
        private readonly Linear? head = null;

        public WithOptional()
            : base("WithOptional") => this.register_parametrization("scale", Parametrizations.Positive);

        public override Tensor forward(Tensor input) => head is null ? input * scale : head.call(input);
    }
}
