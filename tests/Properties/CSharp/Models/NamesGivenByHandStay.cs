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

    /// <summary>Two fields hold one parameter, or a field is named as the state does not name it.</summary>
    [Fact]
    public void Another_name_of_a_tensor_is_refused_and_the_first_is_told()
    {
        using var model = new SeveralNames();
        var before = model.state_dict().Keys.ToArray();
        foreach (var (name, first) in new[] { ("second", "first"), ("_shift", "shift") })
        {
            var refusal = Assert.Throws<ArgumentException>(() =>
                model.register_parametrization(name, Parametrizations.Positive)
            );
            Assert.Contains($"is the same tensor as '{first}'", refusal.Message, StringComparison.Ordinal);
            Assert.Equal(before, model.state_dict().Keys);
        }
        model.register_parametrization("first", Parametrizations.Positive);
        model.remove_parametrizations("first");
        using var plain = new SeveralNames();
        plain.load_state_dict(model.state_dict());
    }

    private sealed class SeveralNames : nn.Module<Tensor, Tensor>
    {
        public readonly Parameter first = new(ones(3));
        public readonly Parameter second;
        private readonly Parameter _shift = new(ones(3));

        public SeveralNames()
            : base(nameof(SeveralNames))
        {
            second = first;
            register_parameter("shift", _shift);
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) => input * first + second + _shift;
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
