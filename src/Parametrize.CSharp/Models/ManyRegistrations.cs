using Parametrize.CSharp.Binding;
using static TorchSharp.torch;

namespace Parametrize.CSharp;

/// <summary>Registers on all of several modules, or on none.</summary>
internal static class ManyRegistrations
{
    public static IReadOnlyList<string> Register(
        IReadOnlyList<(string Name, nn.Module Module)> modules,
        string tensorName,
        Parametrization value,
        WhenNotAllowed whenNotAllowed
    )
    {
        var paths = modules
            .Select(one =>
                (Name: ModelTree.Join(one.Name, tensorName), Path: TensorPath.Resolve(one.Module, tensorName))
            )
            .DistinctBy(one => one.Path)
            .ToList();
        RequireApart(paths);
        Undo.Unless(undo =>
        {
            foreach (var (name, path) in paths)
            {
                undo.Remember(path);
                RegisterOne(name, path, value, whenNotAllowed);
            }
        });
        return [.. paths.Select(one => one.Name)];
    }

    /// <summary>An error in a large model has to say which of its many layers it means.</summary>
    private static void RegisterOne(string name, TensorPath path, Parametrization value, WhenNotAllowed whenNotAllowed)
    {
        try
        {
            Registration.Register(path, value, whenNotAllowed);
        }
        catch (ParametrizationException refusal)
        {
            throw new ParametrizationException(refusal.Error, name);
        }
    }

    /// <summary>Of two modules with one parameter, the second would compute with the unconstrained one.</summary>
    private static void RequireApart(IEnumerable<(string Name, TensorPath Path)> paths)
    {
        var shared = paths
            .Where(one => one.Path.Tensor is null)
            .GroupBy(
                one => SlotFinder.Find(one.Path.Owner, one.Path.Name).Tensor,
                one => one.Name,
                ReferenceEqualityComparer.Instance
            )
            .FirstOrDefault(group => group.Count() > 1);
        if (shared is not null)
            throw new InvalidOperationException(
                $"{string.Join(" and ", shared)} share one tensor. Let them share a module, or a ParametrizedTensor."
            );
    }
}
