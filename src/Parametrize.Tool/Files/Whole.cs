using Parametrize.CSharp;

namespace Parametrize.Tool.Files;

/// <summary>What is written anew must have been read.</summary>
internal static class Whole
{
    /// <summary>Throws where a tensor was not read, or cannot be computed although it is needed.</summary>
    /// <param name="model">What was read.</param>
    /// <param name="needed">The names of tensors that have to be computed. Default: all.</param>
    public static void Require(SavedModel model, Func<string, bool>? needed = null)
    {
        RequireRead(model.Unread);
        string[] problems =
        [
            .. model.Tensors.Where(tensor => needed?.Invoke(tensor.Name) ?? true).Select(Problems.Of).OfType<string>(),
        ];
        if (problems.Length > 0)
            throw ToolException.Found(problems);
    }

    /// <summary>Throws where TorchSharp cannot hold a tensor.</summary>
    public static void RequireRead(IReadOnlyDictionary<string, string> unread)
    {
        if (unread.FirstOrDefault() is { Key: { } name, Value: var dtype })
            throw ToolException.Unusable(
                $"TorchSharp has no element type for {dtype}, in which the file has {name}"
                    + (unread.Count > 1 ? $" and {unread.Count - 1} more" : "")
                    + ": they would be lost."
            );
    }
}
