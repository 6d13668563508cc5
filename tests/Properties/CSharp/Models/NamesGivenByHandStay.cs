using Parametrize;
using Parametrize.CSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Models;

/// <summary>
/// A model that registers its members by hand, under other names than their fields, keeps those keys and no others, so
/// that plain and old checkpoints still load.
/// </summary>
public class NamesGivenByHandStay
{
    [Theory]
    [InlineData("key.weight", true)]
    [InlineData("scale", true)]
    [InlineData("shift", true)]
    [InlineData("key.weight", false)]
    public void Registering_and_removing_leaves_the_keys(string name, bool removing)
    {
        using var model = new ByHand();
        var before = model.state_dict().Keys.ToArray();

        model.register_parametrization(name, Parametrizations.Positive);
        var kept = before.Where(key => key != name);
        Assert.All(kept, key => Assert.Contains(key, model.state_dict().Keys));
        Assert.DoesNotContain(model.state_dict().Keys, key => key.StartsWith('_'));

        if (!removing)
            return;
        model.remove_parametrizations(name);
        Assert.Equal(before.Order(), model.state_dict().Keys.Order());
    }

    private sealed class ByHand : nn.Module<Tensor, Tensor>
    {
        private readonly Linear _key = nn.Linear(3, 3);
        private readonly Parameter _scale = new(ones(3));
        private readonly Tensor _shift = ones(3);

        public ByHand()
            : base(nameof(ByHand))
        {
            register_module("key", _key);
            register_parameter("scale", _scale);
            register_buffer("shift", _shift);
        }

        public override Tensor forward(Tensor input) => _key.call(input) * _scale + _shift;
    }
}
