using Parametrize.CSharp.Registration;

namespace Parametrize.CSharp.Models;

/// <summary>Pairs the parametrized tensors of two models that are built alike.</summary>
internal static class TransferPlan
{
    /// <summary>The transfers of all parametrized tensors. Throws when the models are not alike.</summary>
    public static IReadOnlyList<Transfer> Of(nn.Module from, nn.Module to)
    {
        RequireAlike(from, to);
        var transfers = new List<Transfer>();
        foreach (var shared in ModelTree.AllNames(from).GroupBy(entry => entry.Tensor, entry => entry.Name))
            transfers.AddRange(PlanOne(shared.Key, [.. shared], from, to));

        var there = ModelTree.Tensors(to).Select(entry => entry.Name);
        if (there.Except(transfers.Select(transfer => transfer.Name)).FirstOrDefault() is { } superfluous)
            throw new InvalidOperationException(
                $"{superfluous} is parametrized in the target, but not in the source. Remove that parametrization first."
            );
        return transfers;
    }

    /// <summary>
    /// The transfers of one tensor: under the name by which a module holds it, or else its first name, it is copied. Under its
    /// other names the target shares the copy.
    /// </summary>
    private static IEnumerable<Transfer> PlanOne(
        ParametrizedTensor tensor,
        string[] names,
        nn.Module from,
        nn.Module to
    )
    {
        var sorted = names.OrderByDescending(name => TensorPath.Resolve(from, name).IsHeld).ToList();
        var first = TensorPath.Resolve(to, sorted[0]);
        if (TensorPath.Resolve(from, sorted[0]).IsHeld && !first.IsHeld)
            throw new ArgumentException($"{to.Title()} holds no ParametrizedTensor '{sorted[0]}'.", nameof(to));
        yield return new(sorted[0], tensor, first);
        foreach (var name in sorted.Skip(1))
            yield return new(name, tensor, TensorPath.Resolve(to, name), SharedWith: () => first.Tensor);
    }

    public static void RequireAlike(nn.Module from, nn.Module to)
    {
        var (here, there) = (Modules(from), Modules(to));
        var different = here.Except(there).Concat(there.Except(here)).Select(module => module.Name).FirstOrDefault();
        if (different is not null)
            throw new ArgumentException(
                $"The models are not alike: '{different}' is {Shown(here, different)} in the source, but "
                    + $"{Shown(there, different)} in the target.",
                nameof(to)
            );
        RequireTies(from, to);
    }

    /// <summary>Throws when the target has one tensor under two names for which the source has two tensors.</summary>
    private static void RequireTies(nn.Module from, nn.Module to)
    {
        var here = ModelTree
            .Places(from)
            .SelectMany(places => places.Select(place => (place.Name, places.Key)))
            .ToLookup(place => place.Name, place => place.Key);
        foreach (var places in ModelTree.Places(to))
        {
            var names = places.Select(place => place.Name).Where(here.Contains).ToList();
            if (names.FirstOrDefault(name => !here[name].Intersect(here[names[0]]).Any()) is { } other)
                throw new ArgumentException(
                    $"The models are not alike: '{names[0]}' and '{other}' are one tensor in the target, but two in the source. Tie them in both, or in none.",
                    nameof(to)
                );
        }
    }

    private static List<(string Name, Type Type)> Modules(nn.Module model) =>
        ModelTree.Modules(model, registering: true).ConvertAll(entry => (entry.Name, entry.Module.GetType()));

    private static string Shown(IEnumerable<(string Name, Type Type)> modules, string name) =>
        modules.FirstOrDefault(module => module.Name == name).Type?.Name ?? "absent";
}
