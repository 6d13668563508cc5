namespace Parametrize

open System
open System.Globalization
open System.Security.Cryptography
open TorchSharp

/// How many entries to prune.
[<RequireQualifiedAccess>]
type Amount =
    /// A share of the entries, in [0, 1]; the count is rounded to even, as Python rounds.
    | Share of float
    /// A number of entries.
    | Count of int64

    member internal this.Of(entries: int64) : int64 =
        match this with
        | Share share -> int64 (Math.Round(share * float entries, MidpointRounding.ToEven))
        | Count count -> count

    override this.ToString() : string =
        match this with
        | Share share -> $"""(Amount.Share {share.ToString("0.0###############", CultureInfo.InvariantCulture)})"""
        | Count count -> $"(Amount.Count {count})"

/// Which entries stay, as data: values hold no tensors.
[<CustomEquality; NoComparison>]
type Mask =
    private
        {
            Shape: int64[]
            Kept: bool[]
        }

    /// Entries that are true stay, row after row.
    static member OfArray(shape: int64[], kept: bool[]) : Mask =
        if Array.fold (*) 1L shape <> int64 kept.Length then
            invalidArg (nameof kept) $"A mask of shape {Form.Shown shape} has other than {kept.Length} entries."

        { Shape = Array.copy shape; Kept = Array.copy kept }

    /// Entries other than 0 stay.
    static member OfTensor(tensor: torch.Tensor) : Mask =
        use _ = torch.no_grad ()
        use scope = torch.NewDisposeScope()

        {
            Shape = tensor.shape
            Kept = tensor.ne(0.0.ToScalar()).cpu().flatten().data<bool>().ToArray()
        }

    member internal this.ShapeOf: int64[] = this.Shape

    member internal this.ToTensor(form: Form) : torch.Tensor =
        torch.tensor(this.Kept, this.Shape).``to``(form.Dtype, form.Device)

    override this.Equals(other: obj) : bool =
        match other with
        | :? Mask as mask -> this.Shape = mask.Shape && this.Kept = mask.Kept
        | _ -> false

    override this.GetHashCode() : int = hash (this.Shape, this.Kept)

    /// Shape, number of zeros and a digest of the pattern.
    override this.ToString() : string =
        let zeros = this.Kept |> Seq.filter not |> Seq.length
        let bytes = this.Kept |> Array.map (fun kept -> if kept then 1uy else 0uy)
        let digest = Convert.ToHexStringLower(SHA256.HashData bytes).Substring(0, 16)
        $"(mask {Form.Shown this.Shape}, {zeros} zeros, sha256:{digest})"

/// Which entries `pruned` sets to zero.
[<RequireQualifiedAccess>]
type Pruning =
    /// Each entry with this probability, drawn from the seed: the same pattern for the same shape.
    | Bernoulli of probability: float * seed: uint64
    /// The entries of smallest modulus when the tensor is first seen.
    | L1 of Amount
    /// A pattern of one's own.
    | Custom of Mask

/// Tensors with zeros at fixed places: `W = mask * X`. Entries under the mask keep their values in X.
type internal PrunedLink(pruning: Pruning) =
    inherit Link()

    let draw (probability: float) (seed: uint64) (tensor: torch.Tensor) =
        // On the CPU whatever the device, so that a seed means one pattern.
        use generator = new torch.Generator(seed, torch.CPU)
        let uniform = torch.rand (tensor.shape, dtype = torch.ScalarType.Float64, generator = generator)
        uniform.ge(probability.ToScalar()).``to``(tensor.dtype, tensor.device)

    let keepLargest (amount: Amount) (tensor: torch.Tensor) =
        let count = amount.Of(tensor.numel ())
        let mask = torch.ones_like (tensor, requires_grad = false)

        if count > 0L then
            let struct (_, smallest) = tensor.abs().flatten().topk(int count, largest = false)
            mask.view(-1L).index_fill_(0L, smallest, 0.0.ToScalar()) |> ignore

        mask

    let choose (tensor: torch.Tensor) =
        match pruning with
        | Pruning.Bernoulli(probability, seed) -> draw probability seed tensor
        | Pruning.L1 amount -> keepLargest amount tensor
        | Pruning.Custom mask -> mask.ToTensor(Form.ofTensor tensor)

    let maskOf (present: torch.Tensor[]) (tensor: torch.Tensor) =
        if present.Length = 1 then present[0] else choose tensor

    override _.Code =
        match pruning with
        | Pruning.Bernoulli(probability, seed) -> $"pruned (Pruning.Bernoulli({probability}, {seed}UL))"
        | Pruning.L1 amount -> $"pruned (Pruning.L1 {amount})"
        | Pruning.Custom mask -> $"pruned (Pruning.Custom {mask})"

    override _.Key = box pruning

    override _.Expects form =
        match pruning with
        | Pruning.Custom mask when mask.ShapeOf <> form.Shape ->
            Some $"the shape of its mask, {Form.Shown mask.ShapeOf}"
        | Pruning.L1(Amount.Count count) when count > Array.fold (*) 1L form.Shape -> Some $"at least {count} entries"
        | _ -> None

    override _.Domain =
        Domain.OneOf
            [
                Space.All
                Space.Masked
                Space.Triangular Triangle.Lower
                Space.Triangular Triangle.Upper
                Space.Diagonal
            ]

    override _.Codomain = Space.Masked
    override _.BufferNames = [ "mask" ]
    override _.IsBatched = false
    override _.Forward(inputs, buffers) = inputs[0] * buffers[0]

    override _.Contains(present, tensor, _) =
        let hidden = tensor * (maskOf present tensor).eq(0.0.ToScalar())
        Violation.unless "W_ij = 0 under the mask" (Tensors.largest hidden) 0.0

    override _.RightInverse(present, tensor, _) = LinkParts.carrying tensor [ maskOf present tensor ]

    override _.Nearest(tensor, _) = tensor * choose tensor
    override _.Approximate(tensor, _) = LinkParts.carrying tensor [ choose tensor ]
