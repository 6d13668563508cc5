namespace Parametrize

open TorchSharp

/// Symmetric matrices `W = W^T`, or Hermitian ones `W = W^H`, from one triangle and the diagonal.
type internal SymmetricLink(triangle: Triangle, hermitian: bool) =
    inherit LinearLink()

    let mirror (matrix: torch.Tensor) = if hermitian then Tensors.adjoint matrix else Tensors.transpose matrix

    /// A Hermitian matrix has a real diagonal: the imaginary part of the parameter's is not read.
    let realDiagonal (matrix: torch.Tensor) =
        if hermitian && matrix.is_complex () then
            let diagonal = Tensors.diagonal matrix
            matrix - torch.diag_embed (diagonal - diagonal.real.``to`` matrix.dtype)
        else
            matrix

    let half (matrix: torch.Tensor) (offset: int64) =
        match triangle with
        | Triangle.Lower -> matrix.tril -offset
        | Triangle.Upper -> matrix.triu offset

    override _.Code =
        match hermitian, triangle with
        | false, Triangle.Upper -> "symmetric"
        | false, Triangle.Lower -> "symmetricFrom Triangle.Lower"
        | true, Triangle.Upper -> "hermitian"
        | true, Triangle.Lower -> "hermitianFrom Triangle.Lower"

    override _.Requirement = Requirement.squares
    override _.Codomain = if hermitian then Space.Hermitian else Space.Symmetric
    override _.Condition = if hermitian then "W = W^H" else "W = W^T"
    override _.Fill matrix = realDiagonal (half matrix 0L) + mirror (half matrix 1L)
    override _.Restrict matrix = realDiagonal (half matrix 0L)
    override _.Nearest(matrix, _) = matrix / 2.0 + mirror matrix / 2.0
