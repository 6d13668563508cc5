/// Matrices by their spectra.
module internal Properties.Core.Generators.Spectra

open FsCheck
open FsCheck.FSharp
open Parametrize.Laws
open Properties.Core.Ingredients

let lines: Subject list =
    [
        line "spd" smallSquare all moderate
        |> bijection (realDiagonal _.tril(-1L))
        |> missedBy offDiagonal
        |> within 100.0
        line "spd, floor" smallSquare all moderate
        |> halvesTo 0.01
        |> bijection (realDiagonal _.tril(-1L))
        |> missedBy offDiagonal
        |> within 100.0
        line "invertible" square reals moderate |> halvesTo 0.01 |> missedBy reflected |> within 10.0
    ]
