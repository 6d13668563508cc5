namespace Parametrize.LinearAlgebra

open TorchSharp
open Parametrize

/// The polar factor `X (X^H X)^-1/2` of tall matrices, with its derivatives.
[<RequireQualifiedAccess>]
module internal PolarFactor =

    let private oneOver (sizes: torch.Tensor) (least: torch.Tensor) =
        let counts = sizes.gt least
        torch.where (counts, torch.where(counts, sizes, torch.ones_like sizes).reciprocal(), torch.zeros_like sizes)

    let private withGradientOf (value: torch.Tensor) (graph: torch.Tensor) = value +. (graph - graph.detach ())

    /// The polar factor of X, from its singular vectors. These are constants for the gradient, because their own derivatives are
    /// infinite where singular values are equal; that of the factor is not. Two steps of Newton's method for `Q^H Q = I`, `Q^H X`
    /// Hermitian and `X = Q (Q^H X)` make the result differentiable. Their linear equations are solved by the same vectors; they
    /// change no number, but have the first and second derivatives of their limit. Directions in which X vanishes have no
    /// derivative, and get zero.
    let private ofUnit (x: torch.Tensor) : torch.Tensor =
        let struct (left, values, right) = Svd.thin x
        let first = (Orthonormal.newtonSchulz (left.matmul right)).``to`` x.dtype
        let right = right.``to`` x.dtype
        let values = if x.is_complex () then values.``to`` x.real.dtype else values.``to`` x.dtype

        let isTall = Tensors.rows x > Tensors.last x
        let least = values.narrow (-1L, 0L, 1L) * (Form.epsilon x.dtype * float (Tensors.rows x)).AsScalar()
        let sums = values.unsqueeze -1L +. values.unsqueeze -2L
        let overSums = oneOver sums (least.unsqueeze -1L)
        let overValues = (oneOver values least).unsqueeze -2L

        /// O with `O P + P O` the matrix, where P = (X^H X)^1/2.
        let solve (matrix: torch.Tensor) = right.mH.matmul(right.matmul(matrix).matmul right.mH * overSums).matmul right

        // q is made orthonormal first, because otherwise its error would enter the other equations.
        let step (q: torch.Tensor) =
            let q = Orthonormal.newtonSchulz q
            let inner = q.mH.matmul x
            let turned = q +. q.matmul (solve (inner - inner.mH))

            if isTall then
                turned +. ((x - q.matmul inner).matmul right.mH * overValues).matmul right
            else
                turned

        first |> step |> withGradientOf first |> step |> withGradientOf first

    /// The polar factor of tall matrices of any size of entries. A matrix of low rank has several, and gets one of them.
    let ofTall (x: torch.Tensor) : torch.Tensor =
        use _scope = torch.NewDisposeScope()
        let unit = Norms.largest x [| x.dim () - 2L; x.dim () - 1L |]
        let scaled = Norms.inUnits x unit
        (Orthonormal.whereFinite ofUnit scaled).MoveToOuterDisposeScope()
