using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Lifetimes;

/// <summary>Every verb on a module that was disposed throws ObjectDisposedException, which names its class.</summary>
public class DisposedModulesSaySo
{
    private static readonly Dictionary<string, (Func<nn.Module> Make, string Tensor, string Class)> Modules = new()
    {
        ["linear"] = (() => nn.Linear(4, 4), "weight", nameof(Linear)),
        ["in a model"] = (() => nn.Sequential(nn.Linear(4, 4)), "0.weight", nameof(Sequential)),
        ["recurrent"] = (() => nn.LSTM(4, 4), "weight_hh_l0", nameof(LSTM)),
        ["embedding"] = (() => nn.Embedding(4, 4), "weight", nameof(Embedding)),
        ["norm"] = (() => nn.BatchNorm1d(4), "running_var", nameof(BatchNorm1d)),
    };

    private static readonly Dictionary<string, Action<nn.Module, string>> Verbs = new()
    {
        ["register"] = (module, name) => module.register_parametrization(name, Parametrizations.WeightNorm()),
        ["remove"] = (module, name) => module.remove_parametrizations(name),
        ["is_parametrized"] = (module, name) => module.is_parametrized(name),
        ["is_parametrized at all"] = (module, _) => module.is_parametrized(),
        ["parametrization"] = (module, name) => module.parametrization(name),
        ["parametrizations"] = (module, _) => module.parametrizations(),
        ["report"] = (module, _) => module.parametrization_report(),
        ["cached"] = (module, _) => parametrize.cached(module).Dispose(),
        ["prune"] = (module, name) => module.l1_unstructured(name, 0.5),
        ["load"] = (module, _) => module.load_parametrized_state_dict(new Dictionary<string, Tensor>(), strict: false),
        ["copy from"] = (module, _) => parametrize.copy_parametrizations(module, nn.Linear(4, 4)),
        ["copy to"] = (module, _) => parametrize.copy_parametrizations(nn.Linear(4, 4), module),
        ["many"] = (module, _) =>
            module.register_parametrizations((_, _) => true, "weight", Parametrizations.WeightNorm()),
        ["update_bases"] = (module, _) => module.update_bases(),
        ["parametrized_parameters"] = (module, _) => module.parametrized_parameters(),
        ["other_parameters"] = (module, _) => module.other_parameters(),
    };

    public static TheoryData<string, string, bool> Cases
    {
        get
        {
            var cases = new TheoryData<string, string, bool>();
            foreach (var module in Modules.Keys)
            foreach (var verb in Verbs.Keys)
            {
                cases.Add(module, verb, true);
                cases.Add(module, verb, false);
            }
            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Each_verb_names_the_class(string kind, string verb, bool isRegistered)
    {
        var (make, name, ofClass) = Modules[kind];
        var module = make();
        if (isRegistered)
            module.register_parametrization(name, Parametrizations.WeightNorm());
        module.Dispose();
        Assert.Contains(ofClass, Assert.Throws<ObjectDisposedException>(() => Verbs[verb](module, name)).ObjectName);
    }

    [Fact]
    public void So_do_the_members_of_a_tensor_that_went_with_its_module()
    {
        var layer = nn.Linear(4, 4).orthogonal();
        var tensor = layer.parametrization("weight");
        layer.Dispose();
        Action[] uses =
        [
            () => tensor.Value.Dispose(),
            () => tensor.Value = eye(4),
            () => tensor.TryAssign(eye(4)),
            () => tensor.Assign(eye(4), WhenNotAllowed.Project),
            () => tensor.Refresh(),
            tensor.MoveBase,
            () => tensor.LogVolume(),
            () => tensor.LogVolumes(2),
            () => tensor.LogAbsDeterminant(),
            () => tensor.Solve(eye(4)),
            () => nn.Linear(4, 4).share_parametrization("weight", tensor),
        ];
        foreach (var use in uses)
            Assert.Contains("orthogonal", Assert.Throws<ObjectDisposedException>(use).ObjectName);
    }

    [Fact]
    public void Hooks_above_go_with_a_disposed_child()
    {
        var child = nn.Linear(4, 4);
        var model = nn.Sequential(("a", child), ("b", nn.Linear(4, 4)));
        var before = Snapshot.HooksOf(model);
        model.register_parametrization("a.weight", Parametrizations.Skew);
        Assert.NotEqual(before, Snapshot.HooksOf(model));
        child.Dispose();
        Assert.Equal(before, Snapshot.HooksOf(model));
    }
}
