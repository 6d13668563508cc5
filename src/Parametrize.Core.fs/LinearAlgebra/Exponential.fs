namespace Parametrize.LinearAlgebra

open TorchSharp

/// The exponential of skew-symmetric (skew-Hermitian) matrices.
[<RequireQualifiedAccess>]
module internal Exponential =

    let ofSkew (a: torch.Tensor) : torch.Tensor = torch.linalg.matrix_exp a
