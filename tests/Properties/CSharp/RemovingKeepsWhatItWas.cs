using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp;

/// <summary>
/// However a tensor was parametrized, frozen or trained, in or out of scopes: what is left is the value or the parameter, it is
/// trained if it was, and modules that shared a tensor go on with one each.
/// </summary>
public class RemovingKeepsWhatItWas
{
    private static readonly Parametrization Value = Parametrizations.Bounded(-5, 5);

    private static readonly string[] Kinds = ["sole", "shared", "tied", "joint", "joint shared", "embedding", "native"];

    public static TheoryData<string, bool, bool, string> Cases
    {
        get
        {
            var data = new TheoryData<string, bool, bool, string>();
            foreach (var kind in Kinds)
            foreach (var isTrained in (bool[])[false, true])
            foreach (var leave in (bool[])[false, true])
            foreach (var scope in (string[])["none", "cached", "cached model"])
                data.Add(kind, isTrained, leave, scope);
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Value_or_parameter(string kind, bool isTrained, bool leave, string scope)
    {
        var model = new Pair(kind);
        foreach (var parameter in model.parameters())
            parameter.requires_grad = isTrained;
        var (own, keys) = (model.Own.ToList(), model.state_dict().Keys.ToList());
        model.Register();
        var tensor = model.Tensor;
        Assert.All(tensor.Originals, part => Assert.Equal(isTrained, part.requires_grad));
        using (no_grad())
        using (NewDisposeScope())
            tensor.Original.add_(0.125);

        using (
            scope switch
            {
                "cached" => parametrize.cached(),
                "cached model" => parametrize.cached(model),
                _ => null,
            }
        )
        {
            using var before = model.call().detach();
            using var left = leave ? tensor.Value.detach() : tensor.Original.detach().clone();
            model.Remove(leave);
            using var after = model.call().detach();
            if (leave)
                Near.Identical(before, after);
            Assert.Equal(keys.Order(), model.state_dict().Keys.Order());
            Assert.All(model.Whole(), whole => Near.Identical(left, whole));
        }

        Assert.All(model.Own, parameter => Assert.Equal(isTrained, parameter.requires_grad && parameter.is_leaf));
        // Of tied and of shared tensors, the last that leaves has the parameter object; the others have copies.
        if (!kind.Contains("joint"))
            Assert.Same(kind == "shared" ? own[0] : own[^1], model.Own.Last());
        Assert.Equal(model.Own.Count(), model.Own.Distinct().Count());

        if (!isTrained)
            return;
        model.call().pow(2).sum().backward();
        Assert.All(
            model.Own,
            parameter => Assert.True(parameter.grad is { } gradient && gradient.abs().sum().item<float>() > 0)
        );
    }

    /// <summary>One module or two, and their tensors that are parametrized.</summary>
    private sealed class Pair : nn.Module
    {
        public readonly nn.Module first;
        public readonly Linear? second;
        private readonly string _kind;

        public Pair(string kind)
            : base(nameof(Pair))
        {
            _kind = kind;
            first = kind switch
            {
                "embedding" => nn.Embedding(4, 4),
                "native" => nn.LSTM(4, 4),
                _ => nn.Linear(4, 4),
            };
            if (kind is "shared" or "joint shared" or "tied")
                second = nn.Linear(4, 4);
            if (kind is "tied")
                second!.weight = ((Linear)first).weight;
            RegisterComponents();
        }

        private string Name =>
            _kind switch
            {
                "joint" or "joint shared" => "weight+bias",
                "native" => "weight_hh_l0",
                _ => "weight",
            };

        public ParametrizedTensor Tensor => first.parametrization(Name);

        private IEnumerable<nn.Module> Owners => second is null ? [first] : [first, second];

        /// <summary>The tensors of either module, as they stand in it.</summary>
        public IEnumerable<Parameter> Own =>
            from owner in Owners
            from name in Name.Split('+')
            select owner.named_parameters().Single(named => named.name == name).parameter;

        public void Register()
        {
            this.register_parametrization($"first.{Name}", Value);
            if (_kind is "shared" or "joint shared")
                second!.share_parametrization(Name, Tensor);
        }

        public void Remove(bool leave)
        {
            foreach (var owner in Owners)
                if (owner.is_parametrized(Name))
                    owner.remove_parametrizations(Name, leave);
        }

        /// <summary>What was one tensor, of each module.</summary>
        public IEnumerable<Tensor> Whole() =>
            from owner in Owners
            let members = Name.Split('+')
                .Select(name => owner.named_parameters().Single(named => named.name == name).parameter)
            select members.Count() == 1
                ? members.First()
                : cat([.. members.Select(member => member.dim() == 1 ? member.unsqueeze(1) : member)], 1);

        public Tensor call()
        {
            using var x = linspace(-1, 1, 20).reshape(5, 4);
            var output = first switch
            {
                Linear linear => linear.call(x),
                Embedding embedding => embedding.call(arange(4)),
                LSTM lstm => lstm.call(x.unsqueeze(0).repeat(3, 1, 1)).Item1,
                _ => throw new ArgumentException(_kind),
            };
            return second is null ? output : second.call(output);
        }
    }
}
