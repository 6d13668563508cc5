using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace Parametrize.Analyzers;

/// <summary>
/// PARAM002: a registration makes parameters after an optimizer was built for the module, and no later code adds them to the
/// optimizer. Most registrations make none, because the module's own parameter goes on as `original`.
/// </summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class EarlyOptimizerAnalyzer : BodyAnalyzer
{
    /// <inheritdoc/>
    public override ImmutableArray<DiagnosticDescriptor> SupportedDiagnostics => [Rules.EarlyOptimizerRule];

    private protected override IEnumerable<Diagnostic> Examine(Body body)
    {
        if (!body.Registrations.Any(registration => registration.MakesParameters))
            yield break;
        var optimizers = Built.In(body).ToList();
        foreach (var registration in body.Registrations)
            if (
                registration is { MakesParameters: true, Module: { } module }
                && !IsRemoved(registration, body)
                && optimizers.FirstOrDefault(optimizer =>
                    IsLeftBehind(optimizer, registration, module, body, optimizers)
                )
                    is { } early
            )
                yield return Diagnostic.Create(
                    Rules.EarlyOptimizerRule,
                    Names.PlaceOf(registration.Operation.Syntax),
                    [early.Operation.Syntax.GetLocation()],
                    registration.Verb,
                    Body.LineOf(early.Operation),
                    early.Name,
                    early.Modules.First(given => body.Places.IsAround(given.Place, module)).Text
                );
    }

    private static bool IsLeftBehind(
        Built optimizer,
        Registration registration,
        Place module,
        Body body,
        List<Built> optimizers
    ) =>
        optimizer.Has(module, body.Places)
        && optimizer.Operation.CanPrecede(registration.Operation)
        && optimizer.IsUsedAfter(registration.Operation, body)
        && !body.Operations.Any(operation =>
            operation.IsAfter(registration.Operation) && optimizer.IsToldBy(operation, body.Places, optimizers)
        )
        && !optimizers.Any(other => other.Operation.IsAfter(registration.Operation) && other.Has(module, body.Places));

    private static bool IsRemoved(Registration registration, Body body) =>
        body.Registrations.Any(removal =>
            removal.IsRemoval
            && removal.Operation.IsAfter(registration.Operation)
            && removal.Tensors.Any(removed => registration.Tensors.Any(removed.Is))
        );

    /// <summary>An optimizer that was given the parameters of modules.</summary>
    private sealed class Built
    {
        private static readonly ImmutableHashSet<string> Listings =
        [
            "parameters",
            "named_parameters",
            "parametrized_parameters",
            "other_parameters",
        ];

        private readonly Place? _place;

        private Built(IOperation operation, ImmutableArray<(Place, string)> modules, Places places)
        {
            Operation = operation;
            Modules = modules;
            _place = places.KeptIn(operation);
        }

        public IOperation Operation { get; }

        public ImmutableArray<(Place Place, string Text)> Modules { get; }

        public string Name => _place is null ? "optimizer" : string.Join(".", [_place.Root.Name, .. _place.Members]);

        public static IEnumerable<Built> In(Body body) =>
            from operation in body.Operations
            where operation is IInvocationOperation or IObjectCreationOperation && operation.Type.IsOptimizer()
            let given = Given(operation, body.Places)
            where !given.IsEmpty
            select new Built(operation, given, body.Places);

        public bool Has(Place module, Places places) => Modules.Any(given => places.IsAround(given.Place, module));

        /// <summary>
        /// Whether it may be used after the registration. One that is not kept in a local variable may be used anywhere.
        /// </summary>
        public bool IsUsedAfter(IOperation registration, Body body)
        {
            if (_place is not { IsVariable: true, Root: ILocalSymbol local })
                return true;
            var loops = Order.LoopsAround(registration).ToList();
            return body
                .Operations.OfType<ILocalReferenceOperation>()
                .Where(use => SymbolEqualityComparer.Default.Equals(use.Local, local))
                .Any(use => use.IsAfter(registration) || Order.LoopsAround(use).Any(loops.Contains));
        }

        /// <summary>Whether parameters are added to it, or to one that may be the same.</summary>
        public bool IsToldBy(IOperation operation, Places places, List<Built> optimizers)
        {
            if (operation is not IInvocationOperation { TargetMethod.Name: var verb } adding)
                return false;
            if (verb is not ("add_parametrized_parameters" or "add_param_group"))
                return false;
            var told = places.Of(Places.ReceiverOf(adding));
            return !optimizers.Any(other => other != this && other._place is { } place && told?.Is(place) == true);
        }

        private static ImmutableArray<(Place, string)> Given(IOperation operation, Places places) =>
            [
                .. from child in operation.ChildOperations
                from argument in child.DescendantsAndSelf()
                from part in places.Value(argument).DescendantsAndSelf()
                where part is IInvocationOperation
                let listing = (IInvocationOperation)part
                where Listings.Contains(listing.TargetMethod.Name)
                let receiver = Places.ReceiverOf(listing)
                where receiver.Type.IsModule()
                let place = places.Of(receiver)
                where place is not null
                select (place, receiver.Syntax.ToString()),
            ];
    }
}
