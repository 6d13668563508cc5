namespace Parametrize.LinearAlgebra

open TorchSharp
open Parametrize

/// Matrices whose determinant only rounding has moved.
[<RequireQualifiedAccess>]
module internal FixedDeterminant =

    /// By which share of itself the determinant of each matrix has to grow, given log |det W| less that which it has to be; short of
    /// shares that would make a matrix singular, or leave the range.
    let missing (excess: torch.Tensor) : torch.Tensor =
        ((-excess).expm1().clamp((-1.0 + 1e-6).AsScalar(), 1e6.AsScalar()).unsqueeze -1L).unsqueeze -1L
