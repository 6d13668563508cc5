using Parametrize.CSharp.Registration;
using Parametrize.CSharp.Torch;
using static TorchSharp.torch;

namespace Parametrize.CSharp.Models;

/// <summary>Registers on all of several modules, or on none.</summary>
internal static class ManyRegistrations
{
    /// <param name="model">The model.</param>
    /// <param name="modules">Modules of it.</param>
    /// <param name="tensorName">The tensor of each.</param>
    /// <param name="valueOf">What constrains a tensor, given its name in the model.</param>
    /// <param name="whenNotAllowed">What to do when a present tensor is not in the space.</param>
    public static IReadOnlyList<string> Register(
        nn.Module model,
        IReadOnlyList<(string Name, nn.Module Module, ParentModule? Parent)> modules,
        string tensorName,
        Func<string, Parametrization> valueOf,
        WhenNotAllowed whenNotAllowed
    )
    {
        var paths = modules
            .Select(one => (Name: ModelTree.Join(one.Name, tensorName), one.Module, one.Parent))
            .Select(one =>
                (one.Name, Path: Naming(one.Name, () => TensorPath.Resolve(one.Module, tensorName, one.Parent)))
            )
            .DistinctBy(one => one.Path)
            .ToList();
        Prepared.CommitAll(
            paths.Select(one => one.Path),
            () =>
            {
                var ties = new TiedParameters(model);
                return paths.Select(one =>
                    Naming(one.Name, () => ties.Prepare(one.Path, valueOf(one.Name), whenNotAllowed))
                );
            }
        );
        return [.. paths.Select(one => one.Name)];
    }

    /// <summary>An error in a large model has to say which of its many layers it means.</summary>
    private static T Naming<T>(string name, Func<T> act)
    {
        try
        {
            return act();
        }
        catch (ParametrizationException refusal)
        {
            throw new ParametrizationException(refusal.Error, name);
        }
        catch (ArgumentException error) when (error.GetType() == typeof(ArgumentException))
        {
            var reason = error.Message.Replace($" (Parameter '{error.ParamName}')", "");
            throw new ArgumentException($"{name}: {reason}", "tensor_name", error);
        }
        catch (NotSupportedException error)
        {
            throw new NotSupportedException($"{name}: {error.Message}", error);
        }
        catch (InvalidOperationException error) when (error.GetType() == typeof(InvalidOperationException))
        {
            throw new InvalidOperationException($"{name}: {error.Message}", error);
        }
    }
}
