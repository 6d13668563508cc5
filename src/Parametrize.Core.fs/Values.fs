namespace Parametrize.Values

open Parametrize

/// How values are combined.
[<AutoOpen>]
module Combining =

    /// `left >>> right`: first `left`, then `right`. Throws ArgumentException when their spaces do not fit.
    /// Layers of flows are joined by it, too.
    let inline (>>>) (left: ^left) (right: ^right) : ^joined =
        ((^left or ^right): (static member AndThen: ^left * ^right -> ^joined) (left, right))

    /// Like `>>>`, whether the spaces fit or not, as PyTorch's `unsafe=True`. If they do not fit, the value has no right inverse.
    /// It refuses no tensor that is registered, since it is not known which are allowed: the tensor becomes the parameter.
    let (>>>!) (left: Parametrization) (right: Parametrization) : Parametrization =
        Parametrization.andThenUnchecked right left

    /// All tensors, as they are: the neutral element of `>>>`.
    let identity: Parametrization = Parametrization.identity

    /// The value on convolution kernels `[out, in, k...]`, read as matrices `out x (in k...)`.
    let onKernel (matrix: Parametrization) : Parametrization = Parametrization.onKernel matrix

    /// The value on the transposes of matrices.
    let transposed (value: Parametrization) : Parametrization = Parametrization.transposed value

    /// A value that reads the outputs of several values in place of its parameters: `joined [ identity; skew ] node`. Throws
    /// ArgumentException when their number is not that of its parameters, or a space does not fit.
    let joined (inputs: Parametrization list) (value: Parametrization) : Parametrization =
        Parametrization.joined inputs value
