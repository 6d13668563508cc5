namespace Parametrize.CSharp;

/// <summary>
/// What to do with a tensor that is not in the space of the parametrization, when registering, assigning, loading or converting.
/// </summary>
public enum WhenNotAllowed
{
    /// <summary>
    /// Go on from a tensor near the projection of the tensor, where it can be trained. The default of registering, which also moves
    /// the entries of an allowed tensor that are on the edge of an open space. Assigning and loading take the projection itself if
    /// that is within a hundredth of the tensor's largest entry.
    /// </summary>
    Project,

    /// <summary>Go on from a random tensor of the space, drawn from the global generator.</summary>
    Sample,

    /// <summary>
    /// Throw a <see cref="ParametrizationException"/> and change nothing. An allowed tensor stays as it is, also on the edge. A
    /// parametrization without a right inverse, such as one of <c>ThenUnchecked</c>, cannot tell which tensors are allowed:
    /// registering takes any tensor as the parameter, and assigning throws.
    /// </summary>
    Refuse,

    /// <summary>
    /// Take the tensor as the unconstrained parameter, allowed or not, as PyTorch does for parametrizations without a right
    /// inverse. The module then computes with another value. Parametrizations with buffers, or with other parameters than one of the
    /// tensor's shape, project instead.
    /// </summary>
    Reinterpret,
}
