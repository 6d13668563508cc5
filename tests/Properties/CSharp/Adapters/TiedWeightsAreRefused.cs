using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Adapters;

/// <summary>
/// PEFT's adapter changes one module and no other that shares its weight: where both would change, adapters are refused and nothing is
/// changed.
/// </summary>
public class TiedWeightsAreRefused
{
    public static TheoryData<bool, string, string> Cases
    {
        get
        {
            var cases = new TheoryData<bool, string, string>();
            foreach (var isNative in new[] { false, true })
            foreach (
                var (targets, whole) in new[]
                {
                    ("head", ""),
                    ("table", ""),
                    ("head table", ""),
                    ("q", "head"),
                    ("head", "table"),
                }
            )
                cases.Add(isNative, targets, whole);
            return cases;
        }
    }

    private static LoraConfig Config(string targets, string whole) =>
        new()
        {
            Rank = 2,
            TargetModules = targets.Split(' '),
            ModulesToSave = whole.Split(' ', StringSplitOptions.RemoveEmptyEntries),
        };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Getting_adapters(bool isNative, string targets, string whole)
    {
        var model = new Lm(isNative, isTied: true);
        var refusal = Assert.Throws<ArgumentException>(() => model.get_peft_model(Config(targets, whole)));
        Assert.Contains("of its own first", refusal.Message, StringComparison.Ordinal);
        Assert.Empty(model.parametrizations());
        Assert.All(model.parameters(), parameter => Assert.True(parameter.requires_grad));
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Loading_them(bool isNative, string targets, string whole)
    {
        using var folder = new Folder();
        var config = Config(targets, whole);
        var apart = new Lm(isNative, isTied: false);
        peft.save_pretrained(apart.get_peft_model(config), folder.Path, config);
        peft.load_adapter(new Lm(isNative, isTied: false), folder.Path);

        var model = new Lm(isNative, isTied: true);
        using var before = model.head.weight!.detach().clone();
        Assert.Throws<NotSupportedException>(() => peft.load_adapter(model, folder.Path));
        Assert.Empty(model.parametrizations());
        Near.Same(before, model.head.weight!);
    }

    [Fact]
    public void Saving_one_that_was_registered_by_its_name()
    {
        using var folder = new Folder();
        var model = new Lm(isNative: true, isTied: true);
        model.register_parametrization("head.weight", Parametrizations.Lora(2, 4));
        var refusal = Assert.Throws<NotSupportedException>(() => peft.save_pretrained(model, folder.Path));
        Assert.Contains("a state_dict does", refusal.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(folder.Path));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Others_get_adapters_and_modules_that_share_are_saved_together(bool isNative)
    {
        var model = new Lm(isNative, isTied: true);
        model.get_peft_model(Config("q", "table head"));
        Assert.True(model.head.weight!.requires_grad);
        Assert.True(model.get_parameter("table.weight")!.requires_grad);
        Assert.Equal(["q.weight"], model.parametrizations().Select(entry => entry.name));
    }

    private sealed class Lm : nn.Module<Tensor, Tensor>
    {
        private readonly nn.Module<Tensor, Tensor> table;
        private readonly Linear q = nn.Linear(4, 4);
        public readonly Linear head = nn.Linear(4, 6, hasBias: false);

        public Lm(bool isNative, bool isTied)
            : base(nameof(Lm))
        {
            table = isNative ? nn.Embedding(6, 4) : nn.Linear(4, 6, hasBias: false);
            if (isTied && table is Linear linear)
                head.weight = linear.weight;
            else if (isTied)
                head.weight = ((Embedding)table).weight!;
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) => head.call(q.call(table.call(input)));
    }
}
