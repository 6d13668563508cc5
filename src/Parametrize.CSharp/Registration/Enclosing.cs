using Parametrize.CSharp.Binding;
using static TorchSharp.torch;

namespace Parametrize.CSharp;

/// <summary>A module with another in it.</summary>
/// <param name="Module">The module.</param>
/// <param name="Child">The name of the other there.</param>
/// <param name="Above">What encloses this one.</param>
internal sealed record Enclosing(nn.Module Module, string Child, Enclosing? Above)
{
    public nn.Module Root => Above?.Root ?? Module;

    /// <summary>The modules from here on up that have a `call`.</summary>
    private IEnumerable<nn.Module> Callable
    {
        get
        {
            for (var one = this; one is not null; one = one.Above)
                if (Hooks.CanBeAround(one.Module))
                    yield return one.Module;
        }
    }

    /// <summary>All that enclose a module in a model.</summary>
    public static List<Enclosing> All(nn.Module model, nn.Module module) =>
        [
            .. from one in ModelTree.Modules(model)
            from child in one.Module.named_children()
            where ReferenceEquals(Face.Behind(child.module), module)
            select new Enclosing(one.Module, child.name, one.Enclosing),
        ];

    /// <summary>The nearest module with a `call` that is around all of them.</summary>
    public static nn.Module? CallerOf(IReadOnlyList<Enclosing> places) =>
        places.Count == 0
            ? null
            : places[0].Callable.FirstOrDefault(one => places.All(place => place.Callable.Contains(one)));
}
