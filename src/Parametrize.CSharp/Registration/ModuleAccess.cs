using System.Runtime.CompilerServices;
using Parametrize.CSharp.Threads;
using Parametrize.CSharp.Torch;
using static TorchSharp.torch;

namespace Parametrize.CSharp.Registration;

/// <summary>Who may register on a module or remove from it now: it has one set of parametrized tensors, and one registry.</summary>
internal static class ModuleAccess
{
    private static readonly ConditionalWeakTable<nn.Module, TensorAccess> Known = [];

    /// <summary>
    /// Has whoever looks through modules or changes what they hold: models may have modules in common. For moments in which the
    /// thread waits for nobody else.
    /// </summary>
    public static Lock Structure { get; } = new();

    public static TensorAccess Of(nn.Module module) => Known.GetValue(module, one => new(() => one.Title()));
}
