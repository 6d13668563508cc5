namespace Parametrize

open TorchSharp

/// Which entries one pruning hides, given scores (the tensor itself, or one's own) and the entries that are still kept.
/// Masks are boolean here. The places where ties are broken are libtorch's.
[<RequireQualifiedAccess>]
module internal Selection =

    let private zero = 0.0.AsScalar()

    /// True at the `count` smallest entries of a vector; infinite ones are out of competition.
    let private smallest (count: int64) (vector: torch.Tensor) : torch.Tensor =
        let chosen = torch.zeros_like (vector, dtype = torch.ScalarType.Bool)

        if count > 0L then
            let struct (_, places) = vector.topk (int count, largest = false, sorted = false)
            chosen.index_fill_ (0L, places, true.AsScalar()) |> ignore

        chosen

    let private count (mask: torch.Tensor) : int64 = mask.count_nonzero().item<int64>()

    /// A random order of that many, drawn on the CPU whatever the device, so that a seed means one pattern.
    let private order (seed: uint64) (like: torch.Tensor) : torch.Tensor =
        use generator = new torch.Generator(seed, torch.CPU)
        Form.uniform generator { Form.ofTensor like with Dtype = torch.ScalarType.Float64 }

    /// True at the `many` kept entries of largest or smallest importance; `left` is the number of kept entries.
    let private extreme
        largest
        (many: int64)
        (left: int64)
        (importance: torch.Tensor)
        (kept: torch.Tensor)
        : torch.Tensor =
        let placesIn (importance: torch.Tensor) =
            let struct (_, places) = importance.topk (int many, largest = largest, sorted = false)
            places

        let places =
            if left = kept.numel () then
                placesIn importance
            else
                let left = kept.nonzero().flatten()
                left.index_select (0L, placesIn (importance.index_select (0L, left)))

        torch.zeros_like(kept).index_fill_(0L, places, true.AsScalar())

    /// Hides as many of those still kept as the amount says, least first.
    let private leastEntries (amount: Amount) (importance: torch.Tensor) (kept: torch.Tensor) =
        let left = count kept

        amount.TryOf("entries", kept.numel (), left)
        |> Result.map (fun many -> extreme false many left importance kept)

    /// Picks the channels that stay, as PyTorch does: among equal channels, picking those to hide would hide others.
    let private leastChannels (amount: Amount) (importance: torch.Tensor) (kept: torch.Tensor) =
        let left = count kept

        amount.TryOf("channels", kept.numel (), left)
        |> Result.map (fun many -> (extreme true (left - many) left importance kept).logical_not().logical_and kept)

    /// A random choice that leaves a tensor as it is when zeros suffice: then it is allowed, and stays.
    let private drawn (what: string) (amount: Amount) (seed: uint64) (size: torch.Tensor) (kept: torch.Tensor) =
        let order = order seed size
        let zeros = size.eq(zero).logical_and kept

        amount.TryOf(what, kept.numel (), count kept)
        |> Result.map (fun many ->
            let among = if count zeros >= many then zeros else kept
            order.masked_fill (among.logical_not (), infinity.AsScalar()) |> smallest many)

    let private entries choose (scores: torch.Tensor) (kept: torch.Tensor) : Result<torch.Tensor, string> =
        choose (scores.abs().flatten()) (kept.flatten ())
        |> Result.map (fun (hidden: torch.Tensor) -> hidden.reshape scores.shape)

    /// Norms of channels, scaled so that powers stay in range: their order is all that counts. By a power of 2, which
    /// leaves equal ones equal.
    let private norms (power: float) (dimension: int) (scores: torch.Tensor) : torch.Tensor =
        let sizes = if scores.is_complex () then scores.abs () else scores

        let largest =
            match Tensors.largest sizes with
            | size when System.Double.IsFinite size -> size
            | _ -> Tensors.largest (sizes.masked_fill (sizes.isinf (), zero))

        let scale =
            if largest = 0.0 then
                1.0
            else
                System.Math.ScaleB(1.0, System.Math.ILogB largest)

        let channels = (sizes / scale.AsScalar()).transpose(0L, int64 dimension).flatten 1L
        let found = torch.linalg.norm (channels, power, [| 1L |])

        // Powers of what is tiny beside the largest are no numbers of single precision.
        if found.dtype <> torch.ScalarType.Float64 && Tensors.number (found.min ()) < 1e-12 then
            torch.linalg.norm (Tensors.inDouble channels, power, [| 1L |])
        else
            found

    let private others (dimension: int) (tensor: torch.Tensor) : int64[] =
        let count = tensor.shape.Length
        [| 0 .. count - 1 |] |> Array.except [ (dimension + count) % count ] |> Array.map int64

    /// A channel that is pruned as a whole is no channel any more.
    let private channelsLeft (dimension: int) (kept: torch.Tensor) : torch.Tensor = kept.amax (others dimension kept)

    let private channels (dimension: int) (power: float) choose (scores: torch.Tensor) (kept: torch.Tensor) =
        let others = others dimension scores

        let shape =
            Array.init scores.shape.Length (fun position -> if Array.contains (int64 position) others then 1L else -1L)

        choose (norms power dimension scores) (channelsLeft dimension kept)
        |> Result.map (fun (hidden: torch.Tensor) -> hidden.reshape(shape).expand scores.shape)

    /// Those pruned before are the first to go, then the smallest: `keep` of each group stay at most.
    let private groups (keep: int) (size: int) (scores: torch.Tensor) (kept: torch.Tensor) : torch.Tensor =
        let grouped (tensor: torch.Tensor) = tensor.reshape (-1L, int64 size)
        let importance = scores.abs().masked_fill(kept.logical_not (), (-1.0).AsScalar()) |> grouped
        let hidden = torch.zeros_like (importance, dtype = torch.ScalarType.Bool)

        if keep < size then
            let struct (_, places) = importance.topk (size - keep, dim = -1, largest = false)
            hidden.scatter_ (1L, places, torch.ones_like (places, dtype = torch.ScalarType.Bool)) |> ignore

        hidden.reshape scores.shape

    /// True where the pruning hides an entry; `Error` when fewer are left than it counts.
    let hidden (pruning: Pruning) (scores: torch.Tensor) (kept: torch.Tensor) : Result<torch.Tensor, string> =
        match pruning with
        | Pruning.Nothing -> Ok(torch.zeros_like kept)
        | Pruning.Bernoulli(probability, seed) -> Ok((order seed scores).lt(probability.AsScalar()))
        | Pruning.Random(amount, seed) -> entries (drawn "entries" amount seed) scores kept
        | Pruning.RandomStructured(amount, dimension, seed) ->
            channels dimension 1.0 (drawn "channels" amount seed) scores kept
        | Pruning.L1 amount -> entries (leastEntries amount) scores kept
        | Pruning.Ln(amount, power, dimension) -> channels dimension power (leastChannels amount) scores kept
        | Pruning.Groups(keep, size) -> Ok(groups keep size scores kept)
        | Pruning.Custom mask ->
            Ok(mask.ToTensor({ Form.ofTensor kept with Dtype = torch.ScalarType.Bool }).logical_not())

    /// Whether the amount is `UpTo` a share that is pruned already.
    let isReached (pruning: Pruning) (kept: torch.Tensor) : bool =
        let isMet (amount: Amount) (left: torch.Tensor) = amount.TryOf("", left.numel (), count left) = Ok 0L

        match pruning with
        | Pruning.Random(Amount.UpTo _ as amount, _)
        | Pruning.L1(Amount.UpTo _ as amount) -> isMet amount kept
        | Pruning.RandomStructured(Amount.UpTo _ as amount, dimension, _)
        | Pruning.Ln(Amount.UpTo _ as amount, _, dimension) -> isMet amount (channelsLeft dimension kept)
        | _ -> false
