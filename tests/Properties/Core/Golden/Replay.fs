/// Parts from state dicts, and what is computed from them.
module Properties.Core.Golden.Replay

open Parametrize
open Properties.Core.Golden.Json
open TorchSharp

let prefix = "parametrizations.weight."

let original = prefix + "original"

/// Gradients of the parameters for a gradient of the tensor.
let gradients (value: Parametrization) (parts: Parts) (outer: torch.Tensor) : torch.Tensor list =
    let leaves = [| for parameter in parts.Parameters -> parameter.detach().clone().requires_grad_ true |]

    let parts = Parametrization.ofTensors leaves parts.Buffers value
    let loss = (Parametrization.forward value parts * outer).sum()
    torch.autograd.grad ([| loss |], leaves) |> Seq.toList

/// Parts from the tensors of a state dict.
let partsOf (value: Parametrization) (state: Node) : Parts =
    let load names = names |> List.map (fun name -> stateTensor (prefix + name) state)

    Parametrization.ofTensors
        (load (Parametrization.parameterNames value))
        (load (Parametrization.bufferNames value))
        value

let forward (value: Parametrization) (parts: Parts) : torch.Tensor = (Parametrization.forward value parts).detach()

let comparing (what: string) (parts: Result<Parts, ParametrizationError>) (compare: Parts -> Comparison list) =
    match parts with
    | Ok parts -> compare parts
    | Error error -> [ Comparison.impossible what error ]
