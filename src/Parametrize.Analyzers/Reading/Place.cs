using System.Collections.Immutable;
using Microsoft.CodeAnalysis;

namespace Parametrize.Analyzers;

/// <summary>
/// A module or tensor as code reaches it: a variable, or `this`, and the members from there on. A step that is not known
/// (an index that is computed) equals no other.
/// </summary>
internal sealed class Place(ISymbol root, ImmutableArray<string> members)
{
    public ISymbol Root { get; } = root;

    public ImmutableArray<string> Members { get; } = members;

    public bool IsVariable => Members.IsEmpty;

    public Place Then(string member) => new(Root, Members.Add(member));

    /// <summary>By the name that a state has: `encoder.0.weight`. Indices are members, too.</summary>
    public Place ThenPath(string path) => path.Split('.').Aggregate(this, (place, member) => place.Then(member));

    /// <summary>Whether the other is this, or is reached from it.</summary>
    public bool IsAround(Place other) =>
        SymbolEqualityComparer.Default.Equals(Root, other.Root)
        && Members.Length <= other.Members.Length
        && Members.SequenceEqual(other.Members.Take(Members.Length));

    public bool Is(Place other) => Members.Length == other.Members.Length && IsAround(other);
}
