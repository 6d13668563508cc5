namespace Parametrize.LinearAlgebra

open TorchSharp
open Parametrize

/// Helmert's orthonormal basis of the vectors (the last dimension) of sum zero, as an n x (n - 1) matrix V: column j has a
/// negative entry j, positive ones below, and zeros above.
[<RequireQualifiedAccess>]
module internal Helmert =

    let private realType (tensor: torch.Tensor) = if tensor.is_complex () then tensor.real.dtype else tensor.dtype

    /// How many entries are below each but the last: m = n - 1, ..., 1; and 1 / sqrt(m (m + 1)).
    let private scales (count: int64) (like: torch.Tensor) : struct (torch.Tensor * torch.Tensor) =
        let places = Tensors.range 0L (count - 1L) (realType like) like.device
        let below = (float (count - 1L)).AsScalar() .- places
        struct ((below * (below .+ 1.0.AsScalar())).rsqrt(), below)

    let private padded (front: int64) (back: int64) (tensor: torch.Tensor) =
        torch.nn.functional.pad (tensor, [| front; back |])

    /// `V x` by running sums: n steps instead of n (n - 1). Differentiable.
    let expand (x: torch.Tensor) : torch.Tensor =
        let struct (scale, below) = scales (Tensors.last x + 1L) x
        let u = x * scale
        padded 1L 0L (u.cumsum -1L) - padded 0L 1L (below * u)

    /// `V^T y`, which undoes `expand` up to a number that is added to all entries.
    let coordinates (y: torch.Tensor) : torch.Tensor =
        let count = Tensors.last y
        // A number that all entries have would only cost digits of the sums.
        let y = y - y.mean ([| -1L |], keepdim = true)
        let struct (scale, below) = scales count y
        let others (tensor: torch.Tensor) = tensor.narrow (-1L, 0L, count - 1L)
        let sumsBelow = y.sum ([| -1L |], keepdim = true) - others (y.cumsum -1L)
        (sumsBelow - below * others y) * scale

    let private longer (by: int64) (form: Form) : Form =
        let shape = Array.copy form.Shape
        shape[shape.Length - 1] <- shape[shape.Length - 1] + by
        { form with Shape = shape }

    /// The form of the coordinates that a node reads for vectors of that form, of at least 2 numbers: one number less.
    let inputs (node: Node) (requirement: Requirement) (form: Form) : Result<Form list, ParametrizationError> =
        match Form.fault requirement form with
        | Some error -> Error(error (Node.text node))
        | None when Array.last form.Shape < 2L ->
            Node.wrongShape node "a tensor of at least 2 in the last dimension" form
        | None -> Ok [ longer -1L form ]

    /// The form of the vectors with coordinates of that form.
    let vectorForm (form: Form) : Form = longer 1L form
