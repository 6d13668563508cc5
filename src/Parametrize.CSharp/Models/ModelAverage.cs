using Parametrize.CSharp.Registration;
using Parametrize.CSharp.Threads;

namespace Parametrize.CSharp.Models;

/// <summary>Updates the average of models by one more model.</summary>
internal static class ModelAverage
{
    /// <summary>Moves all tensors of the average towards those of the model by a weight, or none.</summary>
    public static void Update(nn.Module average, nn.Module model, double weight, AverageOf averageOf)
    {
        if (ReferenceEquals(average, model))
            throw new ArgumentException(
                "The model is the one that holds the average. Give AveragedModel another model of the same modules, made alike "
                    + "by `parametrize.copy_parametrizations(model, other)`.",
                nameof(model)
            );
        TransferPlan.RequireAlike(model, average);
        var pairs = Pairs(average, model);
        var plain = PlainPairs(average, model);
        foreach (var pair in pairs)
        {
            pair.Average.Binding.SyncWithModules();
            pair.Model.Binding.SyncWithModules();
        }
        TensorPath[] paths = [.. pairs.Select(pair => TensorPath.Resolve(average, pair.Name))];
        // Access to both models is taken at once: if both are parts of one larger model, its passes may hold tensors of one and
        // wait for the other.
        using var alone = TensorAccess.WritingAll(() =>
            [.. paths.SelectMany(path => path.Accesses), .. pairs.Select(pair => pair.Model.Binding.Access)]
        );
        RequireFinite(pairs, plain);
        Prepared.CommitAll(
            paths,
            () =>
                pairs.Select(pair => new PreparedParts(
                    pair.Average,
                    // Buffers are statistics. They are copied, because those of the model are the latest.
                    pair.Average.Averaged(pair.Model, pair.Average.IsBuffer ? 1 : weight, averageOf)
                ))
        );
        using var _ = no_grad();
        using var handles = NewDisposeScope(); // TorchSharp makes a new one for each operation in place.
        foreach (var (_, own, other) in plain)
        {
            var there = other.to(own.dtype, own.device);
            if (weight < 1 && (own.is_floating_point() || own.is_complex()) && own is TorchSharp.Modules.Parameter)
                own.lerp_(there, tensor(weight, device: own.device));
            else
                own.copy_(there);
        }
    }

    /// <summary>
    /// An average would keep NaN for ever. Buffers are copied, not averaged, and may hold infinite numbers, as masks of attention do.
    /// </summary>
    private static void RequireFinite(
        List<(string Name, ParametrizedTensor Average, ParametrizedTensor Model)> pairs,
        List<(string Name, Tensor Average, Tensor Model)> plain
    )
    {
        var trained = plain
            .Where(pair => pair.Average is TorchSharp.Modules.Parameter)
            .Select(pair => (pair.Name, pair.Model));
        var parts =
            from pair in pairs
            where !pair.Average.IsBuffer
            from input in pair.Model.Inputs
            select (pair.Name, input);
        foreach (var (name, tensor) in trained.Concat(parts))
            if (Tensors.nonFinite(tensor) is > 0 and var count)
                throw new ParametrizationException(ParametrizationError.NewNotFinite("An average", count), name);
    }

    private static List<(string Name, ParametrizedTensor Average, ParametrizedTensor Model)> Pairs(
        nn.Module average,
        nn.Module model
    )
    {
        var own = ModelTree.Tensors(average);
        var others = ModelTree.Tensors(model).ToDictionary(entry => entry.Name, entry => entry.Tensor);
        var unpaired = own.Select(entry => entry.Name).ToHashSet();
        unpaired.SymmetricExceptWith(others.Keys);
        if (unpaired.Count > 0)
            throw new InvalidOperationException(
                $"'{unpaired.First()}' is parametrized in one of the two models only. Make them alike: `parametrize.copy_parametrizations(model, average)`."
            );
        foreach (var (name, tensor) in own)
            if (
                !tensor.Parametrization.Equals(others[name].Parametrization)
                || !tensor.Shape.SequenceEqual(others[name].Shape)
            )
                throw new InvalidOperationException(
                    $"'{name}' is {tensor.Code} {Form.Shown(tensor.Shape)} in the average, but {others[name].Code} "
                        + $"{Form.Shown(others[name].Shape)} in the model. Begin another average when parametrizations change."
                );
        return own.ConvertAll(entry => (entry.Name, entry.Tensor, others[entry.Name]));
    }

    /// <summary>The parameters and buffers that are not parametrized; each once, also when several modules share it.</summary>
    private static List<(string Name, Tensor Average, Tensor Model)> PlainPairs(nn.Module average, nn.Module model)
    {
        var others = Plain(model).ToDictionary(entry => entry.Name, entry => entry.Tensor);
        var pairs = new List<(string, Tensor, Tensor)>();
        foreach (var (name, own) in Plain(average))
        {
            if (!others.TryGetValue(name, out var other) || !own.shape.SequenceEqual(other.shape))
                throw new ArgumentException(
                    $"'{name}' is {Form.Shown(own.shape)} in the average, but {(other is null ? "absent" : Form.Shown(other.shape))} in the model.",
                    nameof(model)
                );
            pairs.Add((name, own, other));
        }
        return [.. pairs.DistinctBy(pair => pair.Item2, NativeTensors.Comparer)];
    }

    private static IEnumerable<(string Name, Tensor Tensor)> Plain(nn.Module model) =>
        from entry in ModelTree.Modules(model, registering: true)
        from own in ModelTree.TensorsOf(entry.Module)
        where TensorPath.Find(entry.Module, own.Name) is null
        select (ModelTree.Join(entry.Name, own.Name), own.Tensor);
}
