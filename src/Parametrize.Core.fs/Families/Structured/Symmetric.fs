namespace Parametrize

open TorchSharp

[<RequireQualifiedAccess>]
module internal SymmetricSpaces =

    let private linear =
        [ Closure.Scaling; Closure.Negation; Closure.Sum; Closure.Transposition; Closure.DirectSum ]

    let symmetric: Space =
        { new Space("symmetric matrices", [], Closure.EntrywiseMaps :: linear) with
            override _.Dimension form = Dimension.ofMatrices (fun one -> Dimension.ofHalf one.Reals one) form
        }

    let hermitian: Space =
        { new Space("Hermitian matrices", [], linear) with
            override _.Dimension form = Dimension.ofMatrices (Dimension.ofHalf 1L) form
        }

/// Symmetric matrices `W = W^T`, or Hermitian ones `W = W^H`, from one triangle and the diagonal.
type internal SymmetricNode(triangle: Triangle, hermitian: bool) =
    inherit LinearNode(if hermitian then SymmetricSpaces.hermitian else SymmetricSpaces.symmetric)

    let mirror = Half.mirror hermitian
    let half = Half.keep triangle

    /// A Hermitian matrix has a real diagonal: the imaginary part of the parameter's is not read.
    let realDiagonal (matrix: torch.Tensor) =
        if hermitian && matrix.is_complex () then
            matrix - Half.imaginaryDiagonal matrix
        else
            matrix

    override _.Code = Half.code (if hermitian then "hermitian" else "symmetric") triangle
    override _.Requirement = Requirement.squares
    override _.Condition = if hermitian then "W = W^H" else "W = W^T"
    override _.Fill matrix = realDiagonal (half 0L matrix) +. mirror (half 1L matrix)
    override _.Restrict matrix = realDiagonal (half 0L matrix)
    override _.Nearest matrix = matrix / 2.0.AsScalar() +. mirror matrix / 2.0.AsScalar()
    override _.Doubled one = one.Reals * one.Rows * (one.Rows - 1L) / 2L

    override _.Domains =
        let own = if hermitian then SymmetricSpaces.hermitian else SymmetricSpaces.symmetric

        [
            Domain.OneOf
                [ Domain.Needs [ Closure.Zeroing ]; Domain.Within own; Domain.Within SymmetricSpaces.symmetric ]
        ]

    override this.Behind before =
        if hermitian && before.IsWithin SymmetricSpaces.symmetric then
            HermitianBehindSymmetricNode triangle
        else
            base.Behind before

/// Hermitian matrices from one triangle of a symmetric matrix, whose other triangle mirrors it.
and internal HermitianBehindSymmetricNode(triangle: Triangle) =
    inherit SymmetricNode(triangle, true)

    override _.Restrict matrix =
        let strict = Half.keep triangle 1L matrix
        base.Restrict matrix +. strict.mT

    override this.Behind _ = this

namespace Parametrize.Values

open Parametrize

/// The values `symmetricFrom`, `symmetric`, `hermitianFrom` and `hermitian`.
[<AutoOpen>]
module SymmetricValues =

    /// Symmetric n x n matrices, from one triangle and the diagonal. Projects to `(W + W^T) / 2`.
    let symmetricFrom (triangle: Triangle) : Parametrization = Parametrization.ofNode (SymmetricNode(triangle, false))

    /// Symmetric n x n matrices, from the upper triangle, as in PyTorch's tutorial.
    let symmetric: Parametrization = symmetricFrom Triangle.Upper

    /// Hermitian n x n matrices, from one triangle and the real diagonal; real tensors are symmetric.
    let hermitianFrom (triangle: Triangle) : Parametrization = Parametrization.ofNode (SymmetricNode(triangle, true))

    /// Hermitian n x n matrices, from the upper triangle.
    let hermitian: Parametrization = hermitianFrom Triangle.Upper
