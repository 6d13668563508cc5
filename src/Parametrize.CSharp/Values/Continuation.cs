namespace Parametrize.CSharp.Values;

/// <summary>The new value and parts of a parametrized tensor.</summary>
/// <param name="Value">The new value; its first nodes are the present ones.</param>
/// <param name="Parts">The new parts; some may be present tensors.</param>
/// <param name="Nodes">The buffers of the new nodes; they are tensors of the parts.</param>
internal sealed record Continuation(Parametrization Value, Parts Parts, IReadOnlyList<NodeBuffers> Nodes);
