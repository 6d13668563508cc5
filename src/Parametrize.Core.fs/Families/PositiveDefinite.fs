namespace Parametrize

open TorchSharp

[<RequireQualifiedAccess>]
module internal PositiveDefiniteSpaces =

    let positiveDefinite: Space =
        { new Space("positive definite matrices",
                    [ SymmetricSpaces.hermitian ],
                    [ Closure.Scaling; Closure.Sum; Closure.Transposition ]) with
            override _.Dimension form = Dimension.ofMatrices (Dimension.ofHalf 1L) form
        }

/// Positive definite matrices by their Cholesky factor: `W = L L^H` with `L_ii = floor + softplus(X_ii)` (Pinheiro &
/// Bates 1996, section 2.1, with softplus in place of exp). The strict lower triangle of X is that of L.
type internal PositiveDefiniteNode(floor: float) =
    inherit Node()

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

    let inverse (tensor: torch.Tensor) =
        let factor = factor tensor

        let diagonal =
            Entrywise.softplusInverse ((realDiagonal factor - floor.ToScalar()).clamp_min(1e-300.ToScalar()))

        (withDiagonal (factor.tril -1L) diagonal).``to`` tensor.dtype

    let nearest (tensor: torch.Tensor) (epsilon: float) =
        // No pivot of Cholesky's is smaller than the smallest eigenvalue.
        let factor = factorOf (lifted (Tensors.inDouble tensor) epsilon (floor * floor)) epsilon
        let diagonal = (realDiagonal factor).clamp_min(floor.ToScalar())
        (product (withDiagonal (factor.tril -1L) diagonal)).``to`` tensor.dtype

    override _.Code =
        if floor = 0.0 then
            Code.name "spd"
        else
            Code.call "spdAbove" [ Code.Float floor ]

    override this.Inputs form = Node.same this Requirement.squares form
    override _.Codomain _ = PositiveDefiniteSpaces.positiveDefinite

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

    override _.Invert(_, tensor, epsilon, want) =
        NodeParts.ofInput (inverse (if want = Want.Exact then tensor else nearest tensor epsilon))

    interface ISampled with
        member _.Sample(form, generator) =
            let normal = Form.normal generator form
            let size = float (Tensors.last normal)
            let factor = normal / (sqrt size).ToScalar()
            product factor + Tensors.eyeLike normal * (floor * floor + 0.1).ToScalar()

namespace Parametrize.Values

open System
open Parametrize

[<AutoOpen>]
module PositiveDefiniteValues =

    /// Positive definite n x n matrices `L L^H` with `L_ii >= floor`. Throws ArgumentException for a negative floor.
    let spdAbove (floor: float) : Parametrization =
        if not (floor >= 0.0 && Double.IsFinite floor) then
            invalidArg (nameof floor) $"The floor must be finite and not negative, but it is {floor}."

        Parametrization.ofNode (PositiveDefiniteNode floor)

    /// Symmetric (Hermitian) positive definite n x n matrices by their Cholesky factors. Projects by lifting eigenvalues.
    let spd: Parametrization = spdAbove 0.0
