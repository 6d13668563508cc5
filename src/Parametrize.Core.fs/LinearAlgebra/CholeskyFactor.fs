namespace Parametrize.LinearAlgebra

open TorchSharp

/// Functions of the Cholesky factor L of `W = L L^H`.
[<RequireQualifiedAccess>]
module internal CholeskyFactor =

    /// `W^-1 b`.
    let solve (factor: torch.Tensor) (right: torch.Tensor) : torch.Tensor =
        let half = torch.linalg.solve_triangular (factor, right, upper = false)
        torch.linalg.solve_triangular (factor.mH, half, upper = true)
