using Parametrize.CSharp.Torch;
using static TorchSharp.torch;

namespace Parametrize.CSharp.Joint;

/// <summary>
/// The name of a tensor that several make up: theirs with a plus between them, `weight+bias`, and in a native module
/// `self_attn.in_proj_weight+in_proj_bias`.
/// </summary>
internal static class JointName
{
    private const char Plus = '+';

    /// <summary>Throws ArgumentException for names of several modules, and for none.</summary>
    public static string Of(IReadOnlyList<string> names)
    {
        if (names.Count == 0 || names.Any(string.IsNullOrEmpty))
            throw new ArgumentException("Names of tensors were expected: weight, bias.", nameof(names));
        var prefix = Prefix(names[0]);
        if (names.FirstOrDefault(name => Prefix(name) != prefix) is { } stray)
            throw new ArgumentException($"{names[0]} and {stray} are not of one module.", nameof(names));
        return prefix + string.Join(Plus, names.Select(name => name[prefix.Length..]));
    }

    public static bool IsOfSeveral(string name) => name.Contains(Plus);

    /// <summary>The names of the tensors; of one alone, its own.</summary>
    public static string[] Members(nn.Module owner, string name)
    {
        if (!IsOfSeveral(name) || ModuleInternals.HasTensor(owner, name))
            return [name];
        var members = Members(name);
        if (members.Any(member => member.Length == Prefix(member).Length))
            throw new ArgumentException(
                $"'{name}' has a plus without a name beside it. Names of a joint tensor are like 'weight+bias'.",
                nameof(name)
            );
        return [members[0], .. members.Skip(1).Select(member => Prefix(members[0]) + member)];
    }

    public static string[] Members(string name) => name.Split(Plus);

    /// <summary>The keys of the members of a joint tensor, from its own: `fc.weight+bias`.</summary>
    public static string[] Keys(string key) =>
        [.. Members(key[Prefix(key).Length..]).Select(name => Prefix(key) + name)];

    private static string Prefix(string name) => name[..(name.LastIndexOf('.') + 1)];
}
