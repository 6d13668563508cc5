/// Matrices with orthonormal columns or rows.
module internal Properties.Core.Generators.Orthogonal

open FsCheck
open FsCheck.FSharp
open Parametrize.Laws
open Properties.Core.Ingredients

let lines: Subject list =
    [
        line "cayley" matrix all everySize |> missedBy stretched
        line "matrixExp" matrix all everySize |> missedBy stretched |> exponential 1.0
        line "householder" matrix reals everySize |> missedBy stretched |> roughAtZero
        line "orthogonal" matrix all everySize |> missedBy stretched |> roughAtZero |> exponential 1.0
        line "cayley, no base" smallMatrix all shortOfLimit |> missedBy stretched |> within 1e3
        line "matrixExp, no base" smallMatrix all everySize |> missedBy stretched |> exponential 1e3
        line "householder, no base" matrix reals everySize |> missedBy stretched |> roughAtZero
        line "orthogonal, no base" smallMatrix all everySize
        |> missedBy stretched
        |> roughAtZero
        |> exponential 1e3
        line "orthogonal on kernels" atLeastMatrices all everySize
        |> missedBy stretched
        |> roughAtZero
        |> exponential 1.0
    ]
