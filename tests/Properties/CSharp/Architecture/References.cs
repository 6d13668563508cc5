using System.Reflection;
using System.Reflection.Emit;

namespace Properties.CSharp.Architecture;

/// <summary>Which types of an assembly a type of it refers to, in signatures and in what is compiled.</summary>
internal static class References
{
    private const BindingFlags All =
        BindingFlags.Instance
        | BindingFlags.Static
        | BindingFlags.Public
        | BindingFlags.NonPublic
        | BindingFlags.DeclaredOnly;

    private static readonly Dictionary<short, OpCode> OpCodes = typeof(OpCodes)
        .GetFields(BindingFlags.Public | BindingFlags.Static)
        .Select(field => (OpCode)field.GetValue(null)!)
        .ToDictionary(code => code.Value);

    /// <summary>The types as they are written: a nested one counts as the one around it.</summary>
    public static HashSet<Type> Of(Type type, Assembly assembly)
    {
        var found = new HashSet<Type>();
        Visit(type);
        found.Remove(type);
        return found;

        void Visit(Type visited)
        {
            Add(visited.BaseType);
            foreach (var implemented in visited.GetInterfaces())
                Add(implemented);
            foreach (var field in visited.GetFields(All))
                Add(field.FieldType);
            foreach (var method in MethodsOf(visited))
            {
                Add((method as MethodInfo)?.ReturnType);
                foreach (var parameter in method.GetParameters())
                    Add(parameter.ParameterType);
                foreach (var member in MembersIn(method))
                    Add(member as Type ?? member.DeclaringType);
            }
            foreach (var nested in visited.GetNestedTypes(All))
                Visit(nested);
        }

        void Add(Type? used)
        {
            if (used is null)
                return;
            if (used.HasElementType)
                Add(used.GetElementType());
            foreach (var argument in used.GetGenericArguments())
                if (!argument.IsGenericParameter)
                    Add(argument);
            while (used.DeclaringType is { } outer)
                used = outer;
            if (used.Assembly == assembly)
                found.Add(used);
        }
    }

    /// <summary>Its own, constructors too.</summary>
    public static IEnumerable<MethodBase> MethodsOf(Type type) =>
        type.GetMethods(All).Cast<MethodBase>().Concat(type.GetConstructors(All));

    /// <summary>What the compiled method calls, reads and names.</summary>
    public static IEnumerable<MemberInfo> MembersIn(MethodBase method)
    {
        if (method.GetMethodBody()?.GetILAsByteArray() is not { } code)
            yield break;
        var ofType = method.DeclaringType!.IsGenericType ? method.DeclaringType.GetGenericArguments() : null;
        var ofMethod = method.IsGenericMethod ? method.GetGenericArguments() : null;
        for (var at = 0; at < code.Length; )
        {
            var value = code[at] == 0xFE ? (short)(0xFE00 | code[++at]) : code[at];
            at++;
            var operand = OpCodes[value].OperandType;
            if (
                operand
                is OperandType.InlineMethod
                    or OperandType.InlineField
                    or OperandType.InlineType
                    or OperandType.InlineTok
            )
                if (method.Module.ResolveMember(BitConverter.ToInt32(code, at), ofType, ofMethod) is { } member)
                    yield return member;
            at += operand switch
            {
                OperandType.InlineNone => 0,
                OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
                OperandType.InlineVar => 2,
                OperandType.InlineI8 or OperandType.InlineR => 8,
                OperandType.InlineSwitch => 4 + 4 * BitConverter.ToInt32(code, at),
                _ => 4,
            };
        }
    }
}
