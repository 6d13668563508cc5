namespace Parametrize

open TorchSharp

/// Prunings one behind another, each of what the ones before it have kept.
[<RequireQualifiedAccess>]
module internal PruningStack =

    let private larger (first: Amount) (second: Amount) : Amount option =
        match first, second with
        | Amount.UpTo share, Amount.UpTo other -> Some(Amount.UpTo(max share other))
        | _ -> None

    /// Prunings whose one after the other is a single one, so that repeated pruning does not grow for ever.
    let private asOne (first: Pruning) (second: Pruning) : Pruning option =
        match first, second with
        | Pruning.Nothing, other
        | other, Pruning.Nothing -> Some other
        | Pruning.L1 amount, Pruning.L1 other -> larger amount other |> Option.map Pruning.L1
        | Pruning.Ln(amount, power, dimension), Pruning.Ln(other, p, d) when power = p && dimension = d ->
            larger amount other |> Option.map (fun amount -> Pruning.Ln(amount, power, dimension))
        | Pruning.Random(amount, seed), Pruning.Random(other, s) when seed = s ->
            larger amount other |> Option.map (fun amount -> Pruning.Random(amount, seed))
        | Pruning.RandomStructured(amount, dimension, seed), Pruning.RandomStructured(other, d, s) when
            dimension = d && seed = s
            ->
            larger amount other |> Option.map (fun amount -> Pruning.RandomStructured(amount, dimension, seed))
        | Pruning.Custom mask, Pruning.Custom other when mask.ShapeOf = other.ShapeOf ->
            Some(Pruning.Custom(mask.And other))
        | _ -> None

    /// The first ones, then one more.
    let private add (stack: Pruning list) (next: Pruning) : Pruning list =
        match List.rev stack with
        | last :: before ->
            match asOne last next with
            | Some one -> List.rev (one :: before)
            | None -> stack @ [ next ]
        | [] -> [ next ]

    let append (first: Pruning list) (second: Pruning list) : Pruning list = List.fold add first second

    /// Whether the tensor alone, without the memory of how it was pruned, tells how many are left for this one: only
    /// fixed places and prunings of its own kind stand before it.
    let private isCounted (before: Pruning list) (pruning: Pruning) : bool =
        let kind = PruningKind.ofPruning pruning

        before
        |> List.map PruningKind.ofPruning
        |> List.skipWhile ((=) PruningKind.Fixed)
        |> List.forall ((=) kind)

    let private step
        (scoresOf: torch.Tensor -> torch.Tensor)
        (kept: torch.Tensor)
        (basis: torch.Tensor)
        (pruning: Pruning)
        =
        Selection.hidden pruning (scoresOf kept) basis
        |> Result.map (fun hidden -> kept.logical_and (hidden.logical_not ()))

    /// What stays of the entries that are kept, by importance scores for all of them.
    let byScores (scores: torch.Tensor) (kept: torch.Tensor) (stack: Pruning list) : Result<torch.Tensor, string> =
        stack
        |> List.fold
            (fun kept pruning -> kept |> Result.bind (fun kept -> step (fun _ -> scores) kept kept pruning))
            (Ok kept)

    /// What stays of the entries that are kept, each time by what is left of the tensor.
    let ofTensor (tensor: torch.Tensor) (kept: torch.Tensor) (stack: Pruning list) : Result<torch.Tensor, string> =
        let left (kept: torch.Tensor) =
            // libtorch counts faster than it asks for all.
            if kept.count_nonzero().item<int64>() = kept.numel () then
                tensor
            else
                tensor * kept

        stack
        |> List.fold (fun kept pruning -> kept |> Result.bind (fun kept -> step left kept kept pruning)) (Ok kept)

    /// What stays of a tensor that may have been pruned so before. Which zeros belong to which pruning is forgotten:
    /// where the counts depend on it, each pruning is content with as many zeros as it would make alone.
    let recognized (tensor: torch.Tensor) (stack: Pruning list) : Result<torch.Tensor, string> =
        let all = torch.ones_like (tensor, dtype = torch.ScalarType.Bool)

        let next (state: Result<torch.Tensor, string>, before: Pruning list) (pruning: Pruning) =
            let kept =
                state
                |> Result.bind (fun kept ->
                    let basis = if isCounted before pruning then kept else all
                    step (fun _ -> tensor) kept basis pruning)

            kept, before @ [ pruning ]

        stack |> List.fold next (Ok all, []) |> fst
