using Parametrize.CSharp.Joint;
using Parametrize.CSharp.State;

namespace Parametrize.CSharp;

/// <summary>A tensor of a <see cref="SavedModel"/>: a plain tensor of the file, or one that is computed from several.</summary>
public sealed class SavedTensor : IDisposable
{
    internal SavedTensor(string name, IReadOnlyDictionary<string, Tensor> pieces) => (Name, Pieces) = (name, pieces);

    internal SavedTensor(
        string name,
        IReadOnlyDictionary<string, Tensor> pieces,
        string code,
        ParametrizedTensor parametrized,
        JointLayout? layout
    )
        : this(name, pieces) => (Code, Parametrized, Layout) = (code, parametrized, layout);

    internal SavedTensor(string name, IReadOnlyDictionary<string, Tensor> pieces, string? code, string problem)
        : this(name, pieces) => (Code, Problem) = (code, problem);

    /// <summary>Its name in a model without parametrizations: `fc.weight`. A joint tensor is named `fc.weight+bias`.</summary>
    public string Name { get; }

    /// <summary>
    /// The entries of the file for this tensor, by their keys: the tensor itself, or the pieces from which it is computed.
    /// </summary>
    public IReadOnlyDictionary<string, Tensor> Pieces { get; }

    /// <summary>
    /// The code of the value from which it is computed: the one that the file names, else the one that its keys show. Null when the
    /// tensor is plain, or its value is not known.
    /// </summary>
    public string? Code { get; }

    /// <summary>The parametrized tensor; null when the tensor is plain, or cannot be computed.</summary>
    public ParametrizedTensor? Parametrized { get; }

    /// <summary>Why it cannot be computed; null when it can, and for a plain tensor.</summary>
    public string? Problem { get; }

    /// <summary>Its names in a model without parametrizations: several for a joint tensor.</summary>
    public IReadOnlyList<string> PlainNames => StateTarget.PlainKeysOf(Name, Layout);

    internal JointLayout? Layout { get; }

    /// <summary>The tensor: computed, or a copy of the plain tensor in the file.</summary>
    /// <returns>A new tensor without gradients, the caller's to dispose.</returns>
    /// <exception cref="InvalidDataException">It cannot be computed: see <see cref="Problem"/>.</exception>
    public Tensor Value()
    {
        if (Problem is not null)
            throw new InvalidDataException(Problem);
        using var _ = no_grad();
        return Parametrized is null ? Pieces[Name].clone() : Parametrized.Value;
    }

    /// <summary>The tensors of a model without parametrizations, by their names. New tensors.</summary>
    internal IEnumerable<(string Name, Tensor Value)> Baked() => StateTarget.Divided(Name, Value(), Layout);

    /// <summary>Frees it and its pieces.</summary>
    public void Dispose()
    {
        Parametrized?.Dispose();
        foreach (var piece in Pieces.Values)
            piece.Dispose();
    }
}
