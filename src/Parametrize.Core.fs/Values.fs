namespace Parametrize.Values

open Parametrize

/// How values are combined.
[<AutoOpen>]
module Combining =

    /// `left >>> right`: first `left`, then `right`. Throws ArgumentException when their spaces do not fit.
    /// Layers of flows are joined by it, too.
    let inline (>>>) (left: ^left) (right: ^right) : ^joined =
        ((^left or ^right): (static member AndThen: ^left * ^right -> ^joined) (left, right))

    /// The same whether their spaces fit or not, as PyTorch's `unsafe=True`: a value without a right inverse where they do
    /// not. It refuses no tensor that is registered, since nothing tells which are allowed: it starts from that as the
    /// parameter.
    let (>>>!) (left: Parametrization) (right: Parametrization) : Parametrization =
        Parametrization.andThenUnchecked right left

    /// Every tensor.
    let identity: Parametrization = Parametrization.identity

    /// The value on convolution kernels `[out, in, k...]`, read as matrices `out x (in k...)`.
    let onKernel (matrix: Parametrization) : Parametrization = Parametrization.onKernel matrix

    /// The value on the transposes of matrices.
    let transposed (value: Parametrization) : Parametrization = Parametrization.transposed value

    /// Several values joined by one that reads what they yield: `joined [ identity; skew ] node`. Throws
    /// ArgumentException when their number is not that of its parameters, or a space does not fit.
    let joined (inputs: Parametrization list) (value: Parametrization) : Parametrization =
        Parametrization.joined inputs value
