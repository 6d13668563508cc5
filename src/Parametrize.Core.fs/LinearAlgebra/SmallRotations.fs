namespace Parametrize.LinearAlgebra

open TorchSharp
open Parametrize

/// Closed forms of the maps for real skew-symmetric 2 x 2 and 3 x 3 matrices, where `A^3 = -theta^2 A`: in batches of small
/// matrices factorizations take most of the time. Rodrigues' formula for exp A in space would need a series near theta = 0, which
/// is as many operations as the polynomial.
[<RequireQualifiedAccess>]
module internal SmallRotations =

    let private isReal (size: int64) (a: torch.Tensor) : bool = Tensors.last a = size && not (a.is_complex ())

    /// Whether they turn the plane.
    let arePlane (a: torch.Tensor) : bool = isReal 2L a

    /// Whether they turn the plane or space.
    let areSmall (a: torch.Tensor) : bool = arePlane a || isReal 3L a

    /// exp A in the plane: the cosine and the sine of the angle.
    let exponential (a: torch.Tensor) : torch.Tensor =
        let angle = a.select(-2L, 1L).select(-1L, 0L)
        let cosine, sine = angle.cos (), angle.sin ()
        torch.stack([| cosine; -sine; sine; cosine |], -1L).view a.shape

    /// `(I + A/2) (I - A/2)^-1 = I + (A + A^2 / 2) / (1 + theta^2 / 4)`.
    let cayley (a: torch.Tensor) : torch.Tensor =
        let half = a * 0.5.AsScalar()
        let square = half.matmul half
        // The squares of the entries of A / 2 add up to theta^2 / 2.
        let length = (half * half).sum([| -2L; -1L |], keepdim = true) * 0.5.AsScalar() + 1.0.AsScalar()
        Orthonormal.identityLike a (Tensors.last a) + (half + square) * 2.0.AsScalar() / length
