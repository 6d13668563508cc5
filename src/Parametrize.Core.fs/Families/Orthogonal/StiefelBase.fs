namespace Parametrize

open TorchSharp
open Parametrize.LinearAlgebra

/// The base of a matrix with orthonormal columns (rows, when wide): an orthogonal (unitary) n x n matrix whose first columns are
/// those of the matrix. It is stored in the shape of the matrix: the base of a square matrix is the matrix itself, that of
/// another one is thin (`ThinBase`). PyTorch's base is n x n in both cases, and is accepted as well.
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
    let times (basePoint: torch.Tensor) (tall: torch.Tensor) : torch.Tensor =
        if isSquare basePoint then
            basePoint.matmul tall
        else
            ThinBase.times (upright basePoint) tall

    /// The base as PyTorch stores it: n x n.
    let whole (basePoint: torch.Tensor) : torch.Tensor =
        if isSquare basePoint then basePoint else ThinBase.whole (upright basePoint)

    /// Checks the base. The limit leaves room for one more rounding, because the output of the map must be allowed.
    let check (epsilon: float) (basePoint: torch.Tensor) : Result<unit, Violation> =
        let tall = upright basePoint
        let condition, limit = "B^H B = I of the base", Tensors.limit epsilon (Tensors.rows tall) 1.0 - epsilon

        if isSquare basePoint then
            Orthonormal.nearInSpectrum condition limit basePoint
        else
            Violation.unless condition (ThinBase.defect tall) limit

    /// The nearest base to one that was rounded.
    let polish (basePoint: torch.Tensor) : torch.Tensor =
        if isSquare basePoint then
            Orthonormal.polish basePoint
        else
            asGiven basePoint (ThinBase.polish (upright basePoint))
