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
        ["scope of the model"] = trained => parametrize.cached(trained.Module),
        ["scope of all"] = _ => parametrize.cached(),
        ["reading in a scope"] = trained =>
        {
            var scope = parametrize.cached();
            trained.Tensor.Value.Dispose();
            return scope;
        },
        ["passes in a scope"] = trained =>
        {
            var scope = parametrize.cached();
            trained.Call().Dispose();
            trained.Call().Dispose();
            return scope;
        },
        ["writing in a scope"] = trained =>
        {
            var scope = parametrize.cached(trained.Module);
            trained.Tensor.Assign(trained.Tensor.Value.detach() * -1, WhenNotAllowed.Project);
            return scope;
        },
        ["determinant in a scope"] = trained =>
        {
            var scope = parametrize.cached(trained.Module);
            if (trained.Name is "kernel" or "b.weight")
                trained.Tensor.LogAbsDeterminant().Dispose();
            return scope;
        },
        ["pass"] = trained => Nothing(() => trained.Call().Dispose()),
        ["refresh"] = trained => Nothing(() => trained.Tensor.Refresh()),
        ["bases"] = trained => Nothing(() => trained.Module.update_bases()),
        ["mode"] = trained =>
            Nothing(() =>
            {
                trained.Module.eval();
                trained.Call().Dispose();
                trained.Module.train();
            }),
        ["load"] = trained =>
            Nothing(() => trained.Module.load_parametrized_state_dict(trained.Module.baked_state_dict())),
        ["register again"] = trained =>
            Nothing(() =>
            {
                if (trained.Name != "kernel" && !trained.Tensor.Parametrization.Code.Contains("spectralNorm"))
                    trained.Module.register_parametrization(Whole(trained), Parametrizations.Scale(2));
            }),
        ["report"] = trained => Nothing(() => trained.Module.parametrization_report(4).ToString()),
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
        Assert.All(expected, entry => Near.Same(entry.Value, found[entry.Key], 1e-5));
    }

    private static Dictionary<string, Tensor> Gradients(string kind, string verb, Func<IDisposable> mode)
    {
        Seeded.Everywhere(3);
        var trained = Kinds[kind]();
        IDisposable? lasting;
        using (mode())
            lasting = Verbs[verb](trained);
        using (lasting)
        {
            var loss = trained.Call().square().sum();
            if (verb.StartsWith("determinant", StringComparison.Ordinal) && trained.Name is "kernel" or "b.weight")
                loss += trained.Tensor.LogAbsDeterminant();
            loss.backward();
        }
        return trained
            .Module.named_parameters()
            .Where(own => own.parameter.grad is not null)
            .ToDictionary(own => own.name, own => own.parameter.grad!);
    }

    private static Trained Of(nn.Module<Tensor, Tensor> module, string name) =>
        new(module, name, () => module.call(arange(8, dtype: float32).reshape(2, 4)));

    /// <summary>Of a joint tensor, the name of all of it.</summary>
    private static string Whole(Trained trained) =>
        trained.Module.is_parametrized("weight+bias") ? "weight+bias" : trained.Name;

    private static IDisposable? Nothing(Action verb)
    {
        verb();
        return null;
    }
}
