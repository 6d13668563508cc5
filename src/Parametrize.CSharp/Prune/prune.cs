using Parametrize.CSharp.Prune;
using Parametrize.CSharp.Registration;
using Parametrize.CSharp.Threads;
using Parametrize.Values;

namespace Parametrize.CSharp;

/// <summary>
/// The verbs of torch.nn.utils.prune for TorchSharp modules, under PyTorch's names. Pruning a tensor that is pruned
/// already takes the amount from what is left. Pruned entries keep their values in `original`, without effect.
/// </summary>
/// <remarks>
/// Amounts are shares when they are written as floating-point numbers, and counts when they are whole. A share is rounded to a
/// count as PyTorch does it, half to even. `Amount.NewUpTo(share)` prunes until that share of all entries is pruned, those pruned
/// before included; if the share is reached already, nothing changes.
/// </remarks>
public static partial class prune
{
    /// <summary>Prunes nothing yet: gives the tensor a mask of ones.</summary>
    /// <param name="name">The tensor: `weight`, or `encoder.weight` of a child.</param>
    public static T identity<T>(T module, string name)
        where T : nn.Module => Apply(module, name, Pruning.Nothing);

    /// <summary>Prunes exactly this many entries at random.</summary>
    /// <param name="name">The tensor: `weight`, or `encoder.weight` of a child.</param>
    /// <param name="amount">A share or a number of the entries that are left.</param>
    /// <param name="seed">The seed by which the entries are drawn. Default: a seed from the global generator.</param>
    /// <exception cref="ArgumentException">
    /// The amount is negative or a share above 1; or the module has no such tensor.
    /// </exception>
    /// <exception cref="ParametrizationException">Too few are left; nothing has changed.</exception>
    public static T random_unstructured<T>(this T module, string name, Amount amount, ulong? seed = null)
        where T : nn.Module => Apply(module, name, Pruning.NewRandom(amount, seed ?? NewSeed()));

    /// <summary>Prunes the entries of smallest modulus.</summary>
    /// <inheritdoc cref="random_unstructured"/>
    /// <param name="importance_scores">A tensor of the same shape, whose moduli are ranked in place of the tensor's.</param>
    /// <exception cref="ArgumentException">The amount or the scores are invalid; or the module has no such tensor.</exception>
    public static T l1_unstructured<T>(this T module, string name, Amount amount, Tensor? importance_scores = null)
        where T : nn.Module => Apply(module, name, Pruning.NewL1(amount), importance_scores);

    /// <summary>Prunes whole channels at random.</summary>
    /// <param name="name">A tensor of at least 2 dimensions.</param>
    /// <param name="amount">A share or a number of the channels that are not yet pruned as a whole.</param>
    /// <param name="dim">The dimension of the channels; negative ones count from the end.</param>
    /// <param name="seed">The seed by which the channels are drawn. Default: a seed from the global generator.</param>
    /// <exception cref="ArgumentException">
    /// The amount is negative or a share above 1; or the module has no such tensor.
    /// </exception>
    /// <exception cref="ParametrizationException">There is no such dimension, or too few channels are left.</exception>
    public static T random_structured<T>(this T module, string name, Amount amount, int dim, ulong? seed = null)
        where T : nn.Module => Apply(module, name, Pruning.NewRandomStructured(amount, dim, seed ?? NewSeed()));

    /// <summary>Prunes the channels with the smallest norms.</summary>
    /// <inheritdoc cref="random_structured"/>
    /// <param name="n">The power of the norm: any number, <see cref="double.PositiveInfinity"/> or <see cref="double.NegativeInfinity"/>.</param>
    /// <param name="importance_scores">A tensor of the same shape, whose norms are ranked in place of the tensor's.</param>
    /// <exception cref="ArgumentException">
    /// The amount, the power or the scores are invalid; or the module has no such tensor.
    /// </exception>
    public static T ln_structured<T>(
        this T module,
        string name,
        Amount amount,
        double n,
        int dim,
        Tensor? importance_scores = null
    )
        where T : nn.Module => Apply(module, name, Pruning.NewLn(amount, n, dim), importance_scores);

