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

    /// The forms of U (n x r), s and V (k x r) of matrices of that form; r is given their shorter side.
    let factorForms (rank: int64 -> int64) (form: Form) : Form list =
        let count = form.Shape.Length
        let rows, columns = form.Shape[count - 2], form.Shape[count - 1]
        let rank = rank (min rows columns)
        let factor (sizes: int64[]) = { form with Shape = Array.append form.Shape[.. count - 3] sizes }
        [ factor [| rows; rank |]; factor [| rank |]; factor [| columns; rank |] ]

    /// The form of U diag(s) V^T.
    let productForm (factors: Form list) : Form =
        let rows, columns = factors[0].Shape, factors[2].Shape
        let count = rows.Length

        { factors[0] with
            Shape = Array.append rows[.. count - 2] [| columns[count - 2] |]
        }

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
