using Parametrize.CSharp.Torch;
using Core = Parametrize.ParametrizationModule;

namespace Parametrize.CSharp.Registration;

/// <summary>A plain tensor in whose place a module is to compute with a parametrized one that others have.</summary>
/// <param name="path">The plain tensor.</param>
/// <param name="shared">The parametrized one, which may come to be by a change that is committed before this.</param>
/// <param name="dimension">Along which several plain tensors are joined.</param>
internal sealed class PreparedSharing(TensorPath path, Func<ParametrizedTensor> shared, int dimension) : IPrepared
{
    private readonly PlainTensor _plain = new(path, dimension);

    /// <summary>Throws when the plain tensor is of another kind.</summary>
    public void RequireLike(ParametrizedTensor tensor)
    {
        var (own, other) = (
            FormModule.ofTensor(_plain.Value),
            Core.form(tensor.Parametrization, tensor.CurrentParts())
        );
        if (!own.Equals(other) || _plain.IsBuffer != tensor.IsBuffer)
            throw new ArgumentException(
                $"{path} is a {Kind(_plain.IsBuffer)}, {own}; the shared tensor is a {Kind(tensor.IsBuffer)}, {other}. "
                    + "Tensors that share one have to be of its kind, shape, element type and device.",
                nameof(shared)
            );
    }

    public void Commit()
    {
        using var lasting = Modes.Lasting();
        var tensor = shared();
        using var alone = tensor.Binding.Access.Writing();
        _plain.Bind(tensor);
    }

    public void Dispose() => _plain.Dispose();

    private static string Kind(bool isBuffer) => isBuffer ? "buffer" : "parameter";
}
