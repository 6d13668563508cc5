namespace Parametrize

open TorchSharp
open Parametrize.LinearAlgebra

/// Matrices whose eigenvalues are left of a line, all of them or those that are block triangular.
type internal StableSpace(alpha: float, isTriangular: bool) =
    inherit
        Space(
            (if isTriangular then "block triangular matrices" else "matrices")
            + $" whose eigenvalues have real parts below {-alpha}",
            (if isTriangular then [ StableSpace(alpha, false) ] else []),
            (if isTriangular then [] else [ Closure.Transposition; Closure.DirectSum ])
        )

    member _.Alpha: float = alpha

    override _.Dimension form =
        if isTriangular then
            Dimension.ofMatrices (fun one -> one.Rows * (one.Rows + 1L) / 2L + one.Rows / 2L) form
        else
            System.Nullable(Form.reals form)

/// The blocks `[m + w, u + v; u - v, m - w]` of the rows 2i and 2i + 1, one number a block, and the single one of an odd size.
[<NoComparison; NoEquality>]
type internal Blocks =
    {
        M: torch.Tensor
        W: torch.Tensor
        U: torch.Tensor
        V: torch.Tensor
        Last: torch.Tensor
    }

[<RequireQualifiedAccess>]
module internal Blocks =

    let ofMatrix (matrix: torch.Tensor) : Blocks =
        let size = Tensors.last matrix
        let count = size / 2L
        let batch = matrix.shape[.. matrix.shape.Length - 3]
        let even = matrix.narrow(-2L, 0L, 2L * count).narrow(-1L, 0L, 2L * count)
        // Rows and columns of the blocks, and their number.
        let blocks = (even.reshape (Array.append batch [| count; 2L; count; 2L |])).diagonal(0L, -4L, -2L)
        let at (row: int64) (column: int64) = (blocks.select (-3L, row)).select(-2L, column)
        let mean (x: torch.Tensor) (y: torch.Tensor) = x / 2.0.AsScalar() + y / 2.0.AsScalar()

        {
            M = mean (at 0L 0L) (at 1L 1L)
            W = mean (at 0L 0L) -(at 1L 1L)
            U = mean (at 0L 1L) (at 1L 0L)
            V = mean (at 0L 1L) -(at 1L 0L)
            Last = (Tensors.diagonal matrix).narrow(-1L, 2L * count, size - 2L * count)
        }

    /// The blocks in their places, with what another matrix has above them.
    let place (above: torch.Tensor) (blocks: Blocks) : torch.Tensor =
        let size = Tensors.last above
        let count = size / 2L
        let batch = above.shape[.. above.shape.Length - 3]
        let row (x: torch.Tensor) (y: torch.Tensor) = torch.stack ([| x; y |], -2L)
        let { M = m; W = w; U = u; V = v } = blocks
        let rows = torch.stack ([| row (m + w) (u + v); row (u - v) (m - w) |], -3L)

        let even =
            (torch.diag_embed (rows, 0L, -4L, -2L)).reshape(Array.append batch [| 2L * count; 2L * count |])

        let whole =
            if size = 2L * count then
                even
            else
                let side (rows: int64) (columns: int64) =
                    torch.zeros (Array.append batch [| rows; columns |], dtype = above.dtype, device = above.device)

                let top = torch.cat ([| even; side (2L * count) 1L |], -1L)
                torch.cat ([| top; torch.cat ([| side 1L (2L * count); blocks.Last.unsqueeze -1L |], -1L) |], -2L)

        let places = (torch.arange ((float size).AsScalar(), device = above.device) / 2.0.AsScalar()).floor()
        let isAbove = (places.unsqueeze 1L).lt(places.unsqueeze 0L)
        torch.where (isAbove, above, whole)

    /// The norms of vectors with these entries, neither overflowing nor vanishing. Smooth but at zero.
    let length (entries: torch.Tensor list) : torch.Tensor =
        let sizes = entries |> List.map (fun entry -> entry.detach().abs())
        let unit = Norms.oneWhereZero (sizes |> List.reduce (fun x y -> x.maximum y))
        let squares = entries |> List.map (fun entry -> (entry / unit).square())
        (squares |> List.reduce (+)).sqrt() * unit

    /// The square root of the determinant of each block, by a product without differences of squares; with its sign, and 0 where
    /// that is zero.
    let signedRoot (blocks: Blocks) : torch.Tensor =
        let { M = m; W = w; U = u; V = v } = blocks
        let largest (x: torch.Tensor) (y: torch.Tensor) = x.abs().maximum(y.abs ())
        let unit = Norms.oneWhereZero ((largest m w).maximum(largest u v))
        let determinant = ((m + w) / unit) * ((m - w) / unit) - ((u + v) / unit) * ((u - v) / unit)
        determinant.abs().sqrt() * determinant.sign () * unit
