/// Matrices by their entries.
module internal Properties.Core.Generators.Structured

open FsCheck
open FsCheck.FSharp
open Parametrize.Laws
open Properties.Core.Ingredients

let lines: Subject list =
    [
        line "identity" entries all everySize |> bijection everything
        line "symmetric" square all everySize |> bijection (upper 0L) |> missedBy offDiagonal
        line "symmetric, lower" square all everySize |> bijection (lower 0L) |> missedBy offDiagonal
        line "hermitian" square all everySize |> bijection (realDiagonal _.triu(1L)) |> missedBy offDiagonal
        line "hermitian, lower" square all everySize
        |> bijection (realDiagonal _.tril(-1L))
        |> missedBy offDiagonal
        line "skew" square all everySize |> bijection (upper 1L) |> missedBy skewed
        line "skew, lower" square all everySize |> bijection (lower -1L) |> missedBy skewed
        line "skewHermitian" square all everySize |> missedBy skewed
        line "skewHermitian, lower" square all everySize |> missedBy skewed
        line "triangular, lower" matrix all everySize |> bijection (lower 0L) |> missedBy offDiagonal
        line "triangular, upper" matrix all everySize |> bijection (upper 0L) |> missedBy belowDiagonal
        line "unitTriangular, lower" matrix all everySize |> bijection (lower -1L) |> missedBy skewed
        line "unitTriangular, upper" matrix all everySize |> bijection (upper 1L) |> missedBy skewed
        line "diagonal" matrix all everySize |> bijection onDiagonal |> missedBy offDiagonal
    ]
