namespace Parametrize.LinearAlgebra

open TorchSharp
open Parametrize

/// Orthonormal columns as products of Householder reflectors.
[<RequireQualifiedAccess>]
module internal Reflectors =

    /// The products of longer columns, which add up one by one, are too coarse for their squared lengths.
    let private isLong (v: torch.Tensor) : bool = Tensors.rows v > 512L

    /// The columns v of the reflectors, which do not depend on their lengths: the largest entry of modulus 1, so that squares stay in
    /// range, and long columns of length 1.
    let private directions (x: torch.Tensor) : torch.Tensor =
        let lower = x.tril -1L + Tensors.eyeLike x
        let bounded = Norms.dividedBy (Norms.largest lower [| x.dim () - 2L |]) lower

        if isLong bounded then
            bounded / Norms.formula bounded [| x.dim () - 2L |] true
        else
            bounded

    /// H1 ... Hk M, given V^H M: the compact WY form H1 ... Hk = I - V T V^H has T^-1 = striu(V^H V) + diag(V^H V) / 2 (Joffrain et
    /// al., Accumulating Householder transformations, revisited, ACM TOMS 2006, theorem 2).
    let private reflected (v: torch.Tensor) (products: torch.Tensor) (matrix: torch.Tensor) =
        let identity = Orthonormal.identityLike v (Tensors.last v)
        let half = identity * 0.5.AsScalar()
        let one = 1.0.AsScalar()

        // What is below its diagonal is not read.
        let inverseT =
            if isLong v then
                Norms.gram v * (one - identity) + half
            else
                Norms.gram v * (one - half)

        matrix - v.matmul (torch.linalg.solve_triangular (inverseT, products, upper = true))

    /// So many columns are reflected at once. More are halved: the second half has zeros above, which are not computed with.
    let private many = 128L

    /// The first half of the columns, and of the others what is below their zeros.
    let private halves (v: torch.Tensor) : struct (int64 * torch.Tensor * torch.Tensor) =
        let half = Tensors.last v / 2L
        let columns = v.split ([| half; Tensors.last v - half |], -1L)
        struct (half, columns[0], columns[1].narrow(-2L, half, Tensors.rows v - half))

    /// The first k columns of the product.
    let rec private columnsOf (v: torch.Tensor) : torch.Tensor =
        let rows, count = Tensors.rows v, Tensors.last v

        if count <= many then
            reflected v (v.narrow (-2L, 0L, count)).mH (Tensors.eyeLike v)
        else
            let struct (half, first, others) = halves v
            let inner = columnsOf others
            let struct (top, bottom) = Tensors.splitRows half first
            let one = Orthonormal.identityLike v half

            let started =
                torch.nn.functional.pad (one, [| 0L; count - half; 0L; rows - half |])
                + torch.nn.functional.pad (inner, [| half; 0L; half; 0L |])

            reflected first (torch.cat ([| top.mH; Norms.inner bottom inner |], -1L)) started

    let rec private apply (v: torch.Tensor) (matrix: torch.Tensor) : torch.Tensor =
        if Tensors.last v <= many then
            reflected v (Norms.inner v matrix) matrix
        else
            let struct (half, first, others) = halves v
            let struct (top, bottom) = Tensors.splitRows half matrix
            let matrix = torch.cat ([| top; apply others bottom |], -2L)
            reflected first (Norms.inner first matrix) matrix

    /// The first k columns of H1 H2 ... Hk, where Hi = I - 2 v v^H / v^H v and the columns v are those of the strict
    /// lower part of x with ones on the diagonal. Differentiable.
    let product (x: torch.Tensor) : torch.Tensor =
        use _scope = torch.NewDisposeScope()
        (columnsOf (directions x)).MoveToOuterDisposeScope()

    /// H1 H2 ... Hk applied to the columns of a matrix. Differentiable by that.
    let applied (x: torch.Tensor) (matrix: torch.Tensor) : torch.Tensor =
        use _scope = torch.NewDisposeScope()
        (apply (directions x) matrix).MoveToOuterDisposeScope()

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
