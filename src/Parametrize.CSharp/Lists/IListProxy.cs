using Parametrize.CSharp.Torch;
using static TorchSharp.torch;

namespace Parametrize.CSharp.Lists;

/// <summary>
/// What a module lists in place of a ParameterList or ParameterDict in it that has parametrized tensors. Those call all
/// that is in them their parameters, placeholders too, and nothing that is in their children. Their proxy has the same
/// contents and children, and tells what the parameters are.
/// </summary>
internal interface IListProxy
{
    /// <summary>The user's list.</summary>
    nn.Module Real { get; }

    /// <summary>What shows the proxy; nothing while the list is shown.</summary>
    List<ParentModule> SeenIn { get; }
}
