using Parametrize.CSharp;

namespace Parametrize.Tool.Files;

/// <summary>Tensors that cannot be computed.</summary>
internal static class Problems
{
    /// <summary>Why it cannot be computed, and what to do; null where it can.</summary>
    public static string? Of(SavedTensor tensor) =>
        tensor switch
        {
            { Problem: null } => null,
            { Code: null } => $"{tensor.Problem} Name it: --parametrization '{tensor.Name}=CODE'.",
            _ => tensor.Problem,
        };
}
