using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp;

/// <summary>Models are where they are, and what is done with them makes tensors there: not on the default device.</summary>
public class DefaultDevicesDoNotMatter
{
    private static readonly Tensor Rows = randn(6, 4);
    private static readonly Tensor Weight = eye(4) * 0.5;

    private static Sequential New() =>
        nn.Sequential(
            ("a", nn.Linear(4, 4, device: Rows.device)),
            ("b", nn.Linear(4, 4, device: Rows.device)),
            ("c", nn.BatchNorm1d(4, device: Rows.device))
        );

    private static readonly Sequential Other = New();

    private static Sequential With(Parametrization value)
    {
        var model = New();
        model.register_parametrizations<Linear>("weight", value);
        return model;
    }

    private static Sequential Adapted(bool isDora) =>
        New()
            .get_peft_model(
                new LoraConfig
                {
                    Rank = 2,
                    Alpha = 4,
                    TargetModules = ["a", "b"],
                    UseDora = isDora,
                }
            );

    private static readonly Dictionary<string, Action> Uses = new()
    {
        ["registering"] = () => With(Parametrizations.Orthogonal()),
        ["training"] = () => Train(With(Parametrizations.Orthogonal())),
        ["training what learns"] = () => Train(With(Parametrizations.SpectralNorm())),
        ["training a joint tensor"] = () =>
        {
            var model = New();
            model.register_parametrization("a.weight+bias", Parametrizations.WeightNorm());
            Train(model);
        },
        ["caching a group"] = () =>
        {
            var model = With(Parametrizations.Orthogonal());
            using var _ = parametrize.cached(model);
            Train(model, isWritten: false);
        },
        ["assigning"] = () => With(Parametrizations.Spd()).parametrization("a.weight").Value = Weight,
        ["removing"] = () => With(Parametrizations.Skew).remove_parametrizations("a.weight"),
        ["loading"] = () =>
        {
            var state = With(Parametrizations.Sphere()).state_dict();
            With(Parametrizations.Sphere()).load_parametrized_state_dict(state);
        },
        ["loading plain tensors"] = () =>
            With(Parametrizations.Orthogonal())
                .load_parametrized_state_dict(New().state_dict(), whenNotAllowed: WhenNotAllowed.Project),
        ["baking"] = () => With(Parametrizations.Orthogonal()).baked_state_dict(),
        ["copying"] = () => parametrize.copy_parametrizations(With(Parametrizations.Orthogonal()), New()),
        ["reporting"] = () => With(Parametrizations.Orthogonal()).parametrization_report().ToHtml(),
        ["sharing"] = () =>
        {
            var model = With(Parametrizations.Orthogonal());
            Other.share_parametrization("a.weight", model.parametrization("a.weight"));
            Other.remove_parametrizations("a.weight");
        },
        ["averaging values"] = () => Average(AverageOf.Values),
        ["averaging originals"] = () => Average(AverageOf.Originals),
        ["pruning"] = () =>
        {
            var model = New();
            prune.l1_unstructured(model, "a.weight", 0.5);
            prune.random_structured(model, "b.weight", 1, 0);
            prune.ln_structured(model, "a.weight", 1, 2, 1);
            Train(model);
            prune.remove(model, "a.weight");
        },
        ["pruning a model"] = () => prune.global_unstructured([(New(), "a.weight"), (New(), "b.weight")], 0.3),
        ["adapters"] = () =>
        {
            var model = Adapted(isDora: false);
            Train(model);
            peft.merge_adapter(model).Unmerge();
            peft.merge_and_unload(model);
        },
        ["dora"] = () => Train(Adapted(isDora: true)),
        ["priors"] = () => Priors.Normal(0, 2).LogDensity(Weight),
    };

    public static TheoryData<string> Names => [.. Uses.Keys];

    private static void Train(Sequential model, bool isWritten = true)
    {
        var optimizer = optim.Adam(model.parameters(), 1e-2);
        for (var step = 0; step < 2; step++)
        {
            model.call(Rows).square().sum().backward();
            if (isWritten)
                optimizer.step();
        }
    }

    private static void Average(AverageOf averageOf)
    {
        var model = With(Parametrizations.Orthogonal());
        var average = new AveragedModel<Sequential>(Copied(model), 0.9, averageOf);
        for (var update = 0; update < 2; update++)
        {
            average.update_parameters(model);
            Train(model);
        }
    }

    private static Sequential Copied(Sequential model)
    {
        var copy = New();
        parametrize.copy_parametrizations(model, copy);
        return copy;
    }

    [Theory, MemberData(nameof(Names))]
    public void Models_are_used_where_they_are(string use)
    {
        using var scope = NewDisposeScope();
        using var _ = new NoDefaultDevice();
        Uses[use]();
    }
}
