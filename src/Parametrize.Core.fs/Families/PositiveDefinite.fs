namespace Parametrize

open TorchSharp

/// Positive definite matrices by their Cholesky factor: `W = L L^H` with `L_ii = floor + softplus(X_ii)` (Pinheiro &
/// Bates 1996, section 2.1, with softplus in place of exp). The strict lower triangle of X is that of L.
type internal PositiveDefiniteLink(floor: float) =
    inherit Link()

    let realDiagonal (matrix: torch.Tensor) =
        let diagonal = Tensors.diagonal matrix
        if diagonal.is_complex () then diagonal.real else diagonal

    let withDiagonal (strict: torch.Tensor) (diagonal: torch.Tensor) =
        strict + torch.diag_embed (diagonal.``to`` strict.dtype)

    let hermitian (matrix: torch.Tensor) = matrix / 2.0 + matrix.mH / 2.0

    /// The symmetric matrix with eigenvalues lifted to a multiple of the largest that Cholesky can still see, and to a
    /// number.
    let lifted (matrix: torch.Tensor) (epsilon: float) (number: float) =
        let struct (values, vectors) = torch.linalg.eigh (hermitian matrix)
        let size = float (Tensors.last matrix)
        let least = values.abs().amax([| -1L |], keepdim = true) * (size * epsilon).ToScalar()
        // A zero matrix has no scale of its own.
        let least = least.clamp_min ((max number (epsilon * epsilon)).ToScalar())
        let values = values.maximum least
        hermitian (vectors.matmul (values.unsqueeze(-1L).``to`` vectors.dtype * vectors.mH))

    let factorOf (matrix: torch.Tensor) (epsilon: float) =
        let struct (factor, info) = torch.linalg.cholesky_ex (hermitian matrix)

        if Tensors.largest (info.``to`` torch.ScalarType.Float64) = 0.0 then
            factor
        else
            torch.linalg.cholesky (lifted matrix epsilon 0.0)

    /// The factor of a matrix that is positive definite up to rounding, diagonal at least `floor`; in double precision,
    /// whose roundoff is all that eigenvalues are lifted by.
    let factor (tensor: torch.Tensor) =
        let factor = factorOf (Tensors.inDouble tensor) (4.0 * Form.epsilon torch.ScalarType.Float64)
        withDiagonal (factor.tril -1L) ((realDiagonal factor).clamp_min(floor.ToScalar()))

    let product (factor: torch.Tensor) = factor.matmul factor.mH

    override _.Code = if floor = 0.0 then "spd" else $"spdAbove {Typed.float floor}"

    override _.Requirement = Requirement.squares
    override _.Codomain = Space.PositiveDefinite

    override _.Forward(inputs, _) =
        let x = inputs[0]

        let diagonal =
            (Entrywise.softplus (realDiagonal x)).clamp_min((sqrt (Entrywise.least x.dtype)).ToScalar())

        product (withDiagonal (x.tril -1L) (diagonal + floor.ToScalar()))

    /// What the factor reproduces is allowed: symmetric, positive definite and above the floor at once.
    override _.Contains(_, tensor, epsilon) =
        let residual = Tensors.distance (product (factor tensor)) (Tensors.inDouble tensor)
        let allowed = Tensors.limit epsilon (Tensors.last tensor) (Tensors.largest tensor)
        let above = if floor = 0.0 then "" else $", L_ii >= {floor}"

        if Tensors.largest tensor = 0.0 then
            Error { Condition = "W > 0"; Size = 0.0; Limit = 0.0 }
        else
            Violation.unless $"W = L L^H{above}" residual allowed

    override _.RightInverse(_, tensor, _) =
        let factor = factor tensor

        let diagonal =
            Entrywise.softplusInverse ((realDiagonal factor - floor.ToScalar()).clamp_min(1e-300.ToScalar()))

        LinkParts.ofInput ((withDiagonal (factor.tril -1L) diagonal).``to`` tensor.dtype)

    override _.Nearest(tensor, epsilon) =
        // No pivot of Cholesky's is smaller than the smallest eigenvalue.
        let factor = factorOf (lifted (Tensors.inDouble tensor) epsilon (floor * floor)) epsilon
        let diagonal = (realDiagonal factor).clamp_min(floor.ToScalar())
        (product (withDiagonal (factor.tril -1L) diagonal)).``to`` tensor.dtype

    override _.Sample(form, generator) =
        let normal = Form.normal generator form
        let size = float (Tensors.last normal)
        let factor = normal / (sqrt size).ToScalar()
        product factor + Tensors.eyeLike normal * (floor * floor + 0.1).ToScalar()
