using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Adapters;
using Properties.CSharp.Support;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Lifetimes;

/// <summary>Whatever else is done with a model and its tensors, again and again.</summary>
internal static class VerbsOfModules
{
    private static readonly Tensor Any = ones(4, 4);

    /// <summary>Each makes what it needs once, and yields what is done again and again.</summary>
    public static readonly Dictionary<string, Func<Action>> All = new()
    {
        ["prune, refused behind a mask"] = () =>
        {
            var layer = nn.Linear(4, 4).l1_unstructured("weight", 0.25);
            var pruned = Parametrizations.PrunedL1(0.5);
            return () =>
                Assert.ThrowsAny<Exception>(() =>
                    layer.register_parametrization("weight", pruned, WhenNotAllowed.Refuse)
                );
        },
        ["prune globally"] = () =>
        {
            var model = Model();
            return () =>
            {
                prune.global_unstructured([(model, "plain.weight"), (model, "plain.bias")], 0.5);
                prune.global_unstructured([(model, "plain.weight"), (model, "plain.bias")], 0.5);
                model.remove_parametrizations("plain.weight").remove_parametrizations("plain.bias");
            };
        },
        ["prune globally, refused"] = () =>
        {
            var model = Model();
            return () =>
                Assert.ThrowsAny<Exception>(() =>
                    prune.global_unstructured([(model, "plain.weight"), (model, "plain.none")], 0.5)
                );
        },
        ["adapters"] = () =>
        {
            var model = Model();
            return () =>
            {
                model.get_peft_model(new LoraConfig { TargetModules = ["plain"], Rank = 2 });
                Assert.ThrowsAny<Exception>(() =>
                    model.get_peft_model(new LoraConfig { TargetModules = ["plain"], Rank = 2 })
                );
                peft.unload(model);
            };
        },
        ["adapters, merged"] = () =>
        {
            var model = Model().get_peft_model(new LoraConfig { TargetModules = ["plain"], Rank = 2 });
            return () => peft.merge_adapter(model).Unmerge();
        },
        ["adapters, saved and loaded"] = () =>
        {
            var folder = new Folder();
            var model = Model().get_peft_model(new LoraConfig { TargetModules = ["plain"], Rank = 2 });
            return () =>
            {
                peft.save_pretrained(model, folder.Path);
                peft.load_adapter(model, folder.Path);
            };
        },
        ["adapters, merging refused"] = () =>
        {
            var model = Model().get_peft_model(new LoraConfig { TargetModules = ["plain"], Rank = 2 });
            using (no_grad())
                model.parametrization("plain.weight").Originals[1].fill_(double.NaN);
            return () => Assert.Throws<InvalidOperationException>(() => peft.merge_adapter(model));
        },
        ["adapters, loading refused"] = () =>
        {
            var folder = new Folder();
            peft.save_pretrained(
                Model().get_peft_model(new LoraConfig { TargetModules = ["plain"], Rank = 2 }),
                folder.Path
            );
            var other = nn.Linear(2, 2);
            return () => Assert.ThrowsAny<Exception>(() => peft.load_adapter(other, folder.Path));
        },
        ["bases"] = () =>
        {
            var model = Model();
            var optimizer = optim.Adam(model.parameters(), 0.1);
            return () =>
            {
                model.update_bases(optimizer);
                optimizer.add_parametrized_parameters(model);
            };
        },
        ["copy, refused"] = () =>
        {
            var (model, other) = (Model(), Model());
            other.remove_parametrizations("turn.weight");
            other.register_parametrization("turn.weight", Parametrizations.Skew);
            return () => Assert.ThrowsAny<Exception>(() => parametrize.copy_parametrizations(model, other));
        },
        ["transfer behind another"] = () =>
        {
            var source = nn.Linear(4, 4).register_parametrization("weight", Parametrizations.Scale(3));
            var target = nn.Linear(4, 4);
            return () =>
            {
                target.register_parametrization("weight", Parametrizations.Scale(2));
                parametrize.transfer_parametrizations_and_params(source, target);
                target.remove_parametrizations("weight");
            };
        },
        ["register on several, refused"] = () =>
        {
            var layer = nn.Linear(4, 4);
            return () =>
                Assert.ThrowsAny<Exception>(() =>
                    layer.register_parametrization("weight+bias", Parametrizations.Positive, WhenNotAllowed.Refuse)
                );
        },
        ["register what fails"] = () =>
        {
            var layer = nn.Linear(4, 4);
            var failing = new Doubling { FailIn = "Forward" };
            return () => Assert.ThrowsAny<Exception>(() => layer.register_parametrization("weight", failing.Value));
        },
        ["report"] = () =>
        {
            var model = Model();
            return () => model.parametrization_report(spectraUpTo: 16).ToString();
        },
        ["priors"] = () =>
        {
            var model = Model();
            return () => model.log_prior(_ => Priors.Normal()).Dispose();
        },
        ["sharing, refused"] = () =>
        {
            var (model, other) = (Model(), nn.Linear(4, 3));
            return () =>
                Assert.ThrowsAny<Exception>(() =>
                    other.share_parametrization("weight", model.parametrization("turn.weight"))
                );
        },
        ["refresh"] = () => OfTensor("limited.weight", tensor => tensor.Refresh()),
        ["assign with projection"] = () =>
            OfTensor("turn.weight", tensor => tensor.Assign(Any, WhenNotAllowed.Project)),
        ["assign a sample"] = () => OfTensor("turn.weight", tensor => tensor.Assign(Any, WhenNotAllowed.Sample)),
        ["refused assignment"] = () => OfTensor("turn.weight", tensor => tensor.TryAssign(Any)),
        ["determinants"] = () =>
            OfTensor(
                "turn.weight",
                tensor =>
                {
                    tensor.LogAbsDeterminant().Dispose();
                    tensor.LogVolume()?.Dispose();
                    tensor.ValueAfter(0).Dispose();
                    Assert.ThrowsAny<Exception>(() => tensor.Inverse());
                }
            ),
        ["a text of a tensor"] = () => OfTensor("turn.weight", tensor => tensor.ToString()),
    };

    /// <summary>A model of all kinds of tensors.</summary>
    public static Sequential Model()
    {
        var model = nn.Sequential(
            ("turn", nn.Linear(4, 4).orthogonal()),
            ("tall", nn.Linear(4, 6).orthogonal()),
            ("normed", nn.Linear(4, 4).weight_norm()),
            ("limited", nn.Linear(4, 4).spectral_norm()),
            ("joint", nn.Linear(4, 4).register_parametrization("weight+bias", Parametrizations.Sphere())),
            ("plain", nn.Linear(4, 4)),
            ("norm", nn.BatchNorm1d(4).register_parametrization("running_var", Parametrizations.Positive))
        );
        model.eval();
        return model;
    }

    private static Action OfTensor(string name, Action<ParametrizedTensor> act)
    {
        var tensor = Model().parametrization(name);
        return () => act(tensor);
    }
}
