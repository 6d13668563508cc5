namespace Parametrize.LinearAlgebra

open Parametrize
open TorchSharp

/// Lyapunov equations of stable matrices, whose eigenvalues have negative real parts.
[<RequireQualifiedAccess>]
module internal Lyapunov =

    let private mostSteps = 60

    let private sizes (matrix: torch.Tensor) = (matrix.abs().amax([| -2L; -1L |], keepdim = true))

    /// The largest real part of the eigenvalues of each matrix.
    let abscissa (matrix: torch.Tensor) : torch.Tensor =
        (torch.linalg.eigvals matrix).real.amax([| -1L |], keepdim = true).unsqueeze -1L

    /// X of `A^T X + X A = -Q` for a symmetric Q, by Newton's method for the matrix sign (Roberts 1980), which needs no
    /// eigenvectors. O(n^3), a batch at a time.
    let solve (a: torch.Tensor) (q: torch.Tensor) : torch.Tensor =
        let eye = Tensors.eyeLike a
        let size = float (Tensors.last a)

        let rec go (left: int) (a: torch.Tensor) (q: torch.Tensor) =
            // Beyond this one more step is the last: its error is the square.
            let isLast = left = 0 || Tensors.largest (a + eye) <= 1e-9

            if left < 0 then
                q / 2.0.AsScalar()
            else
                let inverted = torch.linalg.inv a
                let struct (_, logarithm) = torch.linalg.slogdet a
                let unit = (logarithm / size.AsScalar()).exp().unsqueeze(-1L).unsqueeze -1L
                // Near the end a unit of its own would disturb what is found.
                let unit = torch.where ((sizes (a + eye)).lt(0.01.AsScalar()), torch.ones_like unit, unit)
                let next = a / unit + inverted * unit
                let sum = q / unit + inverted.mT.matmul(q).matmul inverted * unit
                let q = sum / 2.0.AsScalar()
                go (if isLast then -1 else left - 1) (next / 2.0.AsScalar()) ((q + q.mT) / 2.0.AsScalar())

        go mostSteps a q
