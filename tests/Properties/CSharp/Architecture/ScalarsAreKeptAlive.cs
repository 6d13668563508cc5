using System.Reflection;
using Parametrize;
using Parametrize.CSharp;
using Parametrize.Flows;
using TorchSharp;
using Xunit;

namespace Properties.CSharp.Architecture;

/// <summary>
/// TorchSharp (0.107.0) does not keep a Scalar alive while libtorch reads it: a garbage collection at that moment ends the
/// call, or the process. So no assembly has one made on the way, by an operator, an argument or a conversion, or by a method of
/// TorchSharp that makes one for itself.
/// </summary>
public class ScalarsAreKeptAlive
{
    private static readonly Assembly[] Assemblies =
    [
        typeof(Parametrization).Assembly,
        typeof(parametrize).Assembly,
        typeof(Flow).Assembly,
    ];

    /// <summary>What TorchSharp does itself where nothing else can be called, and where no training or inference runs.</summary>
    private static readonly string[] Allowed =
    [
        // Where TorchSharp lacks the method that takes numbers.
        "Parametrize.Entrywise+softplusOf",
        // Histograms for TensorBoard.
        "Parametrize.CSharp.parametrize.add_report: add_histogram",
        // Where the memory of libtorch is not as expected.
        "Parametrize.CSharp.Torch.Versions.Ask: invoke",
    ];

    private static bool IsNumber(Type type) => type.IsPrimitive && type != typeof(bool);

    private static bool MakesOne(MemberInfo member) =>
        member is MethodInfo { IsStatic: true } method
        && (
            method.DeclaringType == typeof(Scalar) && method.Name == "op_Implicit"
            || method.ReturnType == typeof(Scalar) && method.Name == "ToScalar"
            || method.DeclaringType == typeof(torch.Tensor)
                && method.Name.StartsWith("op_", StringComparison.Ordinal)
                && method.GetParameters().Any(parameter => IsNumber(parameter.ParameterType))
        );

    private static bool YieldsOne(MemberInfo member) =>
        member is MethodInfo { ReturnType: var type } && type == typeof(Scalar)
        || member is ConstructorInfo && member.DeclaringType == typeof(Scalar);

    /// <summary>
    /// The methods of TorchSharp that make a Scalar for themselves, such as `tensor + tensor`, which makes a 1: those whose code
    /// does, and those that call them. A Scalar that is returned is the caller's to keep.
    /// </summary>
    private static HashSet<MethodBase> MakeOneInside()
    {
        var calls = (
            from type in typeof(torch).Assembly.GetTypes()
            where type != typeof(Scalar)
            from method in References.MethodsOf(type)
            where !YieldsOne(method)
            select (Method: method, Members: References.MembersIn(method).ToList())
        ).ToList();
        var found = calls.Where(call => call.Members.Any(YieldsOne)).Select(call => call.Method).ToHashSet();
        for (var before = 0; before < found.Count; )
        {
            before = found.Count;
            found.UnionWith(
                calls
                    .Where(call => call.Members.OfType<MethodBase>().Any(found.Contains))
                    .Select(call => call.Method)
                    .ToList()
            );
        }
        return found;
    }

    [Fact]
    public void No_method_has_a_scalar_made_on_the_way()
    {
        var inside = MakeOneInside();
        var found =
            from assembly in Assemblies
            from type in assembly.GetTypes()
            where !type.FullName!.Contains("Scalars", StringComparison.Ordinal)
            from method in References.MethodsOf(type)
            from member in References.MembersIn(method)
            where MakesOne(member) || member is MethodBase called && inside.Contains(called)
            let use = $"{type.FullName}.{method.Name}: {member.Name}"
            where !Allowed.Any(allowed => use.StartsWith(allowed, StringComparison.Ordinal))
            select use;
        var made = string.Join("\n", found.Order());
        Assert.True(made.Length == 0, made);
    }
}
