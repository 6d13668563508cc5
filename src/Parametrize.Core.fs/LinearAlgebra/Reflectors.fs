namespace Parametrize.LinearAlgebra

open TorchSharp
open Parametrize

/// Orthonormal columns as products of Householder reflectors.
[<RequireQualifiedAccess>]
module internal Reflectors =

    /// The columns v of the reflectors, of length 1, and T^-1. The compact WY form H1 ... Hk = I - V T V^H has
    /// T^-1 = striu(V^H V) + diag(V^H V) / 2 (Joffrain et al., Accumulating Householder transformations, revisited, ACM TOMS
    /// 2006, theorem 2). With columns of length 1 the diagonal of T^-1 is 1/2.
    let private compact (x: torch.Tensor) : struct (torch.Tensor * torch.Tensor) =
        let lower = x.tril -1L + Tensors.eyeLike x
        // Dividing by the largest entry first keeps the squares finite; the direction does not depend on it.
        let bounded = lower / torch.linalg.vector_norm (lower.detach (), infinity, [| -2L |], true)
        let v = bounded / Norms.formula bounded [| x.dim () - 2L |] true
        let inverseT = (Norms.gram v).triu 1L + Orthonormal.identityLike x (Tensors.last x) * 0.5.AsScalar()
        struct (v, inverseT)

    /// The first k columns of H1 H2 ... Hk, where Hi = I - 2 v v^H / v^H v and the columns v are those of the strict
    /// lower part of x with ones on the diagonal. Differentiable.
    let product (x: torch.Tensor) : torch.Tensor =
        use _scope = torch.NewDisposeScope()
        let struct (v, inverseT) = compact x
        let top = v.narrow (-2L, 0L, Tensors.last x)
        let weights = torch.linalg.solve_triangular (inverseT, top.mH, upper = true)
        (Tensors.eyeLike x - v.matmul weights).MoveToOuterDisposeScope()

    /// H1 H2 ... Hk applied to the columns of a matrix. Differentiable by that.
    let applied (x: torch.Tensor) (matrix: torch.Tensor) : torch.Tensor =
        use _scope = torch.NewDisposeScope()
        let struct (v, inverseT) = compact x
        let weights = torch.linalg.solve_triangular (inverseT, Norms.inner v matrix, upper = true)
        (matrix - v.matmul weights).MoveToOuterDisposeScope()

    /// For orthonormal q the x, strictly lower triangular but for a diagonal of +-1, with product x * diag(x) = q.
    /// Real matrices only. LAPACK's geqrf stores reflectors scaled as above, and R is diagonal with entries +-1.
    /// Where LAPACK needs no reflector (tau = 0, as in the last column of a square matrix) product reflects the
    /// coordinate instead, which the sign undoes.
    let factor (q: torch.Tensor) : torch.Tensor =
        if q.is_complex () then
            invalidArg (nameof q) "the Householder factorization is for real matrices"

        use _scope = torch.NewDisposeScope()
        use _noGrad = torch.no_grad ()
        let struct (reflectors, tau) = (Tensors.inDouble q).geqrf()
        let diagonal = reflectors.diagonal (0L, -2L, -1L)
        let one = torch.ones_like diagonal
        let sign = torch.where (diagonal.lt ((0.0).AsScalar()), -one, one)
        let sign = torch.where (tau.eq ((0.0).AsScalar()), -sign, sign)
        let x = reflectors.tril -1L
        x.diagonal(0L, -2L, -1L).copy_ sign |> ignore
        x.to_type(q.dtype).MoveToOuterDisposeScope()
