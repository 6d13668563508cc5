namespace Parametrize

open System
open System.Security.Cryptography
open TorchSharp

/// Which entries stay, as data: values hold no tensors.
[<CustomEquality; NoComparison>]
type Mask =
    private
        {
            Sizes: int64[]
            Stays: bool[]
        }

    /// Entries that are true stay, row after row.
    static member OfArray(shape: int64[], kept: bool[]) : Mask =
        if Array.fold (*) 1L shape <> int64 kept.Length then
            invalidArg (nameof kept) $"A mask of shape {Form.Shown shape} has other than {kept.Length} entries."

        { Sizes = Array.copy shape; Stays = Array.copy kept }

    /// Entries other than 0 stay.
    static member OfTensor(tensor: torch.Tensor) : Mask =
        use _ = torch.no_grad ()
        use scope = torch.NewDisposeScope()

        {
            Sizes = tensor.shape
            Stays = tensor.ne(0.0.ToScalar()).cpu().flatten().data<bool>().ToArray()
        }

    /// The shape of the tensors that it suits.
    member this.Shape: int64[] = Array.copy this.Sizes

    /// How many entries are pruned.
    member this.Pruned: int64 = this.Stays |> Seq.filter not |> Seq.length |> int64

    /// Whether each entry stays, row after row.
    member this.Kept: bool[] = Array.copy this.Stays

    /// Ones where entries stay, else zeros.
    member this.ToTensor(form: Form) : torch.Tensor =
        use kept = torch.tensor (this.Stays, this.Sizes, device = torch.CPU)
        kept.``to`` (form.Dtype, form.Device)

    member internal this.ShapeOf: int64[] = this.Sizes

    /// What stays under both; they must be of one shape.
    member internal this.And(other: Mask) : Mask = { this with Stays = Array.map2 (&&) this.Stays other.Stays }

    override this.Equals(other: obj) : bool =
        match other with
        | :? Mask as mask -> this.Sizes = mask.Sizes && this.Stays = mask.Stays
        | _ -> false

    override this.GetHashCode() : int = hash (this.Sizes, this.Stays)

    /// Shape, number of zeros and a digest of the pattern.
    override this.ToString() : string =
        let bytes = this.Stays |> Array.map (fun kept -> if kept then 1uy else 0uy)
        let digest = Convert.ToHexStringLower(SHA256.HashData bytes).Substring(0, 16)
        $"(mask {Form.Shown this.Sizes}, {this.Pruned} zeros, sha256:{digest})"
