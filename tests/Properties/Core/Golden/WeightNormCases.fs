/// Magnitude and direction.
module Properties.Core.Golden.WeightNormCases

open Parametrize
open Parametrize.Values
open Properties.Core.Golden.Json
open Properties.Core.Golden.Replay

let compare (case: Node) : Comparison list =
    let dimension = case |> field "dim"

    // For PyTorch -1 is None, not the last dimension.
    let value =
        if isNull dimension || whole dimension = -1L then
            weightNormWhole
        else
            weightNorm (int (whole dimension))

    let before = case |> field "weight_before" |> tensor
    let after = case |> field "state_after_register"
    let parts = case |> field "state" |> partsOf value
    let names = Parametrization.parameterNames value |> List.map (fun name -> prefix + name)
    let grads = case |> field "grads"

    let registered =
        comparing "registration" (Parametrization.initialize value before) (fun parts ->
            List.map2
                (fun name found -> Comparison.between $"{name} after registration" (stateTensor name after) found)
                names
                (Seq.toList parts.Parameters))

    let gradient =
        List.map2
            (fun name found -> Comparison.between $"gradient of {name}" (stateTensor name grads) found)
            names
            (gradients value parts (case |> field "grad_weight" |> tensor))

    registered
    @ [ Comparison.between "weight" (case |> field "weight" |> tensor) (forward value parts) ]
    @ gradient
