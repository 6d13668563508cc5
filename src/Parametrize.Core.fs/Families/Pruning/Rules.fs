namespace Parametrize

/// The kind of a pruning.
[<RequireQualifiedAccess>]
type internal PruningKind =
    /// Places that do not depend on the tensor.
    | Fixed
    /// A number of entries.
    | Entries
    /// A number of channels of a dimension.
    | Channels of dimension: int
    | Groups

[<RequireQualifiedAccess>]
module internal PruningKind =

    let ofPruning (pruning: Pruning) : PruningKind =
        match pruning with
        | Pruning.Nothing
        | Pruning.Bernoulli _
        | Pruning.Custom _ -> PruningKind.Fixed
        | Pruning.Random _
        | Pruning.L1 _ -> PruningKind.Entries
        | Pruning.RandomStructured(_, dimension, _)
        | Pruning.Ln(_, _, dimension) -> PruningKind.Channels dimension
        | Pruning.Groups _ -> PruningKind.Groups

/// Checks of a pruning that need no tensor, or only its shape.
[<RequireQualifiedAccess>]
module internal PruningRules =

    /// Whether it picks entries wherever they are, so that several tensors can be pruned as one vector.
    let isOfEntries (pruning: Pruning) : bool =
        match pruning with
        | Pruning.Bernoulli _ -> true
        | _ -> PruningKind.ofPruning pruning = PruningKind.Entries

    /// Options that make no sense for any tensor.
    let fault (pruning: Pruning) : string option =
        match pruning with
        | Pruning.Nothing
        | Pruning.Custom _ -> None
        | Pruning.Bernoulli(probability, _) when not (probability >= 0.0 && probability <= 1.0) ->
            Some(invariant $"The probability must lie in [0, 1], but it is {probability}.")
        | Pruning.Bernoulli _ -> None
        | Pruning.Random(amount, _)
        | Pruning.RandomStructured(amount, _, _)
        | Pruning.L1 amount -> Amount.FaultOf amount
        | Pruning.Ln(_, power, _) when System.Double.IsNaN power ->
            Some(invariant $"The power of the norm must be a number, but it is {power}.")
        | Pruning.Ln(amount, _, _) -> Amount.FaultOf amount
        | Pruning.Groups(keep, size) when keep < 0 || size < 1 || keep > size ->
            Some $"Of each {size} entries, {keep} cannot be kept."
        | Pruning.Groups _ -> None

    let private channels (dimension: int) (shape: int64[]) : Result<int64, string> =
        let count = shape.Length

        if count < 2 then
            Error "at least 2 dimensions, to have channels"
        elif dimension < -count || dimension >= count then
            Error(invariant $"a tensor with dimension {dimension}")
        else
            Ok shape[(dimension + count) % count]

    let private enough (amount: Amount) (what: string) (many: int64) : string option =
        match amount with
        | Amount.Count count when count > many -> Some $"at least {count} {what}"
        | _ -> None

    let private enoughChannels (amount: Amount) (dimension: int) (shape: int64[]) : string option =
        match channels dimension shape with
        | Ok many -> enough amount (invariant $"channels in dimension {dimension}") many
        | Error expected -> Some expected

    /// The words for a shape that the pruning needs; None if this one suits.
    let expects (pruning: Pruning) (shape: int64[]) : string option =
        match pruning with
        | Pruning.Nothing
        | Pruning.Bernoulli _ -> None
        | Pruning.Custom mask when mask.ShapeOf <> shape -> Some $"the shape of its mask, {Form.Shown mask.ShapeOf}"
        | Pruning.Custom _ -> None
        | Pruning.Random(amount, _)
        | Pruning.L1 amount -> enough amount "entries" (Array.fold (*) 1L shape)
        | Pruning.RandomStructured(amount, dimension, _)
        | Pruning.Ln(amount, _, dimension) -> enoughChannels amount dimension shape
        | Pruning.Groups(_, size) ->
            match Array.tryLast shape with
            | Some last when last % int64 size = 0L -> None
            | _ -> Some $"a last dimension that {size} divides"
