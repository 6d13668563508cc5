namespace Parametrize

open TorchSharp

[<RequireQualifiedAccess>]
module internal TriangularSpaces =

    let private linear =
        [ Closure.Scaling; Closure.RowScaling; Closure.Negation; Closure.Sum; Closure.Zeroing ]

    let private side (triangle: Triangle) : string =
        match triangle with
        | Triangle.Lower -> "lower"
        | Triangle.Upper -> "upper"

    let triangular (triangle: Triangle) : Space =
        { new Space($"{side triangle} triangular matrices", [], linear) with
            override _.Dimension form =
                Dimension.ofMatrices (fun one -> one.Reals * Dimension.ofTriangle triangle one) form
          interface IStructured with
              member _.Structure =
                  match triangle with
                  | Triangle.Lower -> Structure.LowerTriangular
                  | Triangle.Upper -> Structure.UpperTriangular
        }

    let unitTriangular (triangle: Triangle) : Space =
        { new Space($"{side triangle} triangular matrices with unit diagonal", [ triangular triangle ], []) with
            override _.Dimension form =
                Dimension.ofMatrices
                    (fun one -> one.Reals * (Dimension.ofTriangle triangle one - Dimension.onDiagonal one))
                    form
          interface IFixedDeterminant with
              member _.LogAbsDet _ = 0.0
        }

    let diagonal: Space =
        { new Space("diagonal matrices", [ triangular Triangle.Lower; triangular Triangle.Upper ], linear) with
            override _.Dimension form = Dimension.ofMatrices (fun one -> one.Reals * Dimension.onDiagonal one) form
        }

/// Triangular matrices, square or not, optionally with ones on the diagonal.
type internal TriangularNode(triangle: Triangle, unitDiagonal: bool) =
    inherit
        LinearNode(
            if unitDiagonal then
                TriangularSpaces.unitTriangular triangle
            else
                TriangularSpaces.triangular triangle
        )

    let half = Half.keep triangle
    let offset = if unitDiagonal then 1L else 0L

    let fill (matrix: torch.Tensor) =
        if unitDiagonal then
            half 1L matrix +. Tensors.eyeLike matrix
        else
            half 0L matrix

    override _.Code =
        let head = if unitDiagonal then "unitTriangular" else "triangular"
        Code.call head [ Code.Symbol $"Triangle.{triangle}" ]

    override _.Requirement = Requirement.matrices

    override _.Condition =
        let zeros = if triangle = Triangle.Lower then "above" else "below"
        let ones = if unitDiagonal then " and W_ii = 1" else ""
        $"W_ij = 0 {zeros} the diagonal{ones}"

    override _.Fill matrix = fill matrix
    override _.Restrict matrix = half offset matrix
    override _.Nearest matrix = fill matrix

    interface IDeterminant with
        /// Entries of the diagonal are kept, or are 1.
        member _.LogAbsDet(inputs, _, _) =
            if unitDiagonal then
                Tensors.forEach 2 0.0 inputs[0]
            else
                (Tensors.diagonal inputs[0]).abs().log().sum [| -1L |]

/// Diagonal matrices, square or not.
type internal DiagonalNode() =
    inherit PatternNode(TriangularSpaces.diagonal)

    override _.Code = Code.name "diagonal"
    override _.Condition = "W_ij = 0 off the diagonal"
    override _.Keep matrix = matrix.tril(0L).triu 0L

    interface IDeterminant with
        /// Entries of the diagonal are kept.
        member _.LogAbsDet(inputs, _, _) = (Tensors.diagonal inputs[0]).abs().log().sum [| -1L |]

namespace Parametrize.Values

open Parametrize

/// The values `triangular`, `unitTriangular` and `diagonal`.
[<AutoOpen>]
module TriangularValues =

    /// Triangular n x k matrices.
    let triangular (triangle: Triangle) : Parametrization = Parametrization.ofNode (TriangularNode(triangle, false))

    /// Triangular n x k matrices with ones on the diagonal.
    let unitTriangular (triangle: Triangle) : Parametrization = Parametrization.ofNode (TriangularNode(triangle, true))

    /// Diagonal n x k matrices.
    let diagonal: Parametrization = Parametrization.ofNode (DiagonalNode())
