namespace Parametrize

open TorchSharp

[<RequireQualifiedAccess>]
module internal SkewSpaces =

    let private linear =
        [ Closure.Scaling; Closure.Negation; Closure.Sum; Closure.Transposition; Closure.DirectSum ]

    let skew: Space =
        { new Space("skew-symmetric matrices", [], linear) with
            override _.Dimension form = Dimension.ofMatrices (Dimension.ofHalf 0L) form
        }

    let skewHermitian: Space =
        { new Space("skew-Hermitian matrices", [], linear) with
            override _.Dimension form = Dimension.ofMatrices (fun one -> Dimension.ofHalf (one.Reals - 1L) one) form
        }

/// Skew-symmetric matrices `W = -W^T` from one strict triangle, or skew-Hermitian ones `W = -W^H` from one triangle and
/// the imaginary diagonal.
type internal SkewNode(triangle: Triangle, hermitian: bool) =
    inherit LinearNode(if hermitian then SkewSpaces.skewHermitian else SkewSpaces.skew)

    let mirror = Half.mirror hermitian
    let strict = Half.keep triangle 1L
    let carriesDiagonal (matrix: torch.Tensor) = hermitian && matrix.is_complex ()

    override _.Code = Half.code (if hermitian then "skewHermitian" else "skew") triangle
    override _.Requirement = Requirement.squares
    override _.Condition = if hermitian then "W = -W^H" else "W = -W^T"

    override _.Fill matrix =
        let half = strict matrix
        let skew = half - mirror half

        if carriesDiagonal matrix then skew +. Half.imaginaryDiagonal matrix else skew

    override _.Restrict matrix =
        if carriesDiagonal matrix then
            strict matrix +. Half.imaginaryDiagonal matrix
        else
            strict matrix

    override _.Nearest matrix = matrix / 2.0.AsScalar() - mirror matrix / 2.0.AsScalar()
    override _.Doubled one = one.Reals * one.Rows * (one.Rows - 1L) / 2L

namespace Parametrize.Values

open Parametrize

/// The values `skewFrom`, `skew`, `skewHermitianFrom` and `skewHermitian`.
[<AutoOpen>]
module SkewValues =

    /// Skew-symmetric n x n matrices, from one strict triangle. Projects to `(W - W^T) / 2`.
    let skewFrom (triangle: Triangle) : Parametrization = Parametrization.ofNode (SkewNode(triangle, false))

    /// Skew-symmetric n x n matrices, from the upper triangle, as in PyTorch's tutorial.
    let skew: Parametrization = skewFrom Triangle.Upper

    /// Skew-Hermitian n x n matrices, from one strict triangle and the imaginary diagonal; real tensors are skew-symmetric.
    let skewHermitianFrom (triangle: Triangle) : Parametrization = Parametrization.ofNode (SkewNode(triangle, true))

    /// Skew-Hermitian n x n matrices, from the upper triangle.
    let skewHermitian: Parametrization = skewHermitianFrom Triangle.Upper
