using FsCheck.Xunit;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Caching;

/// <summary>What is assigned to a field in a cached scope is taken at the next use, whenever that is, or refused.</summary>
[Properties(MaxTest = 20, QuietOnSuccess = true)]
public class AssignmentsInScopesAreTaken
{
    private static readonly string[] Kinds = ["Linear", "Embedding", "own", "joint"];

    private static nn.Module Module(string kind) =>
        kind switch
        {
            "Linear" => nn.Linear(4, 4).register_parametrization("weight", Parametrizations.Symmetric),
            "Embedding" => nn.Embedding(4, 4).register_parametrization("weight", Parametrizations.Symmetric),
            "own" => new TensorField().register_parametrization("table", Parametrizations.Symmetric),
            _ => nn.Linear(4, 4).register_parametrization("weight+bias", Parametrizations.Positive),
        };

    private static void Assign(nn.Module module, Tensor value)
    {
        if (module is Embedding embedding)
            embedding.weight = nn.Parameter(value);
        else if (module is TensorField own)
            own.table = value;
        else
            ((Linear)module).weight = nn.Parameter(value);
    }

    private static Tensor Read(nn.Module module)
    {
        var tensor = module.parametrizations().Single().tensor;
        return tensor.Value.detach().narrow(1, 0, 4);
    }

    private static void Use(nn.Module module)
    {
        if (module is Embedding embedding)
            embedding.call(arange(4)).Dispose();
        else
            ((nn.Module<Tensor, Tensor>)module).call(zeros(2, 4, dtype: Read(module).dtype)).Dispose();
    }

    [Property]
    public void Whether_it_is_used_before_the_scope_ends_or_not(
        int kind,
        bool usedBefore,
        bool usedAfter,
        bool evaluates
    )
    {
        var module = Module(Kinds[Math.Abs(kind % Kinds.Length)]);
        using var value = Parametrizations.Symmetric.Sample([4, 4]).abs();
        using (parametrize.cached())
        {
            if (usedBefore)
                Use(module);
            Assign(module, value.clone());
            if (evaluates)
                module.eval();
            if (usedAfter)
                Use(module);
        }
        Near.Same(value, Read(module));
        Use(module);
    }

    [Property]
    public void Though_the_module_has_moved_since(bool usedAfter)
    {
        var layer = nn.Linear(4, 4).register_parametrization("weight", Parametrizations.Symmetric);
        using var value = Parametrizations.Symmetric.Sample([4, 4]);
        using (parametrize.cached())
        {
            Use(layer);
            layer.weight = nn.Parameter(value.clone());
            layer.to(ScalarType.Float64);
            if (usedAfter)
                Use(layer);
        }
        Near.Same(value.to(ScalarType.Float64), Read(layer));
        Use(layer);
    }

    [Property]
    public void But_not_in_another_element_type(bool inside)
    {
        var layer = nn.Linear(4, 4).orthogonal();
        using var before = Read(layer);
        var scope = parametrize.cached();
        Use(layer);
        layer.weight = nn.Parameter(Parametrizations.Orthogonal().Sample([4, 4], ScalarType.Float64));
        if (!inside)
            scope.Dispose();
        var refusal = Assert.Throws<ParametrizationException>(() => Use(layer));
        Assert.Contains("Float64", refusal.Message);
        Near.Identical(before, Read(layer));
        Use(layer);
        scope.Dispose();
        Use(layer);
    }
}
