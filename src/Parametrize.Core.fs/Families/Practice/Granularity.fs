namespace Parametrize

open TorchSharp

/// Which entries of a tensor share a scale.
[<RequireQualifiedAccess>]
type Granularity =
    /// All of them.
    | Tensor
    /// The entries of each channel of a dimension, which is counted from the end when negative.
    | Channel of dimension: int

    member internal this.Code: Code =
        match this with
        | Tensor -> Code.Symbol "Granularity.Tensor"
        | Channel dimension -> Code.Case("Granularity.Channel", [ Code.Integer dimension ])

    /// As it is typed, in brackets where needed.
    override this.ToString() : string = FSharpText.ofCode this.Code

    /// The entries that share a scale, in words.
    member internal this.InWords: string =
        match this with
        | Tensor -> "one for the tensor"
        | Channel dimension -> invariant $"one for each channel of dimension {dimension}"

/// Scales and the entries that share them.
[<RequireQualifiedAccess>]
module internal Granularity =

    let private position (dimension: int) (count: int) : int = (dimension + count) % count

    /// What errors expect of a form that does not suit; None if it suits.
    let fault (granularity: Granularity) (form: Form) : string option =
        match granularity with
        | Granularity.Tensor -> None
        | Granularity.Channel dimension -> Form.withoutDimension dimension form

    /// The shape of one number for each scale.
    let shape (granularity: Granularity) (form: Form) : int64[] =
        match granularity with
        | Granularity.Tensor -> [||]
        | Granularity.Channel dimension -> [| form.Shape[position dimension form.Shape.Length] |]

    /// The numbers, one for each scale, in a shape that broadcasts with the tensor.
    let beside (granularity: Granularity) (tensor: torch.Tensor) (numbers: torch.Tensor) : torch.Tensor =
        match granularity with
        | Granularity.Tensor -> numbers
        | Granularity.Channel dimension ->
            let kept = position dimension (int (tensor.dim ()))
            numbers.reshape (Array.init (int (tensor.dim ())) (fun place -> if place = kept then -1L else 1L))

    /// A row for each scale.
    let rows (granularity: Granularity) (tensor: torch.Tensor) : torch.Tensor =
        match granularity with
        | Granularity.Tensor -> tensor.reshape (1L, -1L)
        | Granularity.Channel dimension ->
            let kept = int64 (position dimension (int (tensor.dim ())))
            tensor.movedim([| kept |], [| 0L |]).reshape(tensor.size (int kept), -1L)

    /// From a row for each scale back to a tensor like this one.
    let ofRows (granularity: Granularity) (tensor: torch.Tensor) (rows: torch.Tensor) : torch.Tensor =
        match granularity with
        | Granularity.Tensor -> rows.reshape tensor.shape
        | Granularity.Channel dimension ->
            let kept = int64 (position dimension (int (tensor.dim ())))
            let moved = Array.append [| tensor.size (int kept) |] (Array.removeAt (int kept) tensor.shape)
            rows.reshape(moved).movedim([| 0L |], [| kept |])