    /// <summary>Prunes where the mask has zeros.</summary>
    /// <param name="name">The tensor: `weight`, or `encoder.weight` of a child.</param>
    /// <param name="mask">Zeros where entries are pruned; of the tensor's shape. It is copied.</param>
    /// <exception cref="ArgumentException">The mask has numbers other than 0 and 1; or the module has no such tensor.</exception>
    /// <exception cref="ParametrizationException">The mask has another shape; nothing has changed.</exception>
    public static T custom_from_mask<T>(this T module, string name, Tensor mask)
        where T : nn.Module
    {
        ArgumentNullException.ThrowIfNull(mask);
        return Apply(module, name, Pruning.NewCustom(Mask.OfTensor(mask)));
    }

    /// <summary>Whether a tensor of the module, or of a module inside it, is pruned.</summary>
    public static bool is_pruned(this nn.Module module)
    {
        ArgumentNullException.ThrowIfNull(module);
        return ModelTree.Tensors(module).Any(entry => entry.Tensor.IsPruned);
    }

    /// <summary>
    /// Makes the zeros permanent: the tensor is an ordinary one again, the same parameter object as before, with zeros
    /// that training may change. Other parametrizations of the tensor end as well.
    /// </summary>
    /// <param name="name">The name under which the tensor was pruned.</param>
    /// <exception cref="ArgumentException">The tensor of that name is not pruned.</exception>
    /// <exception cref="InvalidOperationException">The module holds it as a ParametrizedTensor, in a field.</exception>
    public static T remove<T>(T module, string name)
        where T : nn.Module
    {
        ArgumentNullException.ThrowIfNull(module);
        ArgumentNullException.ThrowIfNull(name);
        if (TensorPath.Find(module, name) is not { IsPruned: true })
            throw new ArgumentException(
                $"{module.Title()}.{name} has to be pruned before its pruning can be removed.",
                nameof(name)
            );
        return module.remove_parametrizations(name);
    }

    private static T Apply<T>(T module, string name, Pruning pruning, Tensor? scores = null)
        where T : nn.Module
    {
        var path = PathOf(module, name, scores);
        // Another thread that prunes must not choose from the same entries.
        using var alone = TensorAccess.WritingAll(() => path.Accesses);
        path.Tensor?.Binding.SyncWithModules();
        if (Next(pruning, path.Tensor, scores) is { } next)
            TiedParameters.Register(module, path, PrunedValues.pruned(next), WhenNotAllowed.Project);
        return module;
    }

    /// <summary>The path of the tensor. Throws when the scores do not suit it.</summary>
    private static TensorPath PathOf(nn.Module module, string name, Tensor? scores)
    {
        ArgumentNullException.ThrowIfNull(module);
        ArgumentNullException.ThrowIfNull(name);
        var path = TensorPath.Resolve(module, name);
        PruningTarget.RequireLike(path, scores);
        return path;
    }

    /// <summary>
    /// The pruning to register on a tensor: a mask if scores choose the entries, the pruning itself if the tensor does. Null when
    /// the share of entries that is to be pruned is pruned already.
    /// </summary>
    private static Pruning? Next(Pruning pruning, ParametrizedTensor? tensor, Tensor? scores)
    {
        var mask = tensor?.PruningMask;
        if (mask is not null && Pruned.isReached(pruning, mask))
            return null;
        // A mask that was chosen on a view, such as the matrix of a kernel, is not seen by a pruning behind the view.
        var isOnView = mask is not null && !Pruned.isLast(tensor!.Parametrization);
        using var value = scores is null && isOnView ? tensor!.Detached() : null;
        if ((scores ?? value) is not { } ranked)
            return pruning;
        var kept = mask is null ? null : FSharpOption<Mask>.Some(Mask.OfTensor(mask));
        return Pruning.NewCustom(PruningMask.ofScores(ranked, kept, pruning));
    }

    private static ulong NewSeed()
    {
        using var drawn = randint(long.MaxValue, [1], dtype: ScalarType.Int64, device: CPU);
        return (ulong)drawn.item<long>();
    }
}
