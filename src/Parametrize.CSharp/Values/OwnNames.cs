namespace Parametrize.CSharp.Values;

/// <summary>Names of nodes of a user's own. Files say a value by its text, which is read back.</summary>
internal static class OwnNames
{
    /// <summary>Refuses a node of a user's own that is typed as a value of the library.</summary>
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
