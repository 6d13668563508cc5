/// Masks by magnitude.
module Properties.Core.Golden.PruningCases

open System
open System.Globalization
open System.Text.Json
open Parametrize
open Parametrize.Values
open Properties.Core.Golden.Json
open Properties.Core.Golden.Replay
open TorchSharp

let private amountOf (node: Node) : Amount =
    if isWhole node then Amount.Count(whole node) else Amount.Share(number node)

let private compareMask (value: Parametrization) (case: Node) : Comparison list =
    let before = case |> field "weight_before" |> tensor
    let mask = case |> field "mask" |> tensor

    comparing "pruning" (Parametrization.initializeNearest value before) (fun parts ->
        [
            Comparison.between "mask" mask parts.Buffers[0]
            Comparison.between "pruned weight" (before * mask) (forward value parts)
        ])

let compareOnce (case: Node) : Comparison list =
    compareMask (pruned (Pruning.L1(case |> field "amount" |> amountOf))) case

/// The second time an amount of what is left.
let compareTwice (case: Node) : Comparison list =
    let once = pruned (Pruning.L1(case |> field "amount" |> amountOf))
    compareMask (once >>> once) case

/// Norms are written as text, because JSON has no infinity.
let private power (node: Node) : float =
    match node.Element.ValueKind with
    | JsonValueKind.String ->
        match Double.TryParse(text node, NumberStyles.Float, CultureInfo.InvariantCulture) with
        | true, power -> power
        | _ when text node = "fro" -> 2.0
        | _ -> number node
    | _ -> number node

/// Whole channels.
let private channels (case: Node) : Parametrization =
    let amount = case |> field "amount" |> amountOf
    let dimension = case |> field "dim" |> whole |> int
    pruned (Pruning.Ln(amount, case |> field "n" |> power, dimension))

let compareChannels (case: Node) : Comparison list = compareMask (channels case) case

let compareChannelsTwice (case: Node) : Comparison list =
    let once = channels case
    compareMask (once >>> once) case

/// Several tensors as if they were one vector.
let compareGlobal (case: Node) : Comparison list =
    let vector (name: string) =
        case
        |> field name
        |> items
        |> List.map (fun node -> (tensor node).flatten())
        |> List.toArray
        |> torch.cat

    let value = pruned (Pruning.L1(case |> field "amount" |> amountOf))

    comparing "pruning" (Parametrization.initializeNearest value (vector "weights_before")) (fun parts ->
        [ Comparison.between "masks" (vector "masks") parts.Buffers[0] ])
