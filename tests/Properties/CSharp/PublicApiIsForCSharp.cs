using System.Reflection;
using System.Runtime.CompilerServices;
using System.Xml.Linq;
using Parametrize;
using Parametrize.CSharp;
using Parametrize.Flows;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp;

/// <summary>What a C# program sees.</summary>
public class PublicApiIsForCSharp
{
    private static readonly Assembly[] Assemblies = [typeof(parametrize).Assembly, typeof(Flow).Assembly];

    private static readonly HashSet<string> Documented =
    [
        .. Assemblies
            .SelectMany(assembly =>
                XDocument.Load(Path.ChangeExtension(assembly.Location, ".xml")).Descendants("member")
            )
            .Select(member => member.Attribute("name")!.Value),
    ];

    public static TheoryData<string> Types =>
        new(Assemblies.SelectMany(assembly => assembly.GetExportedTypes()).Select(type => type.FullName!));

    private static Type TypeNamed(string name) =>
        Assemblies.Select(assembly => assembly.GetType(name)).OfType<Type>().Single();

    /// <summary>
    /// Members that the type itself introduces, without those that it inherits from Node or from TorchSharp's Module.
    /// </summary>
    private static IEnumerable<MethodBase> OwnMembers(Type type)
    {
        const BindingFlags Declared =
            BindingFlags.Public
            | BindingFlags.NonPublic
            | BindingFlags.Instance
            | BindingFlags.Static
            | BindingFlags.DeclaredOnly;
        return type.GetConstructors(Declared)
            .Cast<MethodBase>()
            .Concat(type.GetMethods(Declared).Where(method => method.GetBaseDefinition().DeclaringType == type))
            .Where(method => method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly);
    }

    private static IEnumerable<Type> SignatureOf(MethodBase method) =>
        method
            .GetParameters()
            .Select(parameter => parameter.ParameterType)
            .Append((method as MethodInfo)?.ReturnType ?? typeof(void))
            .SelectMany(WithArguments);

    private static IEnumerable<Type> WithArguments(Type type) =>
        type.GetGenericArguments().SelectMany(WithArguments).Concat(ElementsOf(type)).Append(type);

    private static IEnumerable<Type> ElementsOf(Type type) =>
        type.HasElementType ? WithArguments(type.GetElementType()!) : [];

    [Theory]
    [MemberData(nameof(Types))]
    public void No_signature_has_a_type_of_FSharp_Core(string name)
    {
        var type = TypeNamed(name);
        var foreign = OwnMembers(type)
            .SelectMany(method => SignatureOf(method).Select(used => (method.Name, Used: used)))
            .Where(entry => entry.Used.Assembly == typeof(Microsoft.FSharp.Core.Unit).Assembly)
            .ToList();
        Assert.Empty(foreign);
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void Every_type_and_its_members_are_documented(string name)
    {
        var type = TypeNamed(name);
        Assert.Contains($"T:{name}", Documented);
        if (type.IsSubclassOf(typeof(Delegate)))
            return; // Its members are the compiler's.
        var members = type.GetMembers(
                BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly
            )
            .Where(member =>
                member is PropertyInfo or FieldInfo { IsSpecialName: false } or MethodInfo { IsSpecialName: false }
            )
            .Where(member => !member.IsDefined(typeof(CompilerGeneratedAttribute), inherit: false))
            .Where(member => member is not MethodInfo method || method.GetBaseDefinition() == method);
        Assert.All(
            members,
            member =>
                Assert.Contains(
                    Documented,
                    entry => entry[2..].StartsWith($"{name}.{member.Name}", StringComparison.Ordinal)
                )
        );
    }

    private static IEnumerable<MethodBase> MethodsOf(Type type) =>
        type.GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.Instance | BindingFlags.DeclaredOnly)
            .Concat<MethodBase>(type.GetConstructors());

    /// <summary>Every argument of a function that has to be an object.</summary>
    public static IEnumerable<object[]> Objects =>
        from type in new[]
        {
            typeof(Parametrizations),
            typeof(Priors),
            typeof(parametrize),
            typeof(prune),
            typeof(peft),
            typeof(Safetensors),
            typeof(ParametrizedTensor),
        }
        from method in MethodsOf(type)
        where method.GetParameters().All(other => !other.ParameterType.IsByRefLike)
        from parameter in method.GetParameters()
        where
            !parameter.IsOut
            && !parameter.ParameterType.IsValueType
            && new NullabilityInfoContext().Create(parameter).WriteState != NullabilityState.Nullable
        select new object[] { type, $"{method}", parameter.Name! };

