using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Parametrize;
using Parametrize.Analyzers;
using Parametrize.CSharp;
using Properties.Analyzers.Support;
using Properties.CSharp.Reading;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.Analyzers;

/// <summary>What PARAM002 believes of values and verbs is what they do.</summary>
public class ValuesAreKnown
{
    private static readonly long[][] Shapes =
    [
        [4, 4],
        [6, 4],
        [4, 6],
        [6, 6],
        [2, 4, 4],
        [8, 8],
        [6],
        [4, 3, 3, 3],
        [5, 1],
        [3, 5],
        [10, 10],
    ];

    /// <summary>Every value that is written in a file, compared with what it registers.</summary>
    [Fact]
    public async Task Values_of_several_tensors_are_told_from_the_others()
    {
        var believed = await Believed();
        var values = EveryValue.OtherNames.Concat(EveryValue.All).ToList(); // In the order of the file.
        Assert.Equal(values.Count, believed.Count);
        var tried = 0;
        foreach (var ((code, make), ofSeveral) in values.Zip(believed))
            if (MakesParameters(make) is { } does)
            {
                tried++;
                Assert.True(does == ofSeveral, $"{code} {(does ? "makes" : "does not make")} parameters");
            }
        Assert.True(tried > values.Count / 2, $"only {tried} have a tensor of one of the shapes");
    }

    public static TheoryData<string, Action<Linear>> Verbs =>
        new()
        {
            { "orthogonal", layer => layer.orthogonal() },
            { "spectral_norm", layer => layer.spectral_norm() },
            { "weight_norm", layer => layer.weight_norm() },
            { "identity", layer => prune.identity(layer, "weight") },
            { "random_unstructured", layer => layer.random_unstructured("weight", 0.5) },
            { "l1_unstructured", layer => layer.l1_unstructured("weight", 0.5) },
            { "random_structured", layer => layer.random_structured("weight", 0.5, 0) },
            { "ln_structured", layer => layer.ln_structured("weight", 0.5, 2, 0) },
            { "custom_from_mask", layer => layer.custom_from_mask("weight", ones(4, 4)) },
            { "n_m", layer => layer.n_m("weight", 2, 4) },
            { "up_to", layer => layer.up_to("weight", 0.5) },
        };

    [Theory]
    [MemberData(nameof(Verbs))]
    public void Only_weight_norm_makes_parameters_and_each_empties_the_field(string verb, Action<Linear> register)
    {
        using var layer = nn.Linear(4, 4);
        var before = layer.parameters().ToList();
        register(layer);
        Assert.Equal(verb == "weight_norm", layer.parameters().Except(before).Any());
        Assert.True(layer.weight!.isnan().all().item<bool>());
    }

    [Fact]
    public void Joint_tensors_make_one()
    {
        using var layer = nn.Linear(4, 4);
        var before = layer.parameters().ToList();
        layer.register_parametrization("weight+bias", Parametrizations.Sphere());
        Assert.Single(layer.parameters().Except(before));
    }

    private static async Task<List<bool>> Believed()
    {
        var file = await File.ReadAllTextAsync(Path.Combine(AppContext.BaseDirectory, "EveryValue.cs"));
        using var program = new Program(file);
        var document = program.Documents.Single();
        var model = (await document.GetSemanticModelAsync())!;
        Assert.DoesNotContain(model.GetDiagnostics(), diagnostic => diagnostic.Severity == DiagnosticSeverity.Error);
        return
        [
            .. (await document.GetSyntaxRootAsync())!
                .DescendantNodes()
                .OfType<LambdaExpressionSyntax>()
                .Select(lambda => model.GetOperation(lambda.Body)!)
                .Select(value => Values.AreOfSeveral(value, new Places(ImmutableArray<IOperation>.Empty))),
        ];
    }

    /// <summary>Null where no tensor was found for the value.</summary>
    private static bool? MakesParameters(Func<Parametrization> make)
    {
        foreach (var type in new[] { ScalarType.Float32, ScalarType.ComplexFloat32 })
        foreach (var shape in Shapes)
            if (Sampled(make, shape, type) is { } tensor)
            {
                using var holder = new Holder(new Parameter(tensor));
                var before = holder.parameters().ToList();
                // Chains that were not checked may refuse their own samples.
                if (Record.Exception(() => holder.register_parametrization("weight", make())) is { } refusal)
                    Assert.IsType<ParametrizationException>(refusal);
                else
                    return holder.parameters().Except(before).Any();
            }
        return null;
    }

    private static Tensor? Sampled(Func<Parametrization> make, long[] shape, ScalarType type)
    {
        try
        {
            return make().Sample(shape, dtype: type);
        }
        catch (ArgumentException)
        {
            return null;
        }
    }

    private sealed class Holder : nn.Module<Tensor, Tensor>
    {
        public readonly Parameter weight;

        public Holder(Parameter weight)
            : base(nameof(Holder))
        {
            this.weight = weight;
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) => input;
    }
}
