using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Models;

/// <summary>
/// A tensor that was assigned to a field and not used yet is older than whatever a verb does: all is then as if it had been assigned
/// by `Value`.
/// </summary>
public class EveryVerbTakesWhatWaits
{
    /// <summary>Each yields the modules that are compared afterwards, beside the layer.</summary>
    private static readonly Dictionary<string, Func<Linear, Linear, nn.Module[]>> Verbs = new()
    {
        ["copy from it"] = (layer, plain) => [parametrize.copy_parametrizations(layer, plain)],
        ["transfer from it"] = (layer, plain) => [parametrize.transfer_parametrizations_and_params(layer, plain)],
        ["copy onto it"] = (layer, plain) =>
        {
            plain.register_parametrization("weight", layer.parametrization("weight").Parametrization);
            parametrize.copy_parametrizations(plain, layer);
            return [];
        },
        ["move the base"] = (layer, _) => Nothing(() => layer.parametrization("weight").MoveBase()),
        ["move all bases"] = (layer, _) => Nothing(() => layer.update_bases()),
        ["refresh"] = (layer, _) => Nothing(() => layer.parametrization("weight").Refresh()),
        ["remove"] = (layer, _) => [layer.remove_parametrizations("weight")],
        ["register again"] = (layer, _) => [layer.register_parametrization("weight", Parametrizations.Identity)],
        ["prune"] = (layer, _) => [layer.l1_unstructured("weight", 0.5)],
        ["prune globally"] = (layer, _) => Nothing(() => prune.global_unstructured([(layer, "weight")], 0.5)),
        ["share"] = (layer, plain) => [plain.share_parametrization("weight", layer.parametrization("weight"))],
        ["average it"] = (layer, plain) =>
        {
            plain.register_parametrization("weight", layer.parametrization("weight").Parametrization);
            var average = new AveragedModel<Linear>(plain, 0.5);
            average.get_buffer("n_averaged")!.fill_(1);
            average.update_parameters(layer);
            return [plain];
        },
        ["average onto it"] = (layer, plain) =>
        {
            plain.register_parametrization("weight", layer.parametrization("weight").Parametrization);
            var average = new AveragedModel<Linear>(layer, 0.5);
            average.get_buffer("n_averaged")!.fill_(1);
            average.update_parameters(plain);
            return [];
        },
        ["load the rest"] = (layer, _) =>
            Nothing(() =>
                layer.load_parametrized_state_dict(new Dictionary<string, Tensor> { ["bias"] = ones(4) }, strict: false)
            ),
        ["a scope"] = (layer, _) => Nothing(() => parametrize.cached(layer).Dispose()),
        ["determinant"] = (layer, _) => Nothing(() => layer.parametrization("weight").LogAbsDeterminant().Dispose()),
        ["solve"] = (layer, _) => Nothing(() => layer.parametrization("weight").Solve(eye(4)).Dispose()),
        ["value in between"] = (layer, _) => Nothing(() => layer.parametrization("weight").ValueAfter(0).Dispose()),
        ["move it"] = (layer, _) => [layer.to(ScalarType.Float64)],
        ["prior"] = (layer, _) => Nothing(() => layer.log_prior(_ => Priors.Normal()).Dispose()),
    };

    private static readonly Dictionary<string, Parametrization> Values = new()
    {
        ["orthogonal"] = Parametrizations.Orthogonal(),
        ["weight norm"] = Parametrizations.WeightNorm(),
        ["spectral norm"] = Parametrizations.SpectralNorm(),
        ["scale"] = Parametrizations.Scale(2),
    };

    public static TheoryData<string, string> Cases => Those((_, _) => true);

    /// <summary>A move leaves what waits, and so does what has no base.</summary>
    public static TheoryData<string, string> Uses =>
        Those((verb, value) => verb != "move it" && (verb != "move all bases" || value == "orthogonal"));

    private static TheoryData<string, string> Those(Func<string, string, bool> areMeant)
    {
        var cases = new TheoryData<string, string>();
        foreach (var verb in Verbs.Keys)
        foreach (var value in Values.Keys.Where(value => areMeant(verb, value)))
            // Zeros leave the spaces of the others.
            if (!verb.StartsWith("prune", StringComparison.Ordinal) || value is "weight norm" or "scale")
                cases.Add(verb, value);
        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void As_if_it_had_been_assigned_by_Value(string verb, string value)
    {
        var assigned = After(verb, value, (layer, tensor) => layer.weight = nn.Parameter(tensor));
        var expected = After(verb, value, (layer, tensor) => layer.parametrization("weight").Value = tensor);
        Assert.Equal(expected.Select(entry => entry.Key), assigned.Select(entry => entry.Key));
        foreach (var (left, right) in expected.Zip(assigned))
            Near.Same(left.Value, right.Value, 1e-6);
    }

    /// <summary>What may not be there is refused by the verb, before anything changes, and not by a later use.</summary>
    [Theory]
    [MemberData(nameof(Uses))]
    public void One_that_is_refused_stops_the_verb(string verb, string value)
    {
        var (layer, plain) = Layers(value);
        using var before = layer.parametrization("weight").Value.detach().clone();
        layer.weight = nn.Parameter(ones(3, 3, 3));
        Assert.ThrowsAny<Exception>(() => Verbs[verb](layer, plain));
        Near.Same(before, layer.parametrization("weight").Value);
        Assert.Equal(Values[value], layer.parametrization("weight").Parametrization);
        layer.call(ones(1, 4)).Dispose();
        plain.call(ones(1, 4)).Dispose();
    }

    private static (Linear Layer, Linear Plain) Layers(string value)
    {
        Seeded.Everywhere(5);
        var (layer, plain) = (nn.Linear(4, 4), nn.Linear(4, 4));
        layer.register_parametrization("weight", Values[value]);
        layer.eval();
        plain.eval();
        layer.call(ones(1, 4)).Dispose();
        return (layer, plain);
    }

    /// <summary>The states after the verb and a use: a move and a query leave what waits.</summary>
    private static List<KeyValuePair<string, Tensor>> After(string verb, string value, Action<Linear, Tensor> assign)
    {
        var (layer, plain) = Layers(value);
        assign(layer, Values[value].Sample([4, 4]).detach());
        // What is drawn next is the same for both.
        Seeded.Everywhere(6);
        nn.Module[] all = [layer, .. Verbs[verb](layer, plain)];
        if (layer.is_parametrized())
            layer.parametrization("weight").Value.Dispose();
        return [.. all.SelectMany(module => module.state_dict())];
    }

    private static nn.Module[] Nothing(Action verb)
    {
        verb();
        return [];
    }
}
