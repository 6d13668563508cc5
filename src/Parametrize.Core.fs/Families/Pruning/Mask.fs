namespace Parametrize

open System
open System.Runtime.InteropServices
open TorchSharp

/// Which entries stay, as data: values hold no tensors.
[<CustomEquality; NoComparison>]
type Mask =
    private
        {
            Sizes: int64[]
            Stays: bool[]
        }

    /// The mask by which entries that are true stay, row after row. Throws ArgumentException if their number does not fit the
    /// shape.
    static member OfArray(shape: int64[], kept: bool[]) : Mask =
        if Array.fold (*) 1L shape <> int64 kept.Length then
            invalidArg
                (nameof kept)
                $"A mask of shape {Form.Shown shape} needs {Array.fold (*) 1L shape} entries, but {kept.Length} were given."

        { Sizes = Array.copy shape; Stays = Array.copy kept }

    /// Which entries are not 0, and how many of these are not 1.
    static member private Read(tensor: torch.Tensor) : struct (torch.Tensor * int64) =
        let stays = tensor.ne (0.0.AsScalar())
        let isOther = stays.logical_xor (tensor.eq (1.0.AsScalar()))
        // Counting takes longer, and most often there are none.
        struct (stays, (if isOther.any().item<bool>() then isOther.count_nonzero().item<int64>() else 0L))

    /// How many entries are neither 1 nor 0.
    static member internal OthersIn(tensor: torch.Tensor) : int64 =
        use _ = torch.no_grad ()
        use _scope = torch.NewDisposeScope()
        let struct (_, others) = Mask.Read tensor
        others

    /// Entries that are 1 stay, those that are 0 do not. Throws ArgumentException for other numbers, and for a disposed tensor.
    static member OfTensor(tensor: torch.Tensor) : Mask =
        Form.requireAlive (nameof tensor) tensor
        use _ = torch.no_grad ()
        use scope = torch.NewDisposeScope()

        let struct (stays, others) = Mask.Read tensor

        if others > 0L then
            invalidArg
                (nameof tensor)
                $"A mask holds ones, where entries stay, and zeros, but {others} of its entries are neither."

        { Sizes = tensor.shape; Stays = Tensors.toArray<bool> stays }

    /// The shape of the tensors that it suits.
    member this.Shape: int64[] = Array.copy this.Sizes

    /// How many entries are pruned.
    member this.Pruned: int64 = int64 (MemoryExtensions.Count(ReadOnlySpan this.Stays, false))

    /// Whether each entry stays, row after row.
    member this.Kept: bool[] = Array.copy this.Stays

    /// Ones where entries stay, else zeros.
    member this.ToTensor(form: Form) : torch.Tensor =
        use kept = torch.empty (this.Sizes, dtype = torch.bool, device = torch.CPU)

        // torch.tensor copies twice.
        if this.Stays.Length > 0 then
            MemoryMarshal.AsBytes(ReadOnlySpan this.Stays).CopyTo kept.bytes

        kept.``to`` (form.Dtype, form.Device)

    /// Whether it is a square pattern that transposing leaves as it is.
    member internal this.IsSymmetric: bool =
        match this.Sizes with
        | [| rows; columns |] when rows = columns ->
            let size = int rows
            let mutable isSame = true

            for row in 0 .. size - 1 do
                for column in 0 .. row - 1 do
                    isSame <- isSame && this.Stays[row * size + column] = this.Stays[column * size + row]

            isSame
        | _ -> false

    member internal this.ShapeOf: int64[] = this.Sizes

    /// The mask of entries that both masks keep; they must have the same shape.
    member internal this.And(other: Mask) : Mask = { this with Stays = Array.map2 (&&) this.Stays other.Stays }

    /// As text: the sizes, and the entries as bits, row after row, the first in the highest bit, in base 64.
    member private this.Literal: string =
        let bytes: byte[] = Array.zeroCreate ((this.Stays.Length + 7) / 8)

        this.Stays
        |> Array.iteri (fun index kept ->
            if kept then
                bytes[index / 8] <- bytes[index / 8] ||| (128uy >>> (index % 8)))

        let sizes = this.Sizes |> Seq.map string |> String.concat "x"
        $"{sizes}:{Convert.ToBase64String bytes}"

    /// The mask of a text such as `2x4:8A==`: sizes, and the entries as bits, row after row, the first in the highest bit, in
    /// base 64. The mask of a tensor without dimensions has no sizes. Throws FormatException for other texts.
    static member Parse(literal: string) : Mask =
        let wrong (reason: string) : 'a =
            raise (FormatException $"A mask is typed as sizes and bits, such as \"2x4:8A==\", but {reason}.")

        match literal.Split ':' with
        | [| sizes; bits |] ->
            let sizeOf (text: string) =
                match Int64.TryParse text with
                | true, size when size >= 0L -> size
                | _ -> wrong $"'{text}' is no size"

            let sizes = if sizes = "" then [||] else sizes.Split 'x' |> Array.map sizeOf
            // Sizes whose product is no number of 64 bits would pass for a small one.
            let count =
                try
                    Array.fold (fun product size -> Checked.(*) product size) 1L sizes
                with :? OverflowException ->
                    wrong "its sizes are too large"

            let bytes =
                try
                    Convert.FromBase64String bits
                with :? FormatException ->
                    wrong "its bits are not in base 64"

            let needed = count / 8L + (if count % 8L = 0L then 0L else 1L)

            if int64 bytes.Length <> needed then
                wrong $"{count} entries need {needed} bytes, and there are {bytes.Length}"

            {
                Sizes = sizes
                Stays = Array.init (int count) (fun index -> bytes[index / 8] &&& (128uy >>> (index % 8)) <> 0uy)
            }
        | _ -> wrong "it needs exactly one colon, between the shape and the bits"

    member internal this.Code: Code = Code.Method("Mask.Parse", [ Code.Text this.Literal ])

    override this.Equals(other: obj) : bool =
        match other with
        | :? Mask as mask ->
            obj.ReferenceEquals(this, mask)
            || this.Sizes = mask.Sizes && this.Stays.AsSpan().SequenceEqual(ReadOnlySpan mask.Stays)
        | _ -> false

    // The entries need not take part: two masks of one shape are rarely compared.
    override this.GetHashCode() : int = hash this.Sizes

    /// As it is typed.
    override this.ToString() : string = FSharpText.ofCode this.Code
