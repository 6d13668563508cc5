namespace Parametrize

open TorchSharp

/// Which half of a matrix carries the free entries.
[<RequireQualifiedAccess>]
type Triangle =
    | Lower
    | Upper

/// Matrices that are known by one of their triangles.
[<RequireQualifiedAccess>]
module internal Half =

    /// One triangle, from the diagonal on that lies `offset` away from the main one.
    let keep (triangle: Triangle) (offset: int64) (matrix: torch.Tensor) : torch.Tensor =
        match triangle with
        | Triangle.Lower -> matrix.tril -offset
        | Triangle.Upper -> matrix.triu offset

    /// The other half of a symmetric or Hermitian matrix.
    let mirror (hermitian: bool) (matrix: torch.Tensor) : torch.Tensor = if hermitian then matrix.mH else matrix.mT

    /// The value as it is typed: the upper half is the default.
    let code (name: string) (triangle: Triangle) : Code =
        match triangle with
        | Triangle.Upper -> Code.name name
        | Triangle.Lower -> Code.call $"{name}From" [ Code.Symbol "Triangle.Lower" ]

    /// The diagonal matrix of the imaginary parts, zero for a real matrix.
    let imaginaryDiagonal (matrix: torch.Tensor) : torch.Tensor =
        let diagonal = Tensors.diagonal matrix
        torch.diag_embed (diagonal - diagonal.real.``to`` matrix.dtype)
