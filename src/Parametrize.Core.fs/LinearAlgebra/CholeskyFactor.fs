namespace Parametrize.LinearAlgebra

open Parametrize
open TorchSharp

/// Functions of the Cholesky factor L of `W = L L^H`.
[<RequireQualifiedAccess>]
module internal CholeskyFactor =

    /// Which matrices of a batch have no Cholesky factor.
    let isMissing (matrices: torch.Tensor) : torch.Tensor =
        use _ = torch.no_grad ()
        let struct (_, info) = torch.linalg.cholesky_ex (matrices.detach ())
        info.ne (0.0.AsScalar())

    /// Those flags for each matrix, and the matrices with the identity in place of those without a factor: no gradient flows
    /// through these.
    let regular (matrices: torch.Tensor) : struct (torch.Tensor * torch.Tensor) =
        let isMissing = (isMissing matrices).unsqueeze(-1L).unsqueeze -1L
        struct (isMissing, torch.where (isMissing, Tensors.eyeLike matrices, matrices))

    /// `W^-1 b`.
    let solve (factor: torch.Tensor) (right: torch.Tensor) : torch.Tensor =
        let half = torch.linalg.solve_triangular (factor, right, upper = false)
        torch.linalg.solve_triangular (factor.mH, half, upper = true)
