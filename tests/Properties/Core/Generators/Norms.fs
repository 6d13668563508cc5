/// Tensors of given norms.
module internal Properties.Core.Generators.Norms

open FsCheck
open FsCheck.FSharp
open Parametrize.Laws
open Properties.Core.Ingredients

let lines: Subject list =
    [
        line "weightNorm 0" atLeastVectors all everySize |> roughAtZero
        line "weightNorm 1" atLeastMatrices all everySize |> roughAtZero
        line "weightNorm -1" atLeastVectors all everySize |> roughAtZero
        line "weightNorm, whole" entries all everySize |> roughAtZero
        line "spectralNorm" atLeastVectors all everySize |> missedBy stretched |> roughAtZero
        line "spectralNorm, bound" atLeastVectors all everySize |> missedBy stretched |> roughAtZero
        line "spectralNorm, dimension" atLeastMatrices all everySize |> missedBy stretched |> roughAtZero
        line "spectralNorm, iterations" atLeastVectors all everySize |> missedBy stretched |> roughAtZero
        line "sphere" vector all everySize |> missedBy stretched |> roughAtZero
        line "sphere, radius" vector all everySize |> missedBy stretched |> roughAtZero
        line "sphereExp" vector all everySize |> missedBy stretched |> exponential 1.0
        line "sphereExp, radius" vector all everySize |> missedBy stretched |> exponential 1.0
    ]
