/// Tensors under masks.
module internal Properties.Core.Generators.Pruning

open FsCheck
open FsCheck.FSharp
open Parametrize.Laws
open Properties.Core.Ingredients

let lines: Subject list =
    [
        line "pruned, Bernoulli" entries all everySize
        line "pruned, share" entries all everySize
        line "pruned, count" (shape 2 |> Gen.map (Array.map (max 2L))) all everySize
        line "pruned, mask" (Gen.constant [| 3L; 4L |]) all everySize |> missedBy (shifted 1e-3)
        line "pruned, nothing" entries all everySize
        line "pruned, random share" entries all everySize
        line "pruned, random count" (shape 2 |> Gen.map (Array.map (max 2L))) all everySize
        |> missedBy (shifted 1e-3)
        line "pruned, random channels" atLeastMatrices all everySize
        line "pruned, L1 channels" atLeastMatrices all everySize
        line "pruned, L2 channels" atLeastMatrices all everySize
        line "pruned, L0.5 channels" atLeastMatrices all everySize |> missedBy (shifted 1e-3)
        line "pruned, largest entries of channels" atLeastMatrices all everySize
        line "pruned, up to" entries all everySize |> missedBy (shifted 1e-3)
        line "pruned, random up to" entries all everySize
        line "pruned, channels up to" atLeastMatrices all everySize
        line "pruned, random channels up to" atLeastMatrices all everySize
        line "pruned, 2 of 4" fours all everySize |> missedBy (shifted 1e-3)
        line "pruned twice" entries all everySize
        line "pruned, channels twice" atLeastMatrices all everySize
        line "pruned, entries, then channels" atLeastMatrices all everySize
        line "pruned, several ways" fours all everySize |> missedBy (shifted 1e-3)
        line "pruned on kernels" (fours |> Gen.map (fun shape -> Array.append [| 3L |] shape)) all everySize
        |> missedBy (shifted 1e-3)
    ]
