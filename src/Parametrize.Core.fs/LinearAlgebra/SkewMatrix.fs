namespace Parametrize.LinearAlgebra

open TorchSharp
open Parametrize

/// The skew-symmetric (skew-Hermitian) n x n matrix of a tall n x k one, X: its lower triangle, completed by zeros to a
/// square, minus the adjoint of that. A = [[B, -C^H], [C, 0]] in blocks of k and n - k.
[<RequireQualifiedAccess>]
module internal SkewMatrix =

    /// A of X.
    let ofLower (tall: torch.Tensor) : torch.Tensor =
        let half = tall.tril 0L
        let missing = Tensors.rows tall - Tensors.last tall
        let square = if missing = 0L then half else torch.nn.functional.pad (half, [| 0L; missing |])
        square - square.mH

    /// X of a square A: the diagonal, imaginary, is shared between X and its adjoint.
    let toLower (skew: torch.Tensor) : torch.Tensor =
        skew.tril -1L +. torch.diag_embed (Tensors.diagonal skew / 2.0.AsScalar())

    /// X of A, by the blocks B and C.
    let ofBlocks (b: torch.Tensor) (c: torch.Tensor) : torch.Tensor = torch.cat ([| toLower b; c |], -2L)
