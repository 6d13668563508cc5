namespace Parametrize.CSharp.Torch;

/// <summary>A module and the name of a child in it, found on a walk through a model.</summary>
/// <param name="Module">The module.</param>
/// <param name="Child">The name of the child in the module.</param>
/// <param name="Above">The enclosing module; null for the model itself.</param>
internal sealed record ParentModule(nn.Module Module, string Child, ParentModule? Above)
{
    public nn.Module Root => Above?.Root ?? Module;

    /// <summary>This module and its enclosing modules, as far as they have a `call`.</summary>
    private IEnumerable<nn.Module> Callable
    {
        get
        {
            for (var place = this; place is not null; place = place.Above)
                if (Hooks.CanBeAround(place.Module))
                    yield return place.Module;
        }
    }

    /// <summary>The nearest module with a `call` that encloses all of these places.</summary>
    public static nn.Module? CallerOf(IReadOnlyList<ParentModule> places) =>
        places.Count == 0
            ? null
            : places[0].Callable.FirstOrDefault(caller => places.All(place => place.Callable.Contains(caller)));
}
