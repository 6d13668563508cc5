namespace Parametrize

open TorchSharp

/// Vectors (the last dimension) of sum zero in orthonormal coordinates: the columns of V are Helmert's, of which column j has a
/// negative entry j, positive ones below, and zeros above.
[<RequireQualifiedAccess>]
module internal Helmert =

    /// How many entries are below each but the last: m = n - 1, ..., 1; and 1 / sqrt(m (m + 1)).
    let private scales (count: int64) (like: torch.Tensor) : struct (torch.Tensor * torch.Tensor) =
        let places = torch.arange ((count - 1L).AsScalar(), dtype = like.dtype, device = like.device)
        let below = (float (count - 1L)).AsScalar() - places
        struct ((below * (below + 1.0.AsScalar())).rsqrt(), below)

    let private padded (front: int64) (back: int64) (tensor: torch.Tensor) =
        torch.nn.functional.pad (tensor, [| front; back |])

    /// `V x`, of one entry more, by running sums: n steps instead of n (n - 1).
    let sums (x: torch.Tensor) : torch.Tensor =
        let struct (scale, below) = scales (Tensors.last x + 1L) x
        let u = x * scale
        padded 1L 0L (u.cumsum -1L) - padded 0L 1L (below * u)

    /// `V^T y`, which undoes `sums` up to a number that is added to all entries.
    let coordinates (y: torch.Tensor) : torch.Tensor =
        let count = Tensors.last y
        // A number that all entries have would only cost digits of the sums.
        let y = y - y.mean ([| -1L |], keepdim = true)
        let struct (scale, below) = scales count y
        let others (tensor: torch.Tensor) = tensor.narrow (-1L, 0L, count - 1L)
        let sumsBelow = y.sum ([| -1L |], keepdim = true) - others (y.cumsum -1L)
        (sumsBelow - below * others y) * scale
