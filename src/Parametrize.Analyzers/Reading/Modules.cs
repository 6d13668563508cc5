using Microsoft.CodeAnalysis;

namespace Parametrize.Analyzers;

/// <summary>Recognizes types of TorchSharp and of this library by their names, whichever version a project refers to.</summary>
internal static class Modules
{
    public static bool IsModule(this ITypeSymbol? type) => type.Is("TorchSharp.torch.nn.Module");

    public static bool IsTensor(this ITypeSymbol? type) => type.Is("TorchSharp.torch.Tensor");

    public static bool IsOptimizer(this ITypeSymbol? type) => type.Is("TorchSharp.torch.optim.Optimizer");

    public static bool IsScope(this ITypeSymbol? type) => type.Is("Parametrize.CSharp.CachedScope");

    public static bool IsNodeOfSeveral(this ITypeSymbol? type) => type.Is("Parametrize.CSharp.CustomNodeOfSeveral");

    public static bool IsOwnNode(this ITypeSymbol? type) =>
        type.Is("Parametrize.CSharp.CustomNode") || type.IsNodeOfSeveral();

    /// <summary>Activations, dropouts, paddings, losses: there is nothing to parametrize.</summary>
    public static bool HasNoParameters(this ITypeSymbol? type) =>
        type.Is("TorchSharp.Modules.ParameterLessModule") || type.Is("TorchSharp.Loss");

    /// <summary>Flows and their layers run their networks by `call`, also when they are run by `forward`.</summary>
    public static bool RunsNetworksByCall(this ITypeSymbol? type) =>
        type.Is("Parametrize.Flows.FlowLayer") || type.Is("Parametrize.Flows.Flow");

    /// <summary>Whether it is the forward pass around which `call` runs hooks, or an override of that.</summary>
    public static bool IsForwardPass(this IMethodSymbol method)
    {
        if (method.Name != "forward" || method.IsStatic)
            return false;
        var root = method;
        while (root.OverriddenMethod is { } overridden)
            root = overridden;
        return root.ContainingType is { Name: "Module", IsGenericType: true } owner
            && owner.IsModule()
            && owner.ContainingNamespace.ToDisplayString() == "TorchSharp";
    }

    /// <summary>
    /// Whether it is one of TorchSharp's overloads of `call` that run no hooks: with the masks of a transformer, or with what
    /// `pack_padded_sequence` makes.
    /// </summary>
    public static bool RunsNoHooks(this IMethodSymbol method) =>
        method is { Name: "call", IsStatic: false, Parameters.Length: > 0 }
        && (NameOf(method.ContainingType), method.Parameters.Length) switch
        {
            ("TorchSharp.Modules.TransformerEncoderLayer", > 1) or ("TorchSharp.Modules.Transformer", > 2) => true,
            ("TorchSharp.Modules.RNN" or "TorchSharp.Modules.LSTM" or "TorchSharp.Modules.GRU", _) => method
                .Parameters[0]
                .Type
                .Name == "PackedSequence",
            _ => false,
        };

    /// <summary>Whether it is a class of that name, generic or not, or derived from one.</summary>
    private static bool Is(this ITypeSymbol? type, string name)
    {
        if (type is ITypeParameterSymbol parameter)
            return parameter.ConstraintTypes.Any(constraint => constraint.Is(name));
        for (var current = type; current is not null; current = current.BaseType)
            if (NameOf(current) == name)
                return true;
        return false;
    }

    private static string NameOf(ITypeSymbol type)
    {
        if (type.ContainingType is { } outer)
            return $"{NameOf(outer)}.{type.Name}";
        return type.ContainingNamespace is { IsGlobalNamespace: false } space
            ? $"{space.ToDisplayString()}.{type.Name}"
            : type.Name;
    }
}
