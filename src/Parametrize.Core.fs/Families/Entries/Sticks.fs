namespace Parametrize

open TorchSharp

/// Probability vectors (the last dimension, of n numbers) by breaking a stick: number k takes a share of what those before have
/// left, `sigmoid(x_k - log(n - k))`, and the last all that is left. Zeros make all equal. Stan has this map, and
/// `torch.distributions.StickBreakingTransform`. O(n).
[<RequireQualifiedAccess>]
module internal Sticks =

    /// `log(n - k)`, for k = 1, ..., n - 1.
    let private offsets (count: int64) (like: torch.Tensor) : torch.Tensor =
        let places = Tensors.range 0L (count - 1L) like.dtype like.device
        ((float (count - 1L)).AsScalar() .- places).log()

    let private padded (front: int64) (back: int64) (tensor: torch.Tensor) : torch.Tensor =
        torch.nn.functional.pad (tensor, [| front; back |])

    /// The shares of what is left that are taken, as arguments of the sigmoid.
    let private shares (x: torch.Tensor) : torch.Tensor = x - offsets (Tensors.last x + 1L) x

    /// The logarithms of the vectors.
    let logarithms (x: torch.Tensor) : torch.Tensor =
        let shares = shares x
        let left = (Entrywise.logSigmoid -shares).cumsum -1L
        padded 0L 1L (Entrywise.logSigmoid shares) +. padded 1L 0L left

    /// The x of probability vectors w: `log(w_k / (w_(k+1) + ... + w_n)) + log(n - k)`.
    let coordinates (w: torch.Tensor) : torch.Tensor =
        let count = Tensors.last w
        let left = (w.flip(-1L).cumsum(-1L)).flip(-1L).narrow(-1L, 1L, count - 1L)
        w.narrow(-1L, 0L, count - 1L).log() - left.log () +. offsets count w

    /// `log det (J^T J) / 2` of each vector: the first n - 1 numbers change by a triangular matrix, and the last makes
    /// up for them, which stretches volumes by `sqrt n`.
    let logVolume (x: torch.Tensor) : torch.Tensor =
        let count = Tensors.last x + 1L
        let firsts = (logarithms x).narrow(-1L, 0L, count - 1L)

        (Entrywise.logSigmoid -(shares x) +. firsts).sum [| -1L |] .+ (log (float count) / 2.0).AsScalar()
