using System.Runtime.CompilerServices;
using Parametrize.CSharp.Threads;
using Parametrize.CSharp.Torch;
using static TorchSharp.torch;

namespace Parametrize.CSharp.Registration;

/// <summary>
/// The locks for registering on modules and removing from them: one for each module, and one for reading and changing registries.
/// </summary>
internal static class ModuleAccess
{
    private static readonly ConditionalWeakTable<nn.Module, TensorAccess> Known = [];

    /// <summary>
    /// The lock for reading or changing registries of modules. It is one for the process, because models can share modules. Never
    /// wait for a `TensorAccess` while holding it.
    /// </summary>
    public static Lock Structure { get; } = new();

    public static TensorAccess Of(nn.Module module) => Known.GetValue(module, one => new(() => one.Title()));
}
