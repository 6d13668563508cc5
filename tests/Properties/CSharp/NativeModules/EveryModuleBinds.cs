using System.Reflection;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.NativeModules;

/// <summary>Each tensor of each module class of TorchSharp can be parametrized, or an error says why not.</summary>
public class EveryModuleBinds
{
    /// <summary>Their tensors are those of other modules, or of the user.</summary>
    private static readonly Type[] Containers =
    [
        typeof(Sequential),
        typeof(ModuleList<>),
        typeof(ModuleDict<>),
        typeof(ParameterList),
        typeof(ParameterDict),
    ];

    /// <summary>Of which users derive their own, or which they load: what these own is not known here.</summary>
    private static readonly Type[] OfUsers =
    [
        typeof(nn.Module),
        typeof(nn.HookableModule<,>),
        typeof(jit.ScriptModule),
        typeof(jit.ScriptModule<>),
        typeof(jit.ScriptModule<,>),
        typeof(jit.ScriptModule<,,>),
        typeof(jit.HookableScriptModule<,>),
    ];

    public static TheoryData<string, string> Tensors
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (var (type, make) in Subject.Of)
            foreach (var name in make().Names)
                data.Add(type.Name, name);
            return data;
        }
    }

    [Fact]
    public void No_class_of_TorchSharp_that_owns_a_tensor_is_missing()
    {
        var classes = typeof(nn.Module)
            .Assembly.GetExportedTypes()
            .Where(type => !type.IsAbstract && typeof(nn.Module).IsAssignableFrom(type))
            .Where(type => !IsWithoutTensors(type));
        Assert.Empty(classes.Except(Subject.Of.Keys).Except(Containers).Except(OfUsers));
    }

    /// <summary>
    /// By the base class, which says so, or a loss; a field for a tensor contradicts, but for the weights that losses
    /// are given as arguments.
    /// </summary>
    private static bool IsWithoutTensors(Type type)
    {
        var bases = new List<Type>();
        for (var current = type; current != typeof(nn.Module); current = current.BaseType!)
            bases.Add(current);
        if (bases.Any(ancestor => ancestor.Name.StartsWith("WeightedLoss") || ancestor.Name.StartsWith("Loss")))
            return true;
        return bases.Any(ancestor => ancestor.Name.StartsWith("ParameterLessModule") || ancestor.Name == "PadBase")
            && !bases.Any(ancestor =>
                ancestor
                    .GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)
                    .Any(field => typeof(Tensor).IsAssignableFrom(field.FieldType))
            );
    }

    [Theory]
    [MemberData(nameof(Tensors))]
    public void The_tensor_binds_or_the_error_says_why(string kind, string name)
    {
        var subject = Subject.Make(kind);
        var own = subject.Own(name);
        if (!own.is_floating_point())
        {
            var refusal = Assert.ThrowsAny<Exception>(() =>
                subject.Module.register_parametrization(name, new Doubling().Value)
            );
            Assert.Contains("Int64", refusal.Message);
            return;
        }
        using var other = (own.detach() * 0.5 + 0.7).detach();
        var expected = ByHand(subject, own, other);
        var (output, state) = (subject.Output().detach().clone(), subject.Module.state_dict().Keys.ToList());

        subject.Module.register_parametrization(name, new Doubling().Value);
        Near.Same(output, subject.Output());
        var steps = name.Split('.');
        var key = string.Join('.', [.. steps[..^1], "parametrizations", steps[^1], "original"]);
        Assert.Equal(state.Select(old => old == name ? key : old).Order(), subject.Module.state_dict().Keys.Order());
        Assert.Same(own, subject.Module.state_dict()[key]);

        subject.Module.parametrization(name).Value = other;
        var result = subject.Output();
        Near.Same(expected.Output, result);
        if (own is Parameter)
        {
            result.pow(3).sum().backward();
            Near.Same(expected.Gradient! * 2, own.grad!);
        }

        subject.Module.remove_parametrizations(name);
        Assert.False(subject.Module.is_parametrized(name));
        Assert.Equal(state, subject.Module.state_dict().Keys);
        Assert.Same(own, subject.Own(name));
        Near.Same(other, own);
        Near.Same(expected.Output, subject.Output());
        Near.Same(expected.Output, ByHand(subject, own, other).Output);
    }

    [Theory]
    [MemberData(nameof(Tensors))]
    public void Removing_can_leave_the_unconstrained_tensor(string kind, string name)
    {
        var subject = Subject.Make(kind);
        var own = subject.Own(name);
        if (!own.is_floating_point())
            return;
        using var half = own.detach() / 2;
        var expected = ByHand(subject, own, half).Output;

        subject.Module.register_parametrization(name, new Doubling().Value);
        subject.Output();
        subject.Module.remove_parametrizations(name, leave_parametrized: false);

        Near.Same(half, own);
        Near.Same(expected, subject.Output());
    }

    [Fact]
    public void What_is_frozen_in_native_memory_stays_frozen()
    {
        foreach (var isFrozen in new[] { false, true })
        {
            var embedding = nn.Embedding_from_pretrained(rand(5, 4) + 1, freeze: isFrozen);
            embedding.register_parametrization("weight", Parametrizations.Positive);
            Assert.Equal(!isFrozen, embedding.parametrization("weight").Original.requires_grad);
        }
    }

    [Fact]
    public void Gradients_stay_when_a_parametrization_of_native_memory_is_removed()
    {
        using var input = randn(3, 2, 4);
        var unit = nn.GRU(4, 4).register_parametrization("weight_ih_l0", Parametrizations.Positive);
        unit.call(input).Item1.sum().backward();
        using var expected = unit.parametrization("weight_ih_l0").Original.grad!.clone();
        unit.remove_parametrizations("weight_ih_l0", leave_parametrized: false);
        Near.Same(expected, unit.get_parameter("weight_ih_l0")!.grad!);
    }

    /// <summary>Attention has other tensors when its keys are of another size.</summary>
    [Theory]
    [InlineData("q_proj_weight")]
    [InlineData("k_proj_weight")]
    [InlineData("v_proj_weight")]
    public void Attention_to_keys_of_another_size(string name)
    {
        var attention = nn.MultiheadAttention(4, 2, kdim: 3, vdim: 3);
        var (query, key) = (randn(3, 2, 4), randn(5, 2, 3));
        Tensor Output() => attention.call(query, key, key).Item1;
        using var expected = Output().detach();
        attention.register_parametrization(name, new Doubling().Value);
        Near.Same(expected, Output());
        using var half = attention.parametrization(name).Value.detach() / 2;
        attention.parametrization(name).Value = half;
        using var other = Output().detach();
        Near.Different(expected, other);
        attention.remove_parametrizations(name);
        Near.Same(other, Output());
    }

    /// <summary>What a plain module gives with the tensor, which is then as before.</summary>
    private static (Tensor Output, Tensor? Gradient) ByHand(Subject subject, Tensor own, Tensor value)
    {
        using var before = own.detach().clone();
        Write(own, value);
        own.grad = null;
        var output = subject.Output();
        if (own is Parameter)
            output.pow(3).sum().backward();
        var gradient = own.grad?.clone();
        subject.Module.zero_grad();
        Write(own, before);
        return (output.detach().clone(), gradient);
    }

    private static void Write(Tensor tensor, Tensor value)
    {
        using var _ = no_grad();
        tensor.copy_(value);
    }
}
