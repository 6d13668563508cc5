using Parametrize.CSharp.Torch;
using static TorchSharp.torch;

namespace Parametrize.CSharp.Lists;

/// <summary>
/// A proxy that a module lists as a child, in place of a ParameterList or ParameterDict that has parametrized tensors. Such a list
/// would name placeholders as its parameters, and none of the parameters in its children. The proxy has the same contents and
/// children, and names the right parameters.
/// </summary>
internal interface IListProxy
{
    /// <summary>The user's list.</summary>
    nn.Module Real { get; }

    /// <summary>The modules that show the proxy; empty while they show the list itself.</summary>
    List<ParentModule> SeenIn { get; }
}
