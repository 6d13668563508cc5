/// Masks by magnitude.
module Properties.Core.Golden.PruningCases

open Parametrize
open Parametrize.Values
open Properties.Core.Golden.Json
open Properties.Core.Golden.Replay

let private amountOf (node: Node) : Amount =
    if isWhole node then Amount.Count(whole node) else Amount.Share(number node)

let private compareMask (value: Parametrization) (case: Node) : Comparison list =
    let before = case |> field "weight_before" |> tensor
    let mask = case |> field "mask" |> tensor

    comparing "pruning" (Parametrization.initializeNearest value before) (fun parts ->
        let found = parts.Buffers |> Seq.reduce (fun a b -> a * b)

        [
            Comparison.between "mask" mask found
            Comparison.between "pruned weight" (before * mask) (forward value parts)
        ])

let compareOnce (case: Node) : Comparison list =
    compareMask (pruned (Pruning.L1(case |> field "amount" |> amountOf))) case

/// The second time a share of what is left: the zeros of the first time are the smallest entries of its result.
let compareTwice (case: Node) : Comparison list =
    let amount = case |> field "amount" |> amountOf
    let entries = (case |> field "weight_before" |> numbers).Data.LongLength
    let first = amount.Of entries
    let both = first + amount.Of(entries - first)
    compareMask (pruned (Pruning.L1 amount) >>> pruned (Pruning.L1(Amount.Count both))) case
