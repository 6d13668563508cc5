namespace Parametrize

open TorchSharp

/// Symmetric matrices `W = W^T`, or Hermitian ones `W = W^H`, from one triangle and the diagonal.
type internal SymmetricLink(triangle: Triangle, hermitian: bool) =
    inherit LinearLink()

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
    override _.Codomain = if hermitian then Space.Hermitian else Space.Symmetric
    override _.Condition = if hermitian then "W = W^H" else "W = W^T"
    override _.Fill matrix = realDiagonal (half 0L matrix) + mirror (half 1L matrix)
    override _.Restrict matrix = realDiagonal (half 0L matrix)
    override _.Nearest(matrix, _) = matrix / 2.0 + mirror matrix / 2.0
