using Parametrize.CSharp.Binding;
using static TorchSharp.torch;

namespace Parametrize.CSharp;

/// <summary>A module with another in it.</summary>
/// <param name="Module">The module.</param>
/// <param name="Child">The name of the other there.</param>
/// <param name="Above">What holds this one.</param>
internal sealed record Enclosing(nn.Module Module, string Child, Enclosing? Above)
{
    /// <summary>The nearest module that has a `call`.</summary>
    public nn.Module? Caller => Hooks.CanBeAround(Module) ? Module : Above?.Caller;
}
