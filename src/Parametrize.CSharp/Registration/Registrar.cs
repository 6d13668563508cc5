using Parametrize.CSharp.Binding;
using Parametrize.CSharp.Threads;
using Parametrize.CSharp.Values;

namespace Parametrize.CSharp.Registration;

/// <summary>Registering and removing: everything that can fail comes first, then the module changes.</summary>
internal static class Registrar
{
    /// <param name="path">The path of a tensor, or of several that will be joined.</param>
    /// <param name="value">The value that constrains it.</param>
    /// <param name="whenNotAllowed">What to do when the present tensor is not in the space.</param>
    /// <param name="dimension">
    /// The dimension along which several are joined. Null: 1, or that of a tensor that is joined already.
    /// </param>
    public static IPrepared Prepare(
        TensorPath path,
        Parametrization value,
        WhenNotAllowed whenNotAllowed,
        int? dimension = null
    )
    {
        if (path.Tensor is not { } present)
            return new PreparedBinding(
                path,
                value,
                tensor => StartingParts.For(value, tensor, whenNotAllowed, $"{path}"),
                dimension ?? 1
            );
        path.RequireWhole();
        if (dimension is { } wanted && present.Binding.Layout is { IsJoint: true } layout && layout.Dimension != wanted)
            throw new ArgumentException(
                $"{path} is joined along dimension {layout.Dimension}, not {wanted}. Name that, or remove it first."
            );
        return new PreparedParts(present, present.Extended(value, whenNotAllowed), path);
    }

    /// <summary>Lets one more module compute with a parametrized tensor.</summary>
    public static void Share(TensorPath path, ParametrizedTensor shared)
    {
        using var alone = TensorAccess.WritingAll(() => [.. path.Accesses, shared.Binding.Access]);
        if (path.Tensor is not null)
            throw new InvalidOperationException(
                $"{path} is parametrized already. Remove its parametrization first, or share its tensor with the others."
            );
        var change = new PreparedSharing(path, () => shared, shared.Binding.Layout?.Dimension ?? 1);
        using var all = Prepared.All([change]);
        shared.Binding.SyncWithModules();
        change.RequireLike(shared);
        all.Commit();
    }

    public static void Remove(TensorPath path, bool leaveParametrized) =>
        Remove(path, leaveParametrized, single => [single]);

    /// <summary>
    /// Gives one plain tensor to the module and to all modules that are tied to it: with the value, or with other numbers.
    /// </summary>
    public static void RemoveTied(TensorPath path, Tensor? numbers = null) =>
        Remove(path, leaveParametrized: true, Tied, numbers);

    private static void Remove(
        TensorPath path,
        bool leaveParametrized,
        Func<TensorPath, List<TensorPath>> find,
        Tensor? numbers = null
    )
    {
        using var alone = TensorAccess.WritingAll(() => [.. find(path).SelectMany(found => found.Accesses)]);
        var parametrized = path.Tensor ?? throw TensorPath.NotParametrized(path.Owner, path.Name);
        if (path.IsHeld)
            throw new InvalidOperationException(
                $"{path} is a ParametrizedTensor that the module holds itself: there is no "
                    + "plain tensor to go back to. Read its Value, and let the module hold a Parameter of that instead."
            );
        parametrized.Binding.SyncWithModules();
        if (!leaveParametrized && !HasUnconstrained(parametrized))
            throw new InvalidOperationException(
                $"{parametrized.Where} is computed from {string.Join(" and ", parametrized.Inputs.Select(Shown))}, which "
                    + "cannot take its place. Remove it with leave_parametrized: true."
            );

        using var value = leaveParametrized ? numbers?.alias() ?? parametrized.Detached() : null;
        MakePlain(find(path), parametrized, value);
    }

    /// <summary>
    /// Gives the modules a plain tensor: with this value, or, when it is null, with the original from which the value was computed.
    /// </summary>
    private static void MakePlain(List<TensorPath> paths, ParametrizedTensor parametrized, Tensor? value)
    {
        using var lasting = Modes.Lasting();
        using var _ = ModelTree.Structure.EnterScope();
        var places = paths.ConvertAll(Place.Of);
        var isLast =
            parametrized.Binding.AreAll([.. places.Select(place => place.Binding)]) && !parametrized.IsMadeByUser;
        var original = parametrized.Inputs[Math.Max(parametrized.Reused, 0)];
        Tensor[] own =
            isLast && parametrized.Reused >= 0
                ? [Released(parametrized, value)]
                : places[0].Binding.Own(value ?? original, parametrized.IsTrained);
        foreach (var place in places)
        {
            var owner = place.Binding.Detach(own);
            place.Set.Remove(place.Name, place.Home);
            if (owner is not null)
                NativeChild.Prune(owner);
        }
        if (isLast)
        {
            parametrized.ReleaseInputs();
            parametrized.Dispose();
        }
    }

    /// <summary>The path, and those of other modules whose tensor was the same one before it was registered.</summary>
    private static List<TensorPath> Tied(TensorPath path)
    {
        using var _ = ModelTree.Structure.EnterScope();
        if (path.Tensor is not { } parametrized || path.IsHeld)
            return [path];
        var own = Place.Of(path).Binding;
        return
        [
            path,
            .. parametrized
                .Binding.Modules.Where(module => module != own && module.IsTiedTo(own))
                .Select(module => new TensorPath(module.Owner!, module.Name)),
        ];
    }

    /// <summary>Where a module has a parametrized tensor.</summary>
    private readonly record struct Place(nn.Module Home, ParametrizationSet Set, string Name, ModuleBinding Binding)
    {
        public static Place Of(TensorPath path)
        {
            var (home, last) = NativeChild.GetOrAddHome(path.Owner, path.Name);
            var set = ParametrizationSet.Of(home)!;
            var name = set.NameOf(last)!;
            return new(home, set, name, path.Tensor!.Binding.In(set, name));
        }
    }

    /// <summary>Whether it is computed from a single tensor of its own shape.</summary>
    private static bool HasUnconstrained(ParametrizedTensor parametrized) =>
        parametrized.Inputs.Length == 1
        && Core.form(parametrized.Parametrization, parametrized.CurrentParts())
            .Shape.SequenceEqual(parametrized.Inputs[0].shape);

    private static string Shown(Tensor input) => $"a tensor of shape {Form.Shown(input.shape)}";

    /// <summary>The module's own tensor, with this value or, when it is null, as it is.</summary>
    private static Tensor Released(ParametrizedTensor parametrized, Tensor? value)
    {
        var own = parametrized.Inputs[parametrized.Reused];
        if (value is not null)
            Overwrite(own, value);
        if (!parametrized.IsBuffer)
            own.requires_grad = parametrized.IsTrained;
        return own;
    }

    /// <summary>Writes a value into the same tensor object. The gradient is cleared: it belonged to another function.</summary>
    public static void Overwrite(Tensor tensor, Tensor value)
    {
        tensor.WriteOver(value);
        tensor.grad = null;
    }
}
