namespace Parametrize

open TorchSharp

/// The words of matrices that are known by a half.
[<RequireQualifiedAccess>]
module internal Half =

    /// One triangle, from the diagonal that lies `offset` away from the main one.
    let keep (triangle: Triangle) (offset: int64) (matrix: torch.Tensor) : torch.Tensor =
        match triangle with
        | Triangle.Lower -> matrix.tril -offset
        | Triangle.Upper -> matrix.triu offset

    /// The other half of a symmetric or Hermitian matrix.
    let mirror (hermitian: bool) (matrix: torch.Tensor) : torch.Tensor =
        if hermitian then Tensors.adjoint matrix else Tensors.transpose matrix

    /// The value as it is typed: the upper half is the default.
    let code (name: string) (triangle: Triangle) : string =
        match triangle with
        | Triangle.Upper -> name
        | Triangle.Lower -> $"{name}From Triangle.Lower"

    /// The diagonal matrix of the imaginary parts, zero for a real matrix.
    let imaginaryDiagonal (matrix: torch.Tensor) : torch.Tensor =
        let diagonal = Tensors.diagonal matrix
        torch.diag_embed (diagonal - diagonal.real.``to`` matrix.dtype)

/// Linear maps onto a linear space (or an affine one), with the free entries in place: `Restrict` drops what the map
/// does not read, `Forward` fills it in.
[<AbstractClass>]
type internal LinearLink() =
    inherit Link()

    /// The condition in mathematical words.
    abstract Condition: string

    /// The fill-in: reads the free entries only.
    abstract Fill: torch.Tensor -> torch.Tensor

    /// The free entries of an element, zero elsewhere.
    abstract Restrict: torch.Tensor -> torch.Tensor

    override this.Forward(inputs, _) = this.Fill inputs[0]

    override this.Contains(_, tensor, epsilon) =
        let residual = Tensors.distance tensor (this.Nearest(tensor, epsilon))
        Violation.unless this.Condition residual (Tensors.limit epsilon 1L (Tensors.largest tensor))

    override this.RightInverse(_, tensor, _) = LinkParts.ofInput (this.Restrict tensor)
