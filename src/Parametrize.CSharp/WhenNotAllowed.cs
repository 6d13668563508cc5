namespace Parametrize.CSharp;

/// <summary>What registering does when the module's present tensor is not in the space of the parametrization.</summary>
public enum WhenNotAllowed
{
    /// <summary>Go on from the projection of the present tensor. The default.</summary>
    Project,

    /// <summary>Go on from a random tensor of the space, drawn from the global generator.</summary>
    Sample,

    /// <summary>
    /// Throw a <see cref="ParametrizationException"/> and leave the module as it is. A parametrization without a right
    /// inverse, such as one of <c>ThenUnchecked</c>, cannot tell what is allowed and refuses nothing: the tensor becomes
    /// the parameter.
    /// </summary>
    Refuse,

    /// <summary>
    /// Take the present tensor as the unconstrained parameter, allowed or not, as PyTorch does for parametrizations
    /// without a right inverse. The module's value changes. Parametrizations that carry buffers or several parameters
    /// project instead.
    /// </summary>
    Reinterpret,
}
