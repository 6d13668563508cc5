using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp;

/// <summary>
/// Verbs and scopes may begin without gradients or in inference mode: training afterwards has the gradients that it has if they
/// began with gradients.
/// </summary>
public class ModesOfAVerbDoNotLast
{
    private sealed record Trained(nn.Module Module, string Name, Func<Tensor> Call)
    {
        public ParametrizedTensor Tensor => Module.parametrization(Name);
    }

    private static readonly Dictionary<string, Func<Trained>> Kinds = new()
    {
        ["Linear"] = () => Of(nn.Linear(4, 4).orthogonal(), "weight"),
        ["learning"] = () => Of(nn.Linear(4, 4).spectral_norm(), "weight"),
        ["joint"] = () =>
            Of(nn.Linear(4, 4).register_parametrization("weight+bias", Parametrizations.Sphere()), "weight"),
        ["alike"] = () =>
            Of(
                nn.Sequential(
                    ("a", nn.Linear(4, 4).register_parametrization("weight", Parametrizations.Invertible)),
                    ("b", nn.Linear(4, 4).register_parametrization("weight", Parametrizations.Invertible))
                ),
                "b.weight"
            ),
        ["LSTM"] = () =>
        {
            var lstm = nn.LSTM(4, 4).weight_norm("weight_hh_l0");
            return new(lstm, "weight_hh_l0", () => lstm.call(ones(2, 1, 4)).Item1);
        },
        ["Embedding"] = () =>
        {
            var embedding = nn.Embedding(4, 4).register_parametrization("weight", Parametrizations.Sphere());
            return new(embedding, "weight", () => embedding.call(tensor(new long[] { 0, 2 })));
        },
        ["held"] = () => Of(new Holder(Parametrizations.Invertible, eye(4)), "kernel"),
    };

    /// <summary>What lasts until the training ends is returned.</summary>
    private static readonly Dictionary<string, Func<Trained, IDisposable?>> Verbs = new()
    {
        ["scope of the model"] = one => parametrize.cached(one.Module),
        ["scope of all"] = _ => parametrize.cached(),
        ["reading in a scope"] = one =>
        {
            var scope = parametrize.cached();
            one.Tensor.Value.Dispose();
            return scope;
        },
        ["passes in a scope"] = one =>
        {
            var scope = parametrize.cached();
            one.Call().Dispose();
            one.Call().Dispose();
            return scope;
        },
        ["writing in a scope"] = one =>
        {
            var scope = parametrize.cached(one.Module);
            one.Tensor.Assign(one.Tensor.Value.detach() * -1, WhenNotAllowed.Project);
            return scope;
        },
        ["determinant in a scope"] = one =>
        {
            var scope = parametrize.cached(one.Module);
            if (one.Name is "kernel" or "b.weight")
                one.Tensor.LogAbsDeterminant().Dispose();
            return scope;
        },
        ["pass"] = one => Nothing(() => one.Call().Dispose()),
        ["refresh"] = one => Nothing(() => one.Tensor.Refresh()),
        ["bases"] = one => Nothing(() => one.Module.update_bases()),
        ["mode"] = one =>
            Nothing(() =>
            {
                one.Module.eval();
                one.Call().Dispose();
                one.Module.train();
            }),
        ["load"] = one => Nothing(() => one.Module.load_parametrized_state_dict(one.Module.baked_state_dict())),
        ["register again"] = one =>
            Nothing(() =>
            {
                if (one.Name != "kernel" && !one.Tensor.Parametrization.Code.Contains("spectralNorm"))
                    one.Module.register_parametrization(Whole(one), Parametrizations.Scale(2));
            }),
        ["report"] = one => Nothing(() => one.Module.parametrization_report(4).ToString()),
    };

    public static TheoryData<string, string, bool> Cases
    {
        get
        {
            var cases = new TheoryData<string, string, bool>();
            foreach (var kind in Kinds.Keys)
            foreach (var verb in Verbs.Keys)
            foreach (var infers in (bool[])[false, true])
                cases.Add(kind, verb, infers);
            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Training_has_the_same_gradients(string kind, string verb, bool infers)
    {
        var expected = Gradients(kind, verb, () => enable_grad());
        var found = Gradients(kind, verb, () => infers ? inference_mode() : no_grad());
        Assert.NotEmpty(expected);
        Assert.Equal(expected.Keys, found.Keys);
        Assert.All(expected, one => Near.Same(one.Value, found[one.Key], 1e-5));
    }

    private static Dictionary<string, Tensor> Gradients(string kind, string verb, Func<IDisposable> mode)
    {
        Seeded.Everywhere(3);
        var one = Kinds[kind]();
        IDisposable? lasting;
        using (mode())
            lasting = Verbs[verb](one);
        using (lasting)
        {
            var loss = one.Call().square().sum();
            if (verb.StartsWith("determinant", StringComparison.Ordinal) && one.Name is "kernel" or "b.weight")
                loss += one.Tensor.LogAbsDeterminant();
            loss.backward();
        }
        return one
            .Module.named_parameters()
            .Where(own => own.parameter.grad is not null)
            .ToDictionary(own => own.name, own => own.parameter.grad!);
    }

    private static Trained Of(nn.Module<Tensor, Tensor> module, string name) =>
        new(module, name, () => module.call(arange(8, dtype: float32).reshape(2, 4)));

    /// <summary>Of a joint tensor, the name of all of it.</summary>
    private static string Whole(Trained one) => one.Module.is_parametrized("weight+bias") ? "weight+bias" : one.Name;

    private static IDisposable? Nothing(Action verb)
    {
        verb();
        return null;
    }
}
