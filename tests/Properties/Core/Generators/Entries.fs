/// Tensors by each entry or vector.
module internal Properties.Core.Generators.Entries

open FsCheck
open FsCheck.FSharp
open Parametrize.Laws
open Properties.Core.Ingredients

let lines: Subject list =
    [
        line "positive" entries reals everySize |> bijection everything |> missedBy (shifted -1e-3)
        line "positive, exp" entries reals everySize |> bijection everything |> missedBy (shifted -1e-3)
        line "positive, square" entries reals everySize |> missedBy (shifted -1e-3)
        line "simplex" (shape 2 |> Gen.map (Array.map (max 2L))) reals everySize
        |> bijection everything
        |> missedBy (Some(fun w -> w * 1.1))
        |> onGround 1.0
        line "simplex, sticks" (shape 2 |> Gen.map (Array.map (max 2L))) reals everySize
        |> bijection everything
        |> missedBy (Some(fun w -> w * 1.1))
        |> onGround 1.0
        line "doublyStochastic" (Gen.choose64 (2L, 8L) |> Gen.map (fun n -> [| n; n |])) reals everySize
        |> bijection everything
        |> missedBy (Some(fun w -> w * 1.1))
        |> onGround 1.0
        line "boundedRatio" atLeastVectors reals everySize
        |> bijection everything
        |> missedBy (shifted -1e-3)
        // The logarithm of a huge entry is several hundred, so its rounding error is larger.
        |> within 10.0
        // Reversed, or no number where there is nothing to reverse.
        line "ordered" atLeastVectors reals everySize |> bijection everything |> missedBy reversed
        line "positiveOrdered" atLeastVectors reals everySize
        |> bijection everything
        |> missedBy (shifted -1e-3)
        line "bounded" entries reals everySize
        |> bijection everything
        |> missedBy (shifted -1.1)
        |> onGround 4.0
        line "bounded below" entries reals everySize
        |> bijection everything
        |> missedBy (shifted 0.09)
        |> onGround 1.0
        line "bounded above" entries reals everySize
        |> bijection everything
        |> missedBy (shifted -0.4)
        |> onGround 1.0
    ]
