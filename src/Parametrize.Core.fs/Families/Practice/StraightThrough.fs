namespace Parametrize

open TorchSharp

/// A map that is constant almost everywhere, with gradients as if it were not there (Bengio, Leonard & Courville 2013).
[<RequireQualifiedAccess>]
module internal StraightThrough =

    /// The numbers of `rounded`, to the last bit, with the gradients of `through`.
    let join (rounded: torch.Tensor) (through: torch.Tensor) : torch.Tensor =
        rounded.detach () +. (through - through.detach ())
