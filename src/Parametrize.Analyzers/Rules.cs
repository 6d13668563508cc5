using System.Reflection;
using Microsoft.CodeAnalysis;

namespace Parametrize.Analyzers;

/// <summary>What is reported, and where it is explained.</summary>
internal static class Rules
{
    public const string RunByForward = "PARAM001";
    public const string EarlyOptimizer = "PARAM002";
    public const string ReadOutsidePass = "PARAM003";
    public const string HooklessCall = "PARAM004";
    public const string OptionNotInText = "PARAM005";

    /// <summary>
    /// A property of diagnostics for joint tensors: the value of the parametrization is then not the member that is read.
    /// </summary>
    public const string Joint = "joint";

    private const string Category = "Parametrize";

    /// <summary>The address of the repository, which the build writes into the metadata of the assembly.</summary>
    private static readonly string Repository =
        typeof(Rules)
            .Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
            .FirstOrDefault(attribute => attribute.Key == "RepositoryUrl")
            ?.Value
        ?? "";

    public static readonly DiagnosticDescriptor RunByForwardRule = new(
        RunByForward,
        "Modules are run by call",
        "'{0}' runs no hooks, so that parametrized tensors are not computed: write 'call'",
        Category,
        DiagnosticSeverity.Warning,
        isEnabledByDefault: true,
        "What is parametrized is computed by hooks around 'call'. 'forward' bypasses them: it finds a placeholder, and fails or computes NaN.",
        HelpOf(RunByForward)
    );

    public static readonly DiagnosticDescriptor EarlyOptimizerRule = new(
        EarlyOptimizer,
        "Optimizers have to know of new parameters",
        "'{0}' makes new parameters, of which the optimizer built in line {1} does not know: follow it by "
            + "'{2}.add_parametrized_parameters({3})', or build the optimizer after it",
        Category,
        DiagnosticSeverity.Warning,
        isEnabledByDefault: true,
        "An optimizer built before keeps the module's own parameters. It does not train the new ones, or throws for them.",
        HelpOf(EarlyOptimizer)
    );

    public static readonly DiagnosticDescriptor ReadOutsidePassRule = new(
        ReadOutsidePass,
        "Parametrized tensors have values in passes and scopes",
        "'{0}' is parametrized in line {1} and has no value here: read '{2}', or read it in 'parametrize.cached'",
        Category,
        DiagnosticSeverity.Warning,
        isEnabledByDefault: true,
        "Outside 'call' and cached scopes the field of a parametrized tensor holds a placeholder without values.",
        HelpOf(ReadOutsidePass)
    );

    public static readonly DiagnosticDescriptor HooklessCallRule = new(
        HooklessCall,
        "Overloads of call without hooks need a pass or a scope around them",
        "'{0}' is parametrized in line {1}, and this 'call' runs no hooks: put 'using (parametrize.cached({0}))' around it",
        Category,
        DiagnosticSeverity.Warning,
        isEnabledByDefault: true,
        "The overloads of TorchSharp with masks and packed sequences run no hooks, so that nothing is computed for them: they "
            + "take NaN, or the values of an earlier pass.",
        HelpOf(HooklessCall)
    );

    public static readonly DiagnosticDescriptor UnsaidOptionRule = new(
        OptionNotInText,
        "The text of a node says its options",
        "{0} does not say {1}: write it into the text, since nodes with other options count as equal, and files hold the text alone",
        Category,
        DiagnosticSeverity.Warning,
        isEnabledByDefault: true,
        "Nodes of one class are equal when their texts are equal, and a file stores the text of a parametrization only.",
        HelpOf(OptionNotInText)
    );

    private static string HelpOf(string id) => $"{Repository}/blob/main/docs/analyzer.md#{id.ToLowerInvariant()}";
}
