namespace Parametrize.LinearAlgebra

open System.Runtime.InteropServices
open TorchSharp
open Parametrize

/// Singular values and vectors at the roundoff of double precision.
[<RequireQualifiedAccess>]
module internal Svd =

    /// Left vectors, values and adjoint right vectors, as many as the shorter side. Not differentiable. LAPACK now and then does
    /// not converge for a matrix of low rank, and does for its adjoint.
    let thin (matrix: torch.Tensor) : struct (torch.Tensor * torch.Tensor * torch.Tensor) =
        use _ = torch.no_grad ()
        let exact = Tensors.inDouble (matrix.detach ())

        try
            torch.linalg.svd (exact, fullMatrices = false)
        with :? ExternalException ->
            let struct (left, values, right) = torch.linalg.svd (exact.mH, fullMatrices = false)
            struct (right.mH, values, left.mH)

    /// The nearest matrix with orthonormal columns (rows, when wide) to matrices of any lengths: the polar factor, in double
    /// precision.
    let polar (matrix: torch.Tensor) : torch.Tensor =
        let struct (scaled, _) = Norms.matricesInUnits 0.0 matrix
        let struct (left, _, right) = thin scaled
        let polar = left.matmul right

        if Tensors.rows polar < Tensors.last polar then
            (Orthonormal.newtonSchulz polar.mT).mT
        else
            Orthonormal.newtonSchulz polar
