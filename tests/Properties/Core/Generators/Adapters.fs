/// Small changes of frozen weights.
module internal Properties.Core.Generators.Adapters

open FsCheck.FSharp
open Parametrize.Laws
open Properties.Core.Ingredients

/// Rows of an even number of entries.
let private even =
    Gen.oneof [ matrix; convolution ]
    |> Gen.map (fun shape -> Array.append shape[.. shape.Length - 2] [| 2L * Array.last shape |])

let lines: Subject list =
    [
        line "lora" atLeastMatrices reals everySize |> halvesTo 1.0 |> onGround 1.0
        line "rsLora" atLeastMatrices reals everySize |> halvesTo 1.0 |> onGround 1.0
        line "dora" atLeastMatrices reals everySize |> halvesTo 1.0 |> roughAtZero
        line "oft" even reals everySize
    ]
