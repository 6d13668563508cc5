using Parametrize.CSharp.State;

namespace Parametrize.CSharp;

/// <summary>
/// The tensors of a safetensors file by name. It does not contain tensors in element types that TorchSharp lacks: unsigned
/// integers other than uint8, and floating-point numbers of 8 bits and fewer. <see cref="Unread"/> lists these.
/// </summary>
public sealed class LoadedTensors
    : Dictionary<string, Tensor>,
        IDictionary<string, Tensor>,
        IReadOnlyDictionary<string, Tensor>
{
    internal LoadedTensors(IReadOnlyDictionary<string, string> unread, StateDescription description) =>
        (Unread, Description) = (unread, description);

    /// <summary>The file's description of its parametrized tensors.</summary>
    internal StateDescription Description { get; }

    /// <summary>The element types, as the format names them (`F8_E4M3`), of the tensors that were not read, by name.</summary>
    public IReadOnlyDictionary<string, string> Unread { get; }

    /// <summary>The tensor of that name.</summary>
    /// <param name="name">As in the file.</param>
    /// <exception cref="KeyNotFoundException">
    /// The file has none of that name, or one that TorchSharp cannot hold; the message says which.
    /// </exception>
    public new Tensor this[string name]
    {
        get =>
            TryGetValue(name, out var tensor) ? tensor
            : Unread.ContainsKey(name) ? throw new KeyNotFoundException($"'{name}' {WhyUnread(name)}")
            : base[name];
        set => base[name] = value;
    }

    internal string WhyUnread(string name) =>
        $"is {Unread[name]} in the file, for which TorchSharp has no element type, so it was not read.";
}
