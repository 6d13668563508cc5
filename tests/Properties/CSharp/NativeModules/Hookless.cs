using System.Collections;
using System.Reflection;
using static TorchSharp.torch;

namespace Properties.CSharp.NativeModules;

/// <summary>Makes `call` do what `forward` does, whatever its arguments, until it is disposed.</summary>
internal sealed class Hookless : IDisposable
{
    private readonly List<(IDictionary Hooks, DictionaryEntry[] Entries)> _taken = [];

    private Hookless(nn.Module module)
    {
        for (var type = module.GetType(); type is not null; type = type.BaseType)
            foreach (
                var field in type.GetFields(
                    BindingFlags.Instance | BindingFlags.NonPublic | BindingFlags.Public | BindingFlags.DeclaredOnly
                )
            )
                if (field.Name.EndsWith("_hooks") && field.GetValue(module) is IDictionary hooks)
                {
                    var entries = new DictionaryEntry[hooks.Count];
                    var position = 0;
                    foreach (DictionaryEntry entry in hooks)
                        entries[position++] = entry;
                    _taken.Add((hooks, entries));
                    hooks.Clear();
                }
    }

    public static Hookless While(nn.Module module) => new(module);

    public void Dispose()
    {
        foreach (var (hooks, entries) in _taken)
        foreach (var entry in entries)
            hooks.Add(entry.Key, entry.Value);
    }
}
