namespace Parametrize

open TorchSharp

[<RequireQualifiedAccess>]
module internal BlockSpaces =

    let private kept =
        [
            Closure.Scaling
            Closure.RowScaling
            Closure.Negation
            Closure.Zeroing
            Closure.Sum
            Closure.Transposition
            Closure.DirectSum
        ]

    let rec private withSupersets (space: Space) : Space list =
        space :: (space.Supersets |> Seq.collect withSupersets |> List.ofSeq)

    /// Spaces in which all blocks lie and that are closed under block diagonal matrices.
    let private around (blocks: Space list) : Space list =
        withSupersets blocks.Head
        |> List.filter (fun space -> space.IsClosedUnder Closure.DirectSum && blocks |> List.forall _.IsWithin(space))

    let diagonal (blocks: Space list) : Space =
        let names = blocks |> List.map _.Name |> String.concat ", "
        Space($"block diagonal matrices of {names}", around blocks, Space.common kept blocks)

/// Blocks of one size along the diagonal, zeros elsewhere.
type internal BlockDiagonalNode(count: int) =
    inherit PiecesNode()

    let blocks = int64 count

    let sides (shape: int64[]) = struct (shape[shape.Length - 2], Array.last shape)

    let scaled (rows: int64) (columns: int64) (form: Form) =
        { form with
            Shape = Array.append form.Shape[.. form.Shape.Length - 3] [| rows; columns |]
        }

    /// The blocks as one tensor `[..., block, row, column]` of the matrix, without a copy.
    let stacked (matrix: torch.Tensor) =
        let struct (rows, columns) = sides matrix.shape

        let cells =
            matrix.reshape (
                Array.append
                    matrix.shape[.. int (matrix.dim ()) - 3]
                    [| blocks; rows / blocks; blocks; columns / blocks |]
            )

        cells.diagonal(offset = 0L, dim1 = -4L, dim2 = -2L).movedim([| -1L |], [| -3L |])

    /// The matrix with these blocks.
    let placed (inputs: torch.Tensor[]) =
        let stack = torch.stack (inputs, dim = -3L)
        let struct (rows, columns) = sides stack.shape
        let batch = stack.shape[.. int (stack.dim ()) - 4]
        // Blocks last, so that they become a diagonal of their own.
        let cells = torch.diag_embed (stack.movedim ([| -3L |], [| -1L |]), offset = 0L, dim1 = -4L, dim2 = -2L)
        cells.reshape (Array.append batch [| blocks * rows; blocks * columns |])

    override _.Code = Code.call "blockDiagonal" [ Code.Items(List.replicate count (Code.name "identity")) ]

    override this.Inputs form =
        match Form.fault Requirement.matrices form with
        | Some error -> Error(error (Node.text this))
        | None ->
            let struct (rows, columns) = sides form.Shape

            if rows % blocks = 0L && columns % blocks = 0L then
                Ok(List.replicate count (scaled (rows / blocks) (columns / blocks) form))
            else
                Node.wrongShape this $"matrices whose rows and columns are multiples of {count}" form

    override _.Output inputs =
        let struct (rows, columns) = sides inputs.Head.Shape
        scaled (blocks * rows) (blocks * columns) inputs.Head

    override _.Domains = List.replicate count Domain.AnySpace
    override _.Codomain before = BlockSpaces.diagonal before
    override _.Forward(inputs, _) = placed inputs
    override _.Cut tensor = (stacked tensor).unbind -3

    override this.Contains(_, tensor, epsilon) =
        Tensors.nearEach "W_ij = 0 outside the blocks" epsilon (placed (this.Cut tensor)) tensor

    interface IDeterminant with
        member _.LogAbsDet(_, _, ofInput) = Seq.init count ofInput.Invoke |> Seq.reduce (fun sum next -> sum +. next)

    interface ISolves with
        member _.Solve(inputs, _, right, isTransposed, solveInput) =
            let rows = Tensors.rows inputs[0]
            let part (block: int) = right.narrow (-2L, int64 block * rows, rows)

            torch.cat ([| for block in 0 .. count - 1 -> solveInput.Invoke(block, part block, isTransposed) |], -2L)

    interface IVolumeBehind with
        member _.Measures before = before |> List.forall _.Dimension.IsSome
        member _.LogVolume(inputs, _) = Tensors.forEach 2 0.0 inputs[0]

    interface ICombines with
        member _.CodeWith inputs = Code.call "blockDiagonal" [ Code.Items inputs ]

namespace Parametrize.Values

open Parametrize

/// The value `blockDiagonal`.
[<AutoOpen>]
module BlockDiagonalValues =

    /// Block diagonal matrices of blocks of one size, each of a value of its own: `blockDiagonal [ orthogonal; orthogonal ]`.
    /// Rows and columns have to be multiples of their number. Projects by zeros outside the blocks. Throws ArgumentException
    /// without blocks.
    let blockDiagonal (blocks: Parametrization list) : Parametrization =
        if blocks.IsEmpty then
            invalidArg (nameof blocks) "At least one block is needed, but none was given."

        Parametrization.join (BlockDiagonalNode blocks.Length) blocks
