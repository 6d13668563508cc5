namespace Parametrize

open TorchSharp
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

    /// Whether a node combines several tensors so that each keeps its own part of the result.
    let private keepsApart (node: Node) : bool =
        match box node with
        | :? PiecesNode
        | :? ChoiceNode
        | :? SumNode -> true
        | _ -> false

    /// Which parameters stay trainable if the weight was frozen: those of adapters, and those that are combined with them, such
    /// as the magnitudes of a weight norm. Pieces without an adapter stay frozen.
    let trained (value: Parametrization) : bool[] =
        let program = value.Program
        let isTrained = Array.create program.LeafCount false
        /// Of each register: the leaves that it is computed from, and whether an adapter is among them.
        let registers = ResizeArray [ for leaf in 0 .. program.LeafCount - 1 -> struct ([ leaf ], false) ]

        for step in program.Steps do
            match step with
            | Step.Into(_, source, _)
            | Step.OutOf(_, source) -> registers.Add registers[source]
            | Step.Compute(node, sources, _, _) ->
                let all = [ for source in sources -> registers[source] ]
                let leaves = all |> List.collect (fun struct (leaves, _) -> leaves)
                let hasAdapter = all |> List.exists (fun struct (_, hasAdapter) -> hasAdapter)
                let isAdapter = node :? AdapterNode

                if isAdapter || (hasAdapter && not (keepsApart node)) then
                    for leaf in leaves do
                        isTrained[leaf] <- true

                registers.Add(struct (leaves, hasAdapter || isAdapter))

        isTrained

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

    let private isAlone (value: Parametrization) : bool =
        match Parametrization.nodes value with
        | [ :? AdapterNode as node ] -> value = Parametrization.ofNode node
        | _ -> (tryLowRank value).IsSome

    /// The parts without the changes of adapters, and the frozen weights of the registers that adapters yield. Learnt buffers are those
    /// of the new parameters; other parts are shared.
    let private started (value: Parametrization) (parts: Parts) : struct (Parts * torch.Tensor[]) =
        let leaves = Array.copy parts.ParameterArray
        let frozen: torch.Tensor[] = Array.zeroCreate value.Program.RegisterCount

        let start (sources: int[]) (starting: torch.Tensor[]) =
            for source, leaf in Array.zip sources starting do
                if source < leaves.Length then
                    leaves[source] <- leaf

        value.Program.Steps
        |> Array.iteri (fun index step ->
            match step with
            | Step.Compute(node, sources, position, _) ->
                match box node with
                | :? AdapterNode as adapter ->
                    let weight = parts.BufferArrays[position][0]
                    frozen[leaves.Length + index] <- weight
                    start sources (adapter.Starting weight)
                // Magnitudes beside an adapter are reset to those of the frozen weight.
                | :? WeightNormNode as norm when not (isNull (box frozen[sources[1]])) ->
                    let weight = frozen[sources[1]]

                    match norm.Invert([||], weight, Form.epsilon weight.dtype, Want.Exact) with
                    | Ok found -> start sources[..0] found.Inputs[..0]
                    | Error _ -> ()
                | _ -> ()
            | _ -> ())

        let started = new Parts(parts.Shape, leaves, parts.BufferArrays)

        match Parametrization.refresh value started with
        | Ok refreshed -> struct (refreshed, frozen)
        // The weight is not finite, and neither is what is computed from it.
        | Error _ -> struct (started, frozen)

    /// Parts that yield what the value yields without the changes of its adapters. They may share tensors with the given ones.
    let partsWithout (value: Parametrization) (parts: Parts) : Parts =
        use _ = torch.no_grad ()
        let struct (parts, _) = started value parts
        parts

    /// A new tensor: what the value yields without the changes of its adapters; its other parts stay as they are. For an adapter
    /// by itself that is the frozen weight, bit for bit.
    let without (value: Parametrization) (parts: Parts) : torch.Tensor =
        use scope = torch.NewDisposeScope()
        use _ = torch.no_grad ()
        let struct (parts, frozen) = started value parts

        let tensor =
            if isAlone value then
                (Array.find (box >> isNull >> not) frozen).clone()
            else
                Parametrization.forward value parts

        scope.MoveToOuter tensor
