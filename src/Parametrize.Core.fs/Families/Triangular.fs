namespace Parametrize

open TorchSharp

/// Triangular matrices, square or not, optionally with ones on the diagonal.
type internal TriangularLink(triangle: Triangle, unitDiagonal: bool) =
    inherit LinearLink()

    let half = Half.keep triangle
    let offset = if unitDiagonal then 1L else 0L

    let fill (matrix: torch.Tensor) = if unitDiagonal then half 1L matrix + Tensors.eyeLike matrix else half 0L matrix

    override _.Code =
        let head = if unitDiagonal then "unitTriangular" else "triangular"
        $"{head} Triangle.{triangle}"

    override _.Requirement = Requirement.matrices

    override _.Codomain =
        if unitDiagonal then
            Space.UnitTriangular triangle
        else
            Space.Triangular triangle

    override _.Condition =
        let zeros = if triangle = Triangle.Lower then "above" else "below"
        let ones = if unitDiagonal then " and W_ii = 1" else ""
        $"W_ij = 0 {zeros} the diagonal{ones}"

    override _.Fill matrix = fill matrix
    override _.Restrict matrix = half offset matrix
    override _.Nearest(matrix, _) = fill matrix

/// Diagonal matrices, square or not.
type internal DiagonalLink() =
    inherit LinearLink()

    let keep (matrix: torch.Tensor) = matrix.tril(0L).triu 0L

    override _.Code = "diagonal"
    override _.Requirement = Requirement.matrices
    override _.Codomain = Space.Diagonal
    override _.Condition = "W_ij = 0 off the diagonal"
    override _.Fill matrix = keep matrix
    override _.Restrict matrix = keep matrix
    override _.Nearest(matrix, _) = keep matrix
