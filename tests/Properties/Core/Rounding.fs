/// What rounding alone decides: which of several nearest tensors is found, and the logarithm of a number that ought to be zero. It
/// differs between processors.
module internal Properties.Core.Rounding

open Parametrize
open TorchSharp

/// The tensor with each entry changed by some units of roundoff; in 16 bits, every third entry by one.
let nudged (seed: uint64) (tensor: torch.Tensor) : torch.Tensor =
    use generator = new torch.Generator(seed, torch.CPU)

    let noise =
        torch.randn (tensor.shape, dtype = torch.ScalarType.Float64, device = torch.CPU, generator = generator)

    let units = if Form.isHalf tensor.dtype then 0.5 else 4.0
    let change = noise * (units * Form.epsilon tensor.dtype).ToScalar() + 1.0.ToScalar()
    tensor * change.``to`` (tensor.dtype, tensor.device)

/// How far a number that is computed from a tensor moves by rounding of that, estimated from a few such changes.
let spread (compute: torch.Tensor -> float) (tensor: torch.Tensor) : float =
    let found = compute tensor
    8.0 * Seq.max [ for seed in 1UL .. 4UL -> abs (compute (nudged seed tensor) - found) ]
