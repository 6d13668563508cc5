using Parametrize;
using Parametrize.CSharp;

namespace Digits.Model;

/// <summary>A way to keep the recurrent kernel orthogonal, or not to.</summary>
/// <param name="Name">As it is typed after --map.</param>
/// <param name="Parametrization">The value that says how the kernel is computed.</param>
public sealed record KernelMap(string Name, Parametrization Parametrization)
{
    /// <summary>The comparison: the kernel is a parameter as usual.</summary>
    public static KernelMap Unconstrained { get; } = new("unconstrained", Parametrizations.Identity);

    /// <summary>Three maps onto the orthogonal matrices, and none.</summary>
    public static IReadOnlyList<KernelMap> All { get; } =
    [
        new("cayley", Parametrizations.Cayley()),
        new("matrixexp", Parametrizations.MatrixExp()),
        new("householder", Parametrizations.Householder()),
        Unconstrained,
    ];

    /// <summary>Whether the kernel is orthogonal by construction.</summary>
    public bool IsOrthogonal => this != Unconstrained;
}
