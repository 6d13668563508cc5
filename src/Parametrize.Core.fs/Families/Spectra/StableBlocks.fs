namespace Parametrize

open TorchSharp
open Parametrize.LinearAlgebra

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

    /// Makes blocks of the entries of each 2 x 2 block, row by row, and of the single last entry.
    let private read (matrix: torch.Tensor) (blocks: torch.Tensor[] -> torch.Tensor -> Blocks) : Blocks =
        let size = Tensors.last matrix
        let count = size / 2L
        let batch = matrix.shape[.. matrix.shape.Length - 3]
        let even = matrix.narrow(-2L, 0L, 2L * count).narrow(-1L, 0L, 2L * count)
        // Rows and columns of the blocks, and their number.
        let blocks' = (even.reshape (Array.append batch [| count; 2L; count; 2L |])).diagonal(0L, -4L, -2L)
        let at (row: int64) (column: int64) = (blocks'.select (-3L, row)).select(-2L, column)
        let last = (Tensors.diagonal matrix).narrow(-1L, 2L * count, size - 2L * count)
        blocks [| at 0L 0L; at 0L 1L; at 1L 0L; at 1L 1L |] last

    let ofMatrix (matrix: torch.Tensor) : Blocks =
        let mean (x: torch.Tensor) (y: torch.Tensor) = x / 2.0.AsScalar() +. y / 2.0.AsScalar()

        read matrix (fun at last ->
            {
                M = mean at[0] at[3]
                W = mean at[0] -at[3]
                U = mean at[1] at[2]
                V = mean at[1] -at[2]
                Last = last
            })

    /// Reads matrices that hold the four numbers of a block directly: in their sums, a large number would hide a small one.
    let ofNumbers (matrix: torch.Tensor) : Blocks =
        read matrix (fun at last -> { M = at[0]; W = at[3]; U = at[1]; V = at[2]; Last = last })

    let private write (above: torch.Tensor) (at: torch.Tensor[]) (last: torch.Tensor) : torch.Tensor =
        let size = Tensors.last above
        let count = size / 2L
        let batch = above.shape[.. above.shape.Length - 3]
        let row (x: torch.Tensor) (y: torch.Tensor) = torch.stack ([| x; y |], -2L)
        let rows = torch.stack ([| row at[0] at[1]; row at[2] at[3] |], -3L)

        let even =
            (torch.diag_embed (rows, 0L, -4L, -2L)).reshape(Array.append batch [| 2L * count; 2L * count |])

        let whole =
            if size = 2L * count then
                even
            else
                let side (rows: int64) (columns: int64) =
                    torch.zeros (Array.append batch [| rows; columns |], dtype = above.dtype, device = above.device)

                let top = torch.cat ([| even; side (2L * count) 1L |], -1L)
                torch.cat ([| top; torch.cat ([| side 1L (2L * count); last.unsqueeze -1L |], -1L) |], -2L)

        let places = (Tensors.range 0L size torch.float64 above.device / 2.0.AsScalar()).floor()
        let isAbove = (places.unsqueeze 1L).lt(places.unsqueeze 0L)
        torch.where (isAbove, above, whole)

    /// The blocks in their places, with what another matrix has above them.
    let place (above: torch.Tensor) (blocks: Blocks) : torch.Tensor =
        let { M = m; W = w; U = u; V = v } = blocks
        write above [| m +. w; u +. v; u - v; m - w |] blocks.Last

    /// The matrix from which `ofNumbers` reads these blocks.
    let placeNumbers (above: torch.Tensor) (blocks: Blocks) : torch.Tensor =
        write above [| blocks.M; blocks.U; blocks.V; blocks.W |] blocks.Last

    /// The divisor of random numbers above the blocks, which keeps rounding from moving eigenvalues across the edge: the square
    /// root of the size, and more beyond 64 rows, where the eigenvalues of triangular matrices become very sensitive.
    let spread (size: int64) : float = max (sqrt (float size)) (float size / 8.0)

    /// The norms of vectors with these entries, neither overflowing nor vanishing. Smooth but at zero.
    let length (entries: torch.Tensor list) : torch.Tensor =
        let sizes = entries |> List.map (fun entry -> entry.detach().abs())
        let unit = Norms.oneWhereZero (sizes |> List.reduce (fun x y -> x.maximum y))
        let squares = entries |> List.map (fun entry -> (entry / unit).Squared())
        (squares |> List.reduce (+.)).sqrt() * unit

    /// The square root of the determinant of each block, by a product without differences of squares; with its sign, and 0 where
    /// that is zero.
    let signedRoot (blocks: Blocks) : torch.Tensor =
        let { M = m; W = w; U = u; V = v } = blocks
        let largest (x: torch.Tensor) (y: torch.Tensor) = x.abs().maximum(y.abs ())
        let unit = Norms.oneWhereZero ((largest m w).maximum(largest u v))
        let determinant = ((m +. w) / unit) * ((m - w) / unit) - ((u +. v) / unit) * ((u - v) / unit)
        determinant.abs().sqrt() * determinant.sign () * unit

    /// Blocks whose eigenvalues have negative real parts, from any: m by softplus and (w, u) by `R y / sqrt(R^2 + |y|^2)` with
    /// `R^2 = m^2 + v^2`. One to one. And the roots of their determinants.
    let stable (free: Blocks) : struct (Blocks * torch.Tensor) =
        let negative (x: torch.Tensor) = -((Entrywise.softplus -x).clamp_min((Form.least x.dtype).AsScalar()))
        let m = negative free.M
        let r = length [ m; free.V ]
        let factor = r / length [ r; free.W; free.U ]

        struct ({ free with
                    M = m
                    W = free.W * factor
                    U = free.U * factor
                    Last = negative free.Last
                },
                r * factor)

    /// The inverse of `stable`, given the roots of the determinants.
    let free (stable: Blocks) (root: torch.Tensor) : Blocks =
        let raw (m: torch.Tensor) = -(Entrywise.softplusInverse -m)
        let factor = length [ stable.M; stable.V ] / root

        { stable with
            M = raw stable.M
            W = stable.W * factor
            U = stable.U * factor
            Last = raw stable.Last
        }
