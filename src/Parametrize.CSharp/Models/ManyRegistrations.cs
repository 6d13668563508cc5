using Parametrize.CSharp.Registration;

namespace Parametrize.CSharp.Models;

/// <summary>Registers on all of several modules, or on none.</summary>
internal static class ManyRegistrations
{
    /// <summary>Registers one value on a tensor of each of these modules. Returns the names of the tensors.</summary>
    public static IReadOnlyList<string> Register(
        nn.Module model,
        IReadOnlyList<(string Name, nn.Module Module, ParentModule? Parent)> modules,
        string tensorName,
        Parametrization value,
        WhenNotAllowed whenNotAllowed
    )
    {
        var tensors = modules
            .Select(entry =>
                Found(
                    ModelTree.Join(entry.Name, tensorName),
                    () => TensorPath.Resolve(entry.Module, tensorName, entry.Parent),
                    value
                )
            )
            .DistinctBy(tensor => tensor.Path.Place)
            .ToList();
        Commit(model, tensors, whenNotAllowed);
        return [.. tensors.Select(tensor => tensor.Name)];
    }

    /// <summary>Registers on each of these tensors its own value, by name.</summary>
    public static void Register(
        nn.Module model,
        IEnumerable<KeyValuePair<string, Parametrization>> values,
        WhenNotAllowed whenNotAllowed
    ) =>
        Commit(
            model,
            [.. values.Select(pair => Found(pair.Key, () => TensorPath.Resolve(model, pair.Key), pair.Value))],
            whenNotAllowed
        );

    private static void Commit(
        nn.Module model,
        IReadOnlyList<(string Name, TensorPath Path, Parametrization Value)> tensors,
        WhenNotAllowed whenNotAllowed
    ) =>
        Prepared.CommitAll(
            tensors.Select(tensor => tensor.Path),
            () =>
            {
                var ties = new TiedParameters(model);
                return tensors.Select(tensor =>
                    Naming(tensor.Name, () => ties.Prepare(tensor.Path, tensor.Value, whenNotAllowed))
                );
            }
        );

    private static (string Name, TensorPath Path, Parametrization Value) Found(
        string name,
        Func<TensorPath> find,
        Parametrization value
    ) => (name, Naming(name, find), value);

    /// <summary>An error in a large model has to say which of its many layers it means.</summary>
    private static T Naming<T>(string name, Func<T> act)
    {
        try
        {
            return act();
        }
        catch (ParametrizationException refusal)
        {
            throw new ParametrizationException(refusal.Error, name, refusal.Advice);
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
