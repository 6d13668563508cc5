using static TorchSharp.torch;

namespace Parametrize.CSharp.Torch;

/// <summary>A module with another in it, as a model was walked.</summary>
/// <param name="Module">The module.</param>
/// <param name="Child">The name of the other there.</param>
/// <param name="Above">What this one is in.</param>
internal sealed record ParentModule(nn.Module Module, string Child, ParentModule? Above)
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

    /// <summary>The nearest module with a `call` that is around all of them.</summary>
    public static nn.Module? CallerOf(IReadOnlyList<ParentModule> places) =>
        places.Count == 0
            ? null
            : places[0].Callable.FirstOrDefault(one => places.All(place => place.Callable.Contains(one)));
}
