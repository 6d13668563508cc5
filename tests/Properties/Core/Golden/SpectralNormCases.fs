/// Power iterations, step by step.
module Properties.Core.Golden.SpectralNormCases

open Parametrize
open Parametrize.Values
open Properties.Core.Golden.Json
open Properties.Core.Golden.Replay

let compare (case: Node) : Comparison list =
    let dimension =
        match tryField "dim" case with
        | Some node when not (isNull node) -> int (whole node)
        | _ -> if (case |> field "module" |> text).Contains "ConvTranspose" then 1 else 0

    let value =
        spectralNormWith
            { SpectralNorm.defaults with
                Dimension = dimension
                Iterations = case |> field "n_power_iterations" |> whole |> int
                Epsilon = case |> field "eps" |> number
            }

    let outer = case |> field "grad_weight" |> tensor

    let step (parts: Parts) (position: int, node: Node) =
        let parts =
            if node |> field "training" |> truth then
                Parametrization.advance value parts
            else
                parts

        let after = node |> field "state_after"
        let what name = $"step {position + 1}: {name}"

        let buffers =
            List.map2
                (fun name found -> Comparison.between (what name) (stateTensor (prefix + name) after) found)
                (Parametrization.bufferNames value)
                (Seq.toList parts.Buffers)

        [
            Comparison.between (what "weight") (node |> field "weight" |> tensor) (forward value parts)
            Comparison.between
                (what "gradient")
                (node |> field "grad_original" |> tensor)
                (gradients value parts outer |> List.head)
        ]
        @ buffers,
        parts

    case
    |> field "steps"
    |> items
    |> List.indexed
    |> List.mapFold step (case |> field "state" |> partsOf value)
    |> fst
    |> List.concat