    [Theory]
    [MemberData(nameof(Objects))]
    public void Null_is_refused_under_its_name(Type type, string signature, string argument)
    {
        var method = MethodsOf(type).Single(candidate => $"{candidate}" == signature);
        if (method is MethodInfo { IsGenericMethodDefinition: true } generic)
            method = generic.MakeGenericMethod([.. generic.GetGenericArguments().Select(_ => typeof(Linear))]);
        var arguments = method
            .GetParameters()
            .Select(parameter =>
                parameter.Name == argument || parameter.IsOut ? null
                : parameter.HasDefaultValue ? parameter.DefaultValue
                : Any(parameter.ParameterType)
            );
        var thrown = Assert.Throws<TargetInvocationException>(() =>
            method is ConstructorInfo constructor
                ? constructor.Invoke([.. arguments])
                : method.Invoke(method.IsStatic ? null : Any(type), [.. arguments])
        );
        Assert.Equal(argument, Assert.IsType<ArgumentNullException>(thrown.InnerException).ParamName);

        static object? Any(Type type) =>
            type.IsValueType ? Activator.CreateInstance(type)
            : type == typeof(Parametrization) ? Parametrizations.Skew
            : type == typeof(Parametrization[]) ? new[] { Parametrizations.Skew }
            : type == typeof(long[]) ? new[] { 2L }
            : type == typeof(Mask) ? Mask.OfArray([2], [true, false])
            : type == typeof(Amount) ? Amount.NewCount(1)
            : type == typeof(string) ? "weight"
            : type == typeof(LoraConfig) ? new LoraConfig { TargetModules = ["weight"] }
            : type == typeof(Pruning) ? Pruning.Nothing
            : type == typeof(PruningSchedule) ? PruningSchedule.Cubic(0, 0.5, 0, 10, 1)
            : type == typeof(OrthogonalMap) ? OrthogonalMap.Cayley
            : type == typeof(AlmostOrthogonalMap) ? AlmostOrthogonalMap.Sine
            : type == typeof(ParametrizedTensor) ? new ParametrizedTensor(Parametrizations.Identity, zeros(2, 2))
            : type.IsAssignableFrom(typeof(Linear)) ? nn.Linear(2, 2)
            : type.IsAssignableFrom(typeof(SGD)) ? optim.SGD([new Parameter(zeros(2))], 0.1)
            : type.IsAssignableFrom(typeof(MemoryStream)) ? new MemoryStream()
            : type.IsAssignableFrom(typeof(string[])) ? new[] { "weight", "bias" }
            : type == typeof(Func<string, nn.Module, bool>) ? new Func<string, nn.Module, bool>((_, _) => true)
            : type == typeof(Func<Linear, Tensor?>) ? new Func<Linear, Tensor?>(layer => layer.weight)
            : type.IsAssignableFrom(typeof(Dictionary<string, Tensor>)) ? new Dictionary<string, Tensor>()
            : type.IsAssignableFrom(typeof((nn.Module, string)[])) ? Array.Empty<(nn.Module, string)>()
            : type.IsAssignableFrom(typeof(Tensor)) ? zeros(2, 2)
            : type == typeof(double[][]) ? new double[][] { [1, 1] }
            : type == typeof(double[]) ? new double[] { 1 }
            : type == typeof(double[,])
                ? new double[,]
                {
                    { 1 },
                }
            : type == typeof(Prior) ? Priors.Normal()
            : type == typeof((string, Prior)[]) ? Array.Empty<(string, Prior)>()
            : type == typeof(Func<string, Prior?>) ? new Func<string, Prior?>(_ => null)
            : type == typeof(SummaryWriter) ? RuntimeHelpers.GetUninitializedObject(type)
            : type == typeof(ParametrizationReport) ? nn.Linear(2, 2).parametrization_report()
            : type == typeof(SpdMap) ? SpdMap.Eigenvalues
            : throw new ArgumentException($"What is {type}?");
    }

    [Fact]
    public void Equal_values_are_equal_and_print_alike()
    {
        Assert.Equal(
            Parametrizations.Skew.Then(Parametrizations.Cayley()),
            Parametrizations.Identity.Then(Parametrizations.Skew).Then(Parametrizations.Cayley())
        );
        Assert.Equal("skew >>> cayley", $"{Parametrizations.Skew.Then(Parametrizations.Cayley())}");
        Assert.NotEqual(Parametrizations.Sphere(), Parametrizations.Sphere(2));
        Assert.Equal(
            Parametrizations.PrunedBernoulli(0.3, 1).GetHashCode(),
            Parametrizations.PrunedBernoulli(0.3, 1).GetHashCode()
        );
        Assert.Equal(Parametrizations.Orthogonal(), Parametrizations.Orthogonal(OrthogonalMap.Default));
    }

    [Fact]
    public void An_error_can_be_asked_which_it_is()
    {
        var error = Parametrizations.Skew.Violation(TorchSharp.torch.ones(3, 3));
        Assert.True(error is ParametrizationError.NotAllowed { value: "skew" });
        Assert.Null(Parametrizations.Skew.Violation(TorchSharp.torch.zeros(3, 3)));
    }
}
