namespace Parametrize

open TorchSharp

/// Positive definite matrices up to rounding, which densities measure.
[<RequireQualifiedAccess>]
module internal Definite =

    /// Which matrices of a batch have no Cholesky factor.
    let private isSingular (matrices: torch.Tensor) : torch.Tensor =
        use _ = torch.no_grad ()
        let struct (_, info) = torch.linalg.cholesky_ex (matrices.detach ())
        info.ne (0.0.AsScalar())

    /// A log density by the matrix, its log determinant and the solutions of equations, from its factors where these are known; -inf
    /// where rounding has made it singular, through which no gradient flows.
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
            let isSingular = isSingular matrices
            let flags = isSingular.unsqueeze(-1L).unsqueeze -1L
            let regular = torch.where (flags, Tensors.eyeLike matrices, matrices)
            let factor = torch.linalg.cholesky regular
            let logDet = (Tensors.diagonal factor).log().sum [| -1L |] * 2.0.AsScalar()

            let solve (right: torch.Tensor) =
                let half = torch.linalg.solve_triangular (factor, right.contiguous (), upper = false)
                torch.linalg.solve_triangular (factor.mT, half, upper = true)

            let found = density regular logDet solve
            torch.where (isSingular, torch.full_like (found, (-infinity).AsScalar()), found)

    /// Samples that rounding has made singular, with entries beside the diagonal that are shorter by some roundoffs.
    let settled (samples: torch.Tensor) : torch.Tensor =
        let wide = Tensors.inDouble samples
        let diagonal = (Tensors.diagonal wide).clamp_min((Form.least samples.dtype).AsScalar())
        let shorter = 1.0 - 4.0 * float (Tensors.last samples) * Form.epsilon samples.dtype

        let regular = (wide.tril -1L + wide.triu 1L) * shorter.AsScalar() + torch.diag_embed diagonal

        let flags = (isSingular wide).unsqueeze(-1L).unsqueeze -1L
        (torch.where (flags, regular, wide)).``to`` samples.dtype
