using static TorchSharp.torch;

namespace Parametrize.CSharp;

/// <summary>
/// A parametrization of one's own in C#: a map from any tensor onto a set, and a right inverse of it. Wrap it by
/// <see cref="Parametrizations.Of"/>. For several trained tensors there is <see cref="CustomLinkOfSeveral"/>; in F#, or
/// for buffers, derive from <see cref="Link"/>.
/// </summary>
/// <param name="code">How it is typed, with its options: equal for equal links of the class, else different.</param>
/// <param name="space">What the map yields, in words.</param>
public abstract class CustomLink(string code, string space) : SetLink(code, space)
{
    /// <summary>The constrained tensor, differentiable. Intermediate tensors are disposed by the caller.</summary>
    protected abstract Tensor Forward(Tensor input);

    /// <summary>An input that <see cref="Forward(Tensor)"/> maps to this tensor, or near it where there is none.</summary>
    protected abstract Tensor RightInverse(Tensor value);

    private protected sealed override Tensor Map(Tensor[] inputs) => Forward(inputs[0]);

    private protected sealed override Tensor[] Inverse(Tensor value) => [RightInverse(value)];
}
