namespace Parametrize

open TorchSharp

/// Skew-symmetric matrices `W = -W^T` from one strict triangle, or skew-Hermitian ones `W = -W^H` from one triangle and
/// the imaginary diagonal.
type internal SkewLink(triangle: Triangle, hermitian: bool) =
    inherit LinearLink()

    let mirror = Half.mirror hermitian
    let strict = Half.keep triangle 1L
    let carriesDiagonal (matrix: torch.Tensor) = hermitian && matrix.is_complex ()

    override _.Code = Half.code (if hermitian then "skewHermitian" else "skew") triangle
    override _.Requirement = Requirement.squares
    override _.Codomain = if hermitian then Space.SkewHermitian else Space.Skew
    override _.Condition = if hermitian then "W = -W^H" else "W = -W^T"

    override _.Fill matrix =
        let half = strict matrix
        let skew = half - mirror half

        if carriesDiagonal matrix then skew + Half.imaginaryDiagonal matrix else skew

    override _.Restrict matrix =
        if carriesDiagonal matrix then
            strict matrix + Half.imaginaryDiagonal matrix
        else
            strict matrix

    override _.Nearest(matrix, _) = matrix / 2.0 - mirror matrix / 2.0
