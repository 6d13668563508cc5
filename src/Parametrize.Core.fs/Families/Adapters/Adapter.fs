namespace Parametrize

open Parametrize.Values

/// The description of an adapter of low rank, whichever function has made it.
[<NoComparison>]
type internal LowRankAdapter =
    {
        Rank: int64
        Alpha: float
        /// Whether the factor is `alpha / sqrt rank`.
        IsStabilized: bool
        /// The dimension that keeps its own norms, with magnitudes beside the directions.
        MagnitudeDimension: int option
    }

/// Values that change a frozen weight.
[<RequireQualifiedAccess>]
module internal Adapter =

    /// Whether a value trains small changes of a weight that stays.
    let isAdapter (value: Parametrization) : bool =
        Parametrization.nodes value |> List.exists (fun node -> node :? AdapterNode)

    /// The value of an adapter.
    let ofLowRank (adapter: LowRankAdapter) : Parametrization =
        let change = (if adapter.IsStabilized then rsLora else lora) adapter.Rank adapter.Alpha

        match adapter.MagnitudeDimension with
        | None -> change
        | Some dimension -> Parametrization.joined [ identity; change ] (weightNorm dimension)

    /// The adapter that a value is, if it is one and nothing else.
    let tryLowRank (value: Parametrization) : LowRankAdapter option =
        Parametrization.nodes value
        |> List.tryPick (function
            | :? LoraNode as node -> Some node
            | _ -> None)
        |> Option.bind (fun node ->
            let plain =
                {
                    Rank = node.Rank
                    Alpha = node.Alpha
                    IsStabilized = node.IsStabilized
                    MagnitudeDimension = None
                }

            plain :: [ for dimension in 0..1 -> { plain with MagnitudeDimension = Some dimension } ]
            |> List.tryFind (fun adapter -> ofLowRank adapter = value))
