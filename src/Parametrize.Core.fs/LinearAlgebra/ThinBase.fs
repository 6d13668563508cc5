namespace Parametrize.LinearAlgebra

open TorchSharp
open Parametrize

/// An orthogonal (unitary) n x n matrix Q = H1 ... Hk diag(d, 1) in the memory of its first k columns, k < n: a tall matrix
/// whose columns below the diagonal are those of the reflectors, as in `Reflectors.product`, and whose diagonal is d, numbers
/// of modulus 1. Whatever the columns are, Q is orthogonal.
[<RequireQualifiedAccess>]
module internal ThinBase =

    let private topOf (tall: torch.Tensor) = tall.narrow (-2L, 0L, Tensors.last tall)

    let private below (tall: torch.Tensor) =
        let columns = Tensors.last tall
        tall.narrow (-2L, columns, Tensors.rows tall - columns)

    let private joined (rows: torch.Tensor list list) =
        torch.cat ([| for row in rows -> torch.cat (List.toArray row, -1L) |], -2L)

    /// The factors V U of W - diag(d), V unit lower triangular and U upper triangular, and d: its entries are chosen on the way,
    /// away from the pivots, none of which is then smaller than 1.
    let rec private eliminate (w: torch.Tensor) : struct (torch.Tensor * torch.Tensor * torch.Tensor) =
        let size = Tensors.last w

        if size = 1L then
            let d = -torch.where(w.eq (0.0.AsScalar()), torch.ones_like w, w.sgn ())
            struct (torch.ones_like w, w - d, d)
        else
            let half = size / 2L
            let block row column (rows: int64) (columns: int64) = w.narrow(-2L, row, rows).narrow(-1L, column, columns)
            let struct (v1, u1, d1) = eliminate (block 0L 0L half half)
            let corner = block 0L half half (size - half)
            let u12 = torch.linalg.solve_triangular (v1, corner, upper = false, unitriangular = true)
            let side = block half 0L (size - half) half
            let v21 = torch.linalg.solve_triangular (u1, side, upper = true, left = false)
            let struct (v2, u2, d2) = eliminate (block half half (size - half) (size - half) - v21.matmul u12)

            struct (joined [ [ v1; torch.zeros_like u12 ]; [ v21; v2 ] ],
                    joined [ [ u1; u12 ]; [ torch.zeros_like v21; u2 ] ],
                    torch.cat ([| d1; d2 |], -2L))

    /// The Q whose first columns are those of W, which has orthonormal ones: W - [diag(d); 0] = V U holds the columns of the
    /// reflectors (Ballard, Demmel, Grigori, Jacquelin, Nguyen and Solomonik, Reconstructing Householder vectors from
    /// tall-skinny QR, 2014, section 3). O(n k^2).
    let ofMatrix (w: torch.Tensor) : torch.Tensor =
        use _scope = torch.NewDisposeScope()
        use _noGrad = torch.no_grad ()
        // Without this step, the deviation of W from orthonormal columns, which is largest in 16 bits, would become an error of
        // W.
        let exact = Orthonormal.newtonSchulz (Tensors.inDouble w)
        let struct (v, u, d) = eliminate (topOf exact)
        let rest = torch.linalg.solve_triangular (u, below exact, upper = true, left = false)
        let top = v.tril -1L +. torch.diag_embed (d.squeeze -1L)
        (torch.cat ([| top; rest |], -2L)).to_type(w.dtype).MoveToOuterDisposeScope()

    /// Q T for a matrix T of n rows, in O(n k) for each column. Differentiable by T.
    let times (basePoint: torch.Tensor) (tall: torch.Tensor) : torch.Tensor =
        use _scope = torch.NewDisposeScope()
        let d = (Tensors.diagonal basePoint).unsqueeze -1L
        let columns = Tensors.last basePoint

        let turned =
            torch.cat (
                [| tall.narrow (-2L, 0L, columns) * d; tall.narrow (-2L, columns, Tensors.rows tall - columns) |],
                -2L
            )

        (Reflectors.applied basePoint turned).MoveToOuterDisposeScope()

    /// Q as it is: n x n.
    let whole (basePoint: torch.Tensor) : torch.Tensor =
        let identity = Orthonormal.identityLike basePoint (Tensors.rows basePoint)
        times basePoint (identity.expand (Array.append basePoint.shape[.. basePoint.shape.Length - 3] identity.shape))

    /// The largest | |d|^2 - 1 |, which is that of the entries of Q^H Q - I.
    let defect (basePoint: torch.Tensor) : float =
        use _scope = torch.NewDisposeScope()
        use _noGrad = torch.no_grad ()
        let d = (Tensors.inDouble (Tensors.diagonal basePoint)).abs()
        Tensors.largest (d * d - 1.0.AsScalar())

    /// The base with moduli of d set to 1 where only rounding has moved them; others stay as they are.
    let polish (basePoint: torch.Tensor) : torch.Tensor =
        let d = Tensors.diagonal basePoint
        let isNear = (d.abs () - 1.0.AsScalar()).abs().lt(0.25.AsScalar())

        basePoint
        +. torch.nn.functional.pad (
            torch.diag_embed (torch.where (isNear, d.sgn () - d, torch.zeros_like d)),
            [| 0L; 0L; 0L; Tensors.rows basePoint - Tensors.last basePoint |]
        )
