using static TorchSharp.torch;

namespace Parametrize.CSharp.Binding;

/// <summary>
/// What a module lists in place of a ParameterList or ParameterDict in it that has parametrized tensors. Those call all
/// that is in them their parameters, placeholders too, and nothing that is in their children. Their face has the same
/// contents and children, and tells what the parameters are.
/// </summary>
internal interface IFace
{
    /// <summary>The user's list.</summary>
    nn.Module Real { get; }

    /// <summary>What shows the face; nothing while the list is shown.</summary>
    List<Enclosing> SeenIn { get; }
}
