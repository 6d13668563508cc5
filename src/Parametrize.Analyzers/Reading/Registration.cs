using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace Parametrize.Analyzers;

/// <summary>A call that registers a parametrization on tensors of a module, or removes one.</summary>
internal sealed class Registration
{
    private const string Joining = "+";

    private static readonly ImmutableHashSet<string> Verbs =
    [
        "register_parametrization",
        "register_parametrizations",
        "share_parametrization",
        "orthogonal",
        "spectral_norm",
        "weight_norm",
    ];

    private static readonly ImmutableHashSet<string> PruningVerbs =
    [
        "identity",
        "random_unstructured",
        "l1_unstructured",
        "random_structured",
        "ln_structured",
        "custom_from_mask",
        "n_m",
        "up_to",
        "follow",
    ];

    /// <summary>Verbs that put adapters on a model. The factors of an adapter are new parameters.</summary>
    private static readonly ImmutableHashSet<string> AdapterVerbs = ["get_peft_model", "load_adapter"];

    private Registration(IInvocationOperation operation, bool isRemoval, Places places)
    {
        Operation = operation;
        IsRemoval = isRemoval;
        Module = places.Of(Places.ReceiverOf(operation)) ?? places.KeptIn(operation);
        if (Verb != "register_parametrizations" && !AdapterVerbs.Contains(Verb))
            Tensors = Module is null ? [] : TensorsOf(Module);
        MakesParameters =
            !isRemoval
            && (
                Verb == "weight_norm"
                || Verb == "get_peft_model"
                || Verb == "load_adapter"
                    && Argument("is_trainable")?.ConstantValue is not { HasValue: true, Value: false }
                || Argument("names") is not null
                || Name is { } name && name.Contains(Joining)
                || Argument("parametrization") is { } value && Values.AreOfSeveral(value, places)
            );
    }

    public IInvocationOperation Operation { get; }

    public bool IsRemoval { get; }

    public string Verb => Operation.TargetMethod.Name;

    /// <summary>The module on which it is registered; null when the module has no name.</summary>
    public Place? Module { get; }

    /// <summary>The tensors whose names are written in the call.</summary>
    public ImmutableArray<Place> Tensors { get; } = [];

    /// <summary>Whether it makes parameters that the module did not have before.</summary>
    public bool MakesParameters { get; }

    public bool IsJoint => Name?.Contains(Joining) ?? false;

    /// <summary>The name to pass to `parametrization`: for a member of a joint tensor, the name of the joint tensor.</summary>
    public string TitleOf(string tensor) => IsJoint ? Name!.Substring(Name.LastIndexOf('.') + 1) : tensor;

    private string? Name =>
        (Argument("name") ?? Argument("tensor_name"))?.ConstantValue is { HasValue: true, Value: string name }
            ? name
            : null;

    public static Registration? Of(IInvocationOperation operation, Places places)
    {
        var method = operation.TargetMethod;
        if (method.ContainingType is not { ContainingNamespace: { } space } owner)
            return null;
        if (space.ToDisplayString() != "Parametrize.CSharp")
            return null;
        return (owner.Name, method.Name) switch
        {
            ("parametrize", var verb) when Verbs.Contains(verb) => new(operation, isRemoval: false, places),
            ("peft", var verb) when AdapterVerbs.Contains(verb) => new(operation, isRemoval: false, places),
            ("prune", var verb) when PruningVerbs.Contains(verb) => new(operation, isRemoval: false, places),
            ("parametrize", "remove_parametrizations") or ("prune", "remove") => new(
                operation,
                isRemoval: true,
                places
            ),
            _ => null,
        };
    }

    private IOperation? Argument(string name) =>
        Operation.Arguments.FirstOrDefault(argument => argument.Parameter?.Name == name)?.Value;

    private ImmutableArray<Place> TensorsOf(Place module)
    {
        if (Name is { } name)
        {
            var prefix = name.Substring(0, name.LastIndexOf('.') + 1);
            return
            [
                .. name.Substring(prefix.Length).Split(Joining[0]).Select(member => module.ThenPath(prefix + member)),
            ];
        }
        return Argument("tensor") is { } selector && PointedAt(selector) is { } path ? [module.ThenPath(path)] : [];
    }

    /// <summary>`l => l.weight`: the members behind the parameter.</summary>
    private static string? PointedAt(IOperation selector)
    {
        if (selector is IDelegateCreationOperation creation)
            selector = creation.Target;
        var returned = (selector as IAnonymousFunctionOperation)?.Body.Operations.FirstOrDefault() as IReturnOperation;
        return
            new Places([]).Of(returned?.ReturnedValue)
                is { Root: IParameterSymbol, Members: { IsEmpty: false } members }
            ? string.Join(".", members)
            : null;
    }
}
