namespace Parametrize.CSharp;

/// <summary>What is averaged of parametrized tensors.</summary>
public enum AverageOf
{
    /// <summary>
    /// The constrained tensors: their average is projected into the space, and its right inverse is written. The result depends
    /// neither on the map nor on its bases.
    /// </summary>
    Values,

    /// <summary>
    /// The parameters, as PyTorch's AveragedModel does. The bases have to be the same, and the averaged value depends on the map.
    /// </summary>
    Originals,
}
