using Parametrize.CSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Parametrize.Bench.Cases;

/// <summary>What is done to many tensors at once, or to one many times.</summary>
internal static class GrowthCase
{
    /// <summary>Each takes a count and yields what is to be timed.</summary>
    public static IEnumerable<(string Name, int Count, Func<int, Action> Prepare)> All() =>
        [
            ("registering one by one, on each layer", 4000, count => OnLayers(Model(count))),
            ("registering one by one, by names in the model", 4000, count => ByName(Model(count))),
            ("registering on all at once", 4000, count => () => RegisterAll(Model(count))),
            ("pruning all at once", 4000, count => PruneAll(Model(count))),
            ("reporting", 4000, count => Report(Registered(count))),
            ("listing the state", 4000, count => State(Registered(count))),
            ("loading a state", 4000, count => Load(Registered(count))),
            ("opening and closing a scope", 4000, count => Scope(Registered(count))),
            ("nodes on one tensor, one after the other", 400, Nodes),
        ];

    private static Sequential Model(int count) =>
        nn.Sequential(
            Enumerable.Range(0, count).Select(index => ($"{index}", (nn.Module<Tensor, Tensor>)nn.Linear(2, 2)))
        );

    private static Sequential Registered(int count) => RegisterAll(Model(count));

    private static Sequential RegisterAll(Sequential model)
    {
        model.register_parametrizations<Linear>("weight", Parametrizations.Symmetric);
        return model;
    }

    private static Action OnLayers(Sequential model) =>
        () =>
        {
            foreach (var layer in model.children())
                layer.register_parametrization("weight", Parametrizations.Symmetric);
        };

    private static Action ByName(Sequential model) =>
        () =>
        {
            foreach (var (name, _) in model.named_children())
                model.register_parametrization($"{name}.weight", Parametrizations.Symmetric);
        };

    private static Action PruneAll(Sequential model) =>
        () => prune.global_unstructured(model.children().Select(layer => ((nn.Module)layer, "weight")), 0.5);

    private static Action Report(Sequential model) => () => model.parametrization_report().ToString();

    private static Action State(Sequential model) => () => model.state_dict();

    private static Action Load(Sequential model)
    {
        var state = model.state_dict();
        return () => model.load_parametrized_state_dict(state);
    }

    private static Action Scope(Sequential model) => () => parametrize.cached(model).Dispose();

    private static Action Nodes(int count)
    {
        var layer = nn.Linear(4, 4);
        return () =>
        {
            for (var node = 0; node < count; node++)
                layer.register_parametrization("weight", Parametrizations.Scale(2));
        };
    }
}
