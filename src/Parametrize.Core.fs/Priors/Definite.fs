namespace Parametrize

open Parametrize.LinearAlgebra
open TorchSharp

/// Log densities and samples of matrices that are positive definite up to rounding.
[<RequireQualifiedAccess>]
module internal Definite =

    /// The log density that `density` computes from the matrix, its log determinant and a solver of linear equations, all from
    /// its factors if these are known. Where rounding has made a matrix singular, it is -inf without a gradient.
    let measured
        (matrices: torch.Tensor)
        (factors: Factors voption)
        (density: torch.Tensor -> torch.Tensor -> (torch.Tensor -> torch.Tensor) -> torch.Tensor)
        : torch.Tensor =
        match factors with
        | ValueSome factors ->
            let ofMatrices (tensor: torch.Tensor) = tensor.``to`` matrices.dtype
            density matrices (ofMatrices (factors.LogAbsDet())) (factors.Solve >> ofMatrices)
        | ValueNone ->
            let struct (isSingular, regular) = CholeskyFactor.regular matrices
            let factor = torch.linalg.cholesky regular
            let logDet = (Tensors.diagonal factor).log().sum [| -1L |] * 2.0.AsScalar()
            let solve (right: torch.Tensor) = CholeskyFactor.solve factor (right.contiguous ())
            let found = density regular logDet solve
            torch.where (isSingular.squeeze(-1L).squeeze -1L, torch.full_like (found, (-infinity).AsScalar()), found)

    /// Corrects samples that rounding has made singular: entries beside the diagonal shrink as little as is needed.
    let settled (samples: torch.Tensor) : torch.Tensor =
        let dtype = samples.dtype

        let flagged (flags: torch.Tensor) (yes: torch.Tensor) (no: torch.Tensor) =
            torch.where (flags.unsqueeze(-1L).unsqueeze -1L, yes, no)

        /// With a diagonal of ones the least eigenvalue tells by how much; rounding again may take more.
        let shortened (margin: float) (wide: torch.Tensor) =
            let diagonal = (Tensors.diagonal wide).clamp_min((Form.least dtype).AsScalar())
            let lengths = diagonal.sqrt ()
            let scaled = wide / (lengths.unsqueeze -1L * lengths.unsqueeze -2L)
            let beside = scaled.tril -1L +. scaled.triu 1L
            let least = (torch.linalg.eigvalsh (beside +. Tensors.eyeLike beside)).amin [| -1L |]
            let kept = ((1.0 - margin).AsScalar() / (1.0.AsScalar() .- least).clamp_min((1.0 - margin).AsScalar()))
            let regular = wide * (kept.unsqueeze(-1L).unsqueeze -1L)
            regular.tril -1L +. regular.triu 1L +. torch.diag_embed diagonal

        let rec settle (margin: float) (rounded: torch.Tensor) =
            let wide = Tensors.inDouble rounded
            let flags = CholeskyFactor.isMissing wide

            if margin > 0.5 || not (flags.any().item<bool>()) then
                rounded
            else
                settle (2.0 * margin) ((flagged flags (shortened margin wide) wide).``to`` dtype)

        settle (min 0.5 (4.0 * sqrt (float (Tensors.last samples)) * Form.epsilon dtype)) samples
