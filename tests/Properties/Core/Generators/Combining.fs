/// Values that are made of others, and chains.
module internal Properties.Core.Generators.Combining

open FsCheck
open FsCheck.FSharp
open Parametrize.Laws
open Properties.Core.Ingredients

let lines: Subject list =
    [
        line "skew >>> cayley" square reals everySize |> missedBy stretched
        line "skew >>> matrixExp" square reals everySize |> missedBy stretched |> exponential 1.0
        line "skewHermitian >>> cayley" square all everySize |> missedBy stretched
        line "skew >>> cayley on kernels" squareKernel reals everySize |> missedBy stretched
        line "symmetric >>> spectralNorm" square all everySize |> missedBy stretched |> roughAtZero
        line "scale" entries all everySize |> bijection everything
        line "shift" entries all everySize |> bijection everything |> onGround 1.0
        line "lowRank" rankTwo reals everySize |> halvesTo 1.0 |> roughAtZero |> exponential 10.0
        line "fixedRank" rankTwo reals moderate |> roughAtZero |> exponential 10.0
        line "triangular, transposed" matrix all everySize |> bijection (upper 0L) |> missedBy belowDiagonal
        line "oblique" matrix all everySize |> missedBy stretched |> roughAtZero
        line "transposed >>> sphere" matrix reals everySize |> missedBy stretched |> roughAtZero
        line "matrixExponential" smallSquare all moderate
        |> bijection hermitianPart
        |> missedBy offDiagonal
        |> within 10.0
        line "symmetric >>> matrixExponential" smallSquare reals moderate
        |> bijection (upper 0L)
        |> missedBy offDiagonal
        |> within 10.0
        line "hermitian >>> matrixExponential" smallSquare all moderate
        |> bijection (realDiagonal _.triu(1L))
        |> missedBy offDiagonal
        |> within 10.0
        line "positive >>> inverse" entries reals moderate |> bijection everything |> onGround 1.0
        line "sum, low rank" rankTwo reals everySize |> roughAtZero |> exponential 10.0
        line "sum, orthogonal" square all everySize |> roughAtZero |> exponential 1.0 |> onGround 1.0
        line "sum >>> scale" rankTwo reals everySize |> roughAtZero |> exponential 10.0
        line "product, orthogonal" matrix all everySize |> halvesTo 1.0 |> roughAtZero |> exponential 1.0
        line "product, triangular" smallMatrix all moderate |> halvesTo 0.01 |> within 100.0
        line "blockDiagonal, orthogonal" (matrix |> Gen.map (Array.map ((*) 2L))) all everySize
        |> missedBy stretched
        |> roughAtZero
        |> exponential 1.0
        line "blockDiagonal, mixed" (smallSquare |> Gen.map (Array.map ((*) 3L))) all everySize
        |> missedBy offDiagonal
        line "slices, gates" (Gen.constant [| 6L; 2L |]) all everySize |> roughAtZero |> exponential 1.0
        line "slices, rows" (size |> Gen.map (fun columns -> [| 3L; columns |])) reals everySize
        |> missedBy (shifted -1.1)
        |> roughAtZero
        line "where" (Gen.constant [| 3L; 4L |]) reals everySize |> missedBy (shifted -3.1) |> onGround 4.0
        line "joined" atLeastVectors all everySize |> roughAtZero |> onGround 1.0
        line "triangular >>> pruned" matrix all everySize |> missedBy offDiagonal
        line "weightNorm >>> spectralNorm" atLeastVectors all everySize |> missedBy stretched |> roughAtZero
        line "weightNorm >>> sphere" atLeastVectors all everySize |> missedBy stretched |> roughAtZero
        line "symmetric >>> positive" square reals notTiny |> bijection (upper 0L) |> missedBy offDiagonal
        line "skewHermitian >>> orthogonal, no base" smallSquare all everySize
        |> missedBy stretched
        |> exponential 1e3
    ]
