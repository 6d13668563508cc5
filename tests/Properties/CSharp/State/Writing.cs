using System.Collections;
using System.Diagnostics.CodeAnalysis;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.State;

/// <summary>Tensors to be saved; something happens when one is asked for by name, which is when it is written.</summary>
internal sealed class Writing(string[] names, Func<string, Tensor> at) : IReadOnlyDictionary<string, Tensor>
{
    private readonly Dictionary<string, Tensor> _forms = names.ToDictionary(name => name, _ => ones(2));

    public Tensor this[string key] => at(key);
    public IEnumerable<string> Keys => _forms.Keys;
    public IEnumerable<Tensor> Values => _forms.Values;
    public int Count => _forms.Count;

    public bool ContainsKey(string key) => _forms.ContainsKey(key);

    public IEnumerator<KeyValuePair<string, Tensor>> GetEnumerator() => _forms.GetEnumerator();

    public bool TryGetValue(string key, [MaybeNullWhen(false)] out Tensor value) => _forms.TryGetValue(key, out value);

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}

/// <summary>Where files have modes.</summary>
public sealed class UnixFactAttribute : FactAttribute
{
    public UnixFactAttribute() => Skip = OperatingSystem.IsWindows() ? "Windows has no modes." : null;
}

/// <summary>Where files have modes.</summary>
public sealed class UnixTheoryAttribute : TheoryAttribute
{
    public UnixTheoryAttribute() => Skip = OperatingSystem.IsWindows() ? "Windows has no modes." : null;
}
