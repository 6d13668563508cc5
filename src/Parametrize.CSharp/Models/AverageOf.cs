namespace Parametrize.CSharp;

/// <summary>Of what an average of parametrized tensors is taken.</summary>
public enum AverageOf
{
    /// <summary>
    /// Of the constrained tensors: the average is projected into the space, and its right inverse is written. What is
    /// averaged does not depend on the map, nor on where bases are.
    /// </summary>
    Values,

    /// <summary>
    /// Of the parameters, as PyTorch's AveragedModel does. Their bases have to be the same; the value of averaged parameters
    /// depends on the map.
    /// </summary>
    Originals,
}
