namespace Parametrize.LinearAlgebra

open TorchSharp
open Parametrize

/// Corrects determinants that rounding has moved.
[<RequireQualifiedAccess>]
module internal FixedDeterminant =

    /// The share by which the determinant of each matrix has to grow, given log |det W| minus its target. Clamped, so that no
    /// matrix becomes singular or leaves the range.
    let missing (excess: torch.Tensor) : torch.Tensor =
        ((-excess).expm1().clamp((-1.0 + 1e-6).AsScalar(), 1e6.AsScalar()).unsqueeze -1L).unsqueeze -1L
