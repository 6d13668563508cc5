using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Properties.CSharp.Architecture;

/// <summary>What others can use of an assembly: a line for each type, and below it one for each of its members.</summary>
internal static class PublicSurface
{
    private static readonly SymbolDisplayFormat Member = new(
        typeQualificationStyle: SymbolDisplayTypeQualificationStyle.NameAndContainingTypes,
        genericsOptions: SymbolDisplayGenericsOptions.IncludeTypeParameters
            | SymbolDisplayGenericsOptions.IncludeTypeConstraints
            | SymbolDisplayGenericsOptions.IncludeVariance,
        memberOptions: SymbolDisplayMemberOptions.IncludeType
            | SymbolDisplayMemberOptions.IncludeModifiers
            | SymbolDisplayMemberOptions.IncludeParameters
            | SymbolDisplayMemberOptions.IncludeConstantValue
            | SymbolDisplayMemberOptions.IncludeRef,
        delegateStyle: SymbolDisplayDelegateStyle.NameAndSignature,
        parameterOptions: SymbolDisplayParameterOptions.IncludeType
            | SymbolDisplayParameterOptions.IncludeName
            | SymbolDisplayParameterOptions.IncludeDefaultValue
            | SymbolDisplayParameterOptions.IncludeParamsRefOut
            | SymbolDisplayParameterOptions.IncludeExtensionThis,
        propertyStyle: SymbolDisplayPropertyStyle.ShowReadWriteDescriptor,
        miscellaneousOptions: SymbolDisplayMiscellaneousOptions.UseSpecialTypes
            | SymbolDisplayMiscellaneousOptions.IncludeNullableReferenceTypeModifier
            | SymbolDisplayMiscellaneousOptions.AllowDefaultLiteral
    );

    private static readonly SymbolDisplayFormat Head = new(
        typeQualificationStyle: SymbolDisplayTypeQualificationStyle.NameAndContainingTypesAndNamespaces,
        genericsOptions: Member.GenericsOptions,
        delegateStyle: Member.DelegateStyle,
        parameterOptions: Member.ParameterOptions,
        kindOptions: SymbolDisplayKindOptions.IncludeTypeKeyword,
        miscellaneousOptions: Member.MiscellaneousOptions
    );

    /// <summary>Compilers add them to types whose interfaces tell of them.</summary>
    private static readonly HashSet<string> Comparisons =
    [
        nameof(Equals),
        nameof(GetHashCode),
        nameof(IComparable.CompareTo),
        WellKnownMemberNames.EqualityOperatorName,
        WellKnownMemberNames.InequalityOperatorName,
    ];

    /// <param name="assembly">The name of one that these tests refer to.</param>
    public static string[] Of(string assembly)
    {
        var files = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator);
        var program = CSharpCompilation.Create(
            nameof(PublicSurface),
            references: files.Select(file => MetadataReference.CreateFromFile(file))
        );
        var read = program.SourceModule.ReferencedAssemblySymbols.Single(reference => reference.Name == assembly);
        return [.. TypesIn(read.GlobalNamespace).SelectMany(type => MembersOf(type).Prepend(HeadOf(type)))];
    }

    private static IEnumerable<INamedTypeSymbol> TypesIn(INamespaceOrTypeSymbol place) =>
        place
            .GetMembers()
            .OfType<INamespaceOrTypeSymbol>()
            .Where(symbol => symbol.IsNamespace || IsVisible(symbol))
            .OrderBy(symbol => symbol.MetadataName, StringComparer.Ordinal)
            .SelectMany(symbol => symbol is INamedTypeSymbol type ? TypesIn(type).Prepend(type) : TypesIn(symbol));

    private static string HeadOf(INamedTypeSymbol type)
    {
        var interfaces = type
            .Interfaces.Where(IsVisible)
            .OrderBy(implemented => implemented.MetadataName, StringComparer.Ordinal);
        var parents =
            type.TypeKind == TypeKind.Class && type.BaseType is { SpecialType: SpecialType.None } parent
                ? interfaces.Prepend(parent)
                : interfaces;
        var names = string.Join(", ", parents.Select(ancestor => ancestor.ToDisplayString(Member)));
        var modifiers =
            type.TypeKind != TypeKind.Class ? ""
            : type.IsStatic ? "static "
            : type.IsAbstract ? "abstract "
            : type.IsSealed ? "sealed "
            : "";
        return $"{modifiers}{type.ToDisplayString(Head)}{(names == "" ? "" : " : ")}{names}";
    }

    private static IEnumerable<string> MembersOf(INamedTypeSymbol type) =>
        type.GetMembers()
            .Where(member => member is not INamedTypeSymbol and not IMethodSymbol { AssociatedSymbol: not null })
            .Where(member => IsVisible(member) && !Overrides(member) && !IsComparison(member))
            .Select(member => (member.Name, Line: LineOf(member)))
            .OrderBy(member => member.Name, StringComparer.Ordinal)
            .ThenBy(member => member.Line, StringComparer.Ordinal)
            .Select(member => member.Line);

    private static string LineOf(ISymbol member)
    {
        var access = member.DeclaredAccessibility == Accessibility.Public ? "" : "protected ";
        // What is compiled has the arguments in one list; programs in F# give them one after the other.
        var curried = Has(member, "CompilationArgumentCountsAttribute") ? "curried " : "";
        // What overrides is left out: where it is said all the same, a member of F# is declared first.
        var text = member
            .ToDisplayString(Member)
            .Replace("override abstract ", "abstract ")
            .Replace("override ", "virtual ");
        return $"  {access}{curried}{text}";
    }

    private static bool Overrides(ISymbol member) =>
        member is IMethodSymbol { OverriddenMethod: not null } or IPropertySymbol { OverriddenProperty: not null };

    private static bool IsComparison(ISymbol member) =>
        Comparisons.Contains(member.Name) && Has(member, "CompilerGeneratedAttribute");

    private static bool Has(ISymbol member, string attribute) =>
        member.GetAttributes().Any(found => found.AttributeClass?.Name == attribute);

    /// <summary>Names with a bracket are the compiler's, for anonymous types and copies of records.</summary>
    private static bool IsVisible(ISymbol symbol) =>
        !symbol.IsImplicitlyDeclared
        && !symbol.Name.StartsWith('<')
        && symbol.DeclaredAccessibility
            is Accessibility.Public
                or Accessibility.Protected
                or Accessibility.ProtectedOrInternal;
}
