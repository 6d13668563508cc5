namespace Parametrize.CSharp.Values;

/// <summary>How a parametrized tensor is to go on.</summary>
/// <param name="Value">What computes it: the present nodes first.</param>
/// <param name="Parts">What it is computed from; some may be present tensors.</param>
/// <param name="Nodes">What the new nodes carry, tensors of the parts.</param>
internal sealed record Continuation(Parametrization Value, Parts Parts, IReadOnlyList<NodeBuffers> Nodes);
