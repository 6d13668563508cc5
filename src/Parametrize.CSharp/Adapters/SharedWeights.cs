using Parametrize.CSharp.Registration;

namespace Parametrize.CSharp.Adapters;

/// <summary>
/// Finds weights that several modules share. An adapter in PEFT's files changes one module only, so such weights are refused.
/// </summary>
internal static class SharedWeights
{
    /// <summary>
    /// The error for a module that gets an adapter, or is saved as a whole, and shares a tensor with another module; null when
    /// there is none.
    /// </summary>
    /// <param name="adapted">The names of the weights.</param>
    /// <param name="config">Says which modules are saved as a whole.</param>
    public static string? Fault(nn.Module model, IReadOnlyCollection<string> adapted, LoraConfig config)
    {
        foreach (
            var places in ModelTree.Places(model).Where(places => places.DistinctBy(place => place.Module).Count() > 1)
        )
        {
            if (places.FirstOrDefault(place => adapted.Contains(place.Name)) is { Name: { } name } own)
                return $"'{own.Module}' and '{Other(own.Module)}' share one weight, {name}, but PEFT's adapters change one of the two. Give each a "
                    + "weight of its own first; or register Parametrizations.Lora on it by its name, for both.";
            var whole = places.ToLookup(place => AdapterTargets.IsSavedWhole(config, place.Module));
            if (whole[true].FirstOrDefault().Name is { } saved && whole[false].Any())
                return $"{saved} is to be saved as a whole, but '{whole[false].First().Module}' shares it. Give each a tensor of its own first, or "
                    + "name both in ModulesToSave.";

            string Other(string module) => places.First(place => place.Module != module).Module;
        }
        return null;
    }
}
