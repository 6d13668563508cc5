using System.Reflection;
using Parametrize;
using Parametrize.CSharp;
using Parametrize.Flows;
using TorchSharp;
using Xunit;

namespace Properties.CSharp.Architecture;

/// <summary>
/// TorchSharp (0.107.0) does not keep a Scalar alive while libtorch reads it: a garbage collection at that moment ends the
/// call, or the process. So no assembly has one made on the way, by an operator, an argument or a conversion.
/// </summary>
public class ScalarsAreKeptAlive
{
    private static readonly Assembly[] Assemblies =
    [
        typeof(Parametrization).Assembly,
        typeof(parametrize).Assembly,
        typeof(Flow).Assembly,
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

    [Fact]
    public void No_method_has_a_scalar_made_on_the_way()
    {
        var found =
            from assembly in Assemblies
            from type in assembly.GetTypes()
            where !type.FullName!.StartsWith("Parametrize.Scalars", StringComparison.Ordinal)
            from method in References.MethodsOf(type)
            from member in References.MembersIn(method)
            where MakesOne(member)
            select $"{type.FullName}.{method.Name}: {member.Name}";
        var made = string.Join("\n", found.Order());
        Assert.True(made.Length == 0, made);
    }
}
