namespace Parametrize

open TorchSharp

[<RequireQualifiedAccess>]
module internal BandedSpaces =

    let private linear =
        [ Closure.Scaling; Closure.RowScaling; Closure.Negation; Closure.Sum; Closure.Zeroing ]

    /// The entries of row i are those from column i - lower to i + upper.
    let private ofRows (lower: int64) (upper: int64) (one: Dimension.Matrices) : int64 =
        let inRow (row: int64) =
            let first = max 0L (row - min row lower)
            let last = row + min one.Columns upper
            max 0L (min (one.Columns - 1L) last - first + 1L)

        one.Reals * Seq.sumBy inRow (seq { 0L .. one.Rows - 1L })

    let banded (lower: int64) (upper: int64) : Space =
        let larger =
            match lower, upper with
            | 0L, 0L -> [ TriangularSpaces.diagonal ]
            | 0L, _ -> [ TriangularSpaces.triangular Triangle.Upper ]
            | _, 0L -> [ TriangularSpaces.triangular Triangle.Lower ]
            | _ -> []

        { new Space($"matrices with {lower} diagonals below the main one and {upper} above it", larger, linear) with
            override _.Dimension form = Dimension.ofMatrices (ofRows lower upper) form
        }

/// Matrices of zeros but for the diagonals from `lower` below the main one to `upper` above it.
type internal BandedNode(lower: int64, upper: int64) =
    inherit PatternNode(BandedSpaces.banded lower upper)

    override _.Code = Code.call "banded" [ Code.Long lower; Code.Long upper ]
    override _.Condition = invariant $"W_ij = 0 unless {-upper} <= i - j <= {lower}"

    override _.Keep matrix =
        // libtorch adds these to the number of a row.
        let within (size: int64) (offset: int64) = min size offset
        (matrix.tril (within (Tensors.last matrix) upper)).triu -(within (Tensors.rows matrix) lower)

    interface IDeterminant with
        /// Triangular matrices have that of their diagonal.
        member _.LogAbsDet(inputs, _, _) =
            if lower = 0L || upper = 0L then
                (Tensors.diagonal inputs[0]).abs().log().sum [| -1L |]
            else
                null

namespace Parametrize.Values

open Parametrize

/// The value `banded`.
[<AutoOpen>]
module BandedValues =

    /// Banded n x k matrices: zeros but for the main diagonal, `lower` ones below and `upper` ones above it; `banded 1L 1L` is
    /// tridiagonal. Projects to the nearest one, by zeros outside the band. Throws ArgumentException for negative numbers.
    let banded (lower: int64) (upper: int64) : Parametrization =
        let require (name: string) (count: int64) =
            if count < 0L then
                invalidArg name $"The number of diagonals must not be negative, but it is {count}."

        require (nameof lower) lower
        require (nameof upper) upper
        Parametrization.ofNode (BandedNode(lower, upper))
