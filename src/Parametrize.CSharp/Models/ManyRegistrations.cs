using Parametrize.CSharp.Registration;
using Parametrize.CSharp.Torch;
using static TorchSharp.torch;

namespace Parametrize.CSharp.Models;

/// <summary>Registers on all of several modules, or on none.</summary>
internal static class ManyRegistrations
{
    public static IReadOnlyList<string> Register(
        nn.Module model,
        IReadOnlyList<(string Name, nn.Module Module, ParentModule? Parent)> modules,
        string tensorName,
        Parametrization value,
        WhenNotAllowed whenNotAllowed
    )
    {
        var paths = modules
            .Select(one =>
                (
                    Name: ModelTree.Join(one.Name, tensorName),
                    Path: TensorPath.Resolve(one.Module, tensorName, one.Parent)
                )
            )
            .DistinctBy(one => one.Path)
            .ToList();
        var ties = new TiedParameters(model);
        var done = new HashSet<ParametrizedTensor>(ReferenceEqualityComparer.Instance);
        Undo.OnFailure(undo =>
        {
            foreach (var (name, path) in paths)
            {
                // Of modules that share a tensor, the first has registered for all.
                if (path.Tensor is { } shared && done.Contains(shared))
                    continue;
                Naming(name, () => ties.Register(undo, path, value, whenNotAllowed));
                done.Add(path.Tensor!);
            }
        });
        return [.. paths.Select(one => one.Name)];
    }

    /// <summary>An error in a large model has to say which of its many layers it means.</summary>
    private static void Naming(string name, Action register)
    {
        try
        {
            register();
        }
        catch (ParametrizationException refusal)
        {
            throw new ParametrizationException(refusal.Error, name);
        }
    }
}
