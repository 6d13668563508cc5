namespace Parametrize

open System
open TorchSharp

/// Facts about values that composing, flows and the facade ask for.
[<RequireQualifiedAccess>]
module internal Traits =

    /// Whether the value yields every tensor.
    let isFree (value: Parametrization) : bool = (Tree.space value.Tree).IsClosedUnder Closure.Everything

    /// Whether any tensor can be its parameter.
    let readsAll (value: Parametrization) : bool =
        value.Program.Steps
        |> Array.forall (fun step ->
            match step with
            | Step.Compute(node, sources, _, _) when PullBack.readsLeaves value.Program sources ->
                node.Domains |> List.forall (Domain.accepts Space.all)
            | _ -> true)

    /// The largest of the numbers that its nodes add to entries, as bounds and offsets.
    let largestNumber (value: Parametrization) : float =
        value.Program.Nodes
        |> Seq.collect (fun node ->
            match box node with
            | :? IHoldsNumbers as holding -> holding.Offsets
            | _ -> [])
        |> Seq.filter Double.IsFinite
        |> Seq.fold (fun largest number -> max largest (abs number)) 0.0

    /// Whether the value reads tensors as kernels.
    let seesKernels (value: Parametrization) : bool =
        value.Program.Steps
        |> Array.exists (fun step ->
            match step with
            | Step.OutOf(View.Kernel, _)
            | Step.Into(View.Kernel, _, _) -> true
            | _ -> false)

    /// Whether two values yield the same tensors.
    let yieldSame (left: Parametrization) (right: Parametrization) : bool = Tree.space left.Tree = Tree.space right.Tree

    /// Which tensors of a batch of allowed tensors are on the boundary of an open space, where the value has no exact output. Looks
    /// through views, scales and shifts; null when it is not known.
    let isOnOpenEdge (value: Parametrization) (batch: torch.Tensor) : torch.Tensor | null =
        let rec ofTree (tree: Tree) (tensor: torch.Tensor) : torch.Tensor | null =
            match tree with
            | Tree.OutOf(view, inner) -> ofTree inner (View.intoBehind 1 view tensor)
            | Tree.Apply(node, inputs, _) ->
                match box node, inputs with
                | :? IHasOpenEdge as edged, _ -> (edged.IsOnEdge tensor).flatten(1L).any(1L, false)
                | :? ISimilar, [ inner ] ->
                    match box node with
                    | :? IBijection as back -> ofTree inner (back.Back tensor)
                    | _ -> null
                | _ -> null
            | _ -> null

        ofTree value.Tree batch

    /// Whether one of its nodes is a trivialization.
    let hasBase (value: Parametrization) : bool = value.Program.Nodes |> Array.exists Node.hasBase

    /// Whether all its nodes map each entry by itself.
    let isEntrywise (value: Parametrization) : bool = value.Program.IsEntrywise
