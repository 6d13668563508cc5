namespace Parametrize.CSharp.Values;

/// <summary>Checks the names of users' nodes. A file stores a value as text, and reads the text back.</summary>
internal static class OwnNames
{
    /// <summary>Throws for a user's node whose text is that of a value of the library.</summary>
    public static void Require(Parametrization value)
    {
        foreach (var node in value.Nodes)
            if (node.GetType().Assembly != typeof(Node).Assembly && Reading.parse($"{node}").IsOk)
                throw new ArgumentException(
                    $"{node.GetType().Name} is a node of your own, but {node} is how a value of the library is typed: a file of it would be read back as that value. Give it another name, such as my{node.GetType().Name}.",
                    nameof(value)
                );
    }
}
