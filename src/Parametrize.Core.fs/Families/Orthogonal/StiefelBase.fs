namespace Parametrize

open TorchSharp
open Parametrize.LinearAlgebra

/// The base of a matrix with orthonormal columns (rows, when wide): an orthogonal (unitary) n x n matrix whose first columns are
/// those of the matrix. It is carried in the shape of the matrix: of a square one it is that, else it is thin (`ThinBase`). PyTorch
/// carries the n x n matrix of either, which will do as well.
[<RequireQualifiedAccess>]
module internal StiefelBase =

    let private isWide (matrix: torch.Tensor) = Tensors.rows matrix < Tensors.last matrix

    /// Wide matrices are handled by their transposes, as PyTorch does.
    let upright (matrix: torch.Tensor) : torch.Tensor = if isWide matrix then matrix.mT else matrix

    /// Back from the upright matrix.
    let asGiven (given: torch.Tensor) (tall: torch.Tensor) : torch.Tensor = if isWide given then tall.mT else tall

    let isSquare (matrix: torch.Tensor) : bool = Tensors.rows matrix = Tensors.last matrix

    let ofMatrix (tensor: torch.Tensor) : torch.Tensor =
        if isSquare tensor then
            tensor
        else
            asGiven tensor (ThinBase.ofMatrix (upright tensor))

    /// The base times a tall matrix.
    let times (foot: torch.Tensor) (tall: torch.Tensor) : torch.Tensor =
        if isSquare foot then foot.matmul tall else ThinBase.times (upright foot) tall

    /// As PyTorch carries it.
    let whole (foot: torch.Tensor) : torch.Tensor = if isSquare foot then foot else ThinBase.whole (upright foot)

    /// What the map turns the base into must be allowed, after one more rounding.
    let check (epsilon: float) (foot: torch.Tensor) : Result<unit, Violation> =
        let tall = upright foot
        let condition, limit = "B^H B = I of the base", Tensors.limit epsilon (Tensors.rows tall) 1.0 - epsilon

        if isSquare foot then
            Orthonormal.nearInSpectrum condition limit foot
        else
            Violation.unless condition (ThinBase.defect tall) limit

    /// The nearest base to one that was rounded.
    let polish (foot: torch.Tensor) : torch.Tensor =
        if isSquare foot then
            Orthonormal.polish foot
        else
            asGiven foot (ThinBase.polish (upright foot))
