namespace Parametrize

open TorchSharp

[<RequireQualifiedAccess>]
module internal PositiveDefiniteSpaces =

    let positiveDefinite: Space =
        { new Space("positive definite matrices",
                    [ SymmetricSpaces.hermitian ],
                    [ Closure.Scaling; Closure.Sum; Closure.Transposition; Closure.DirectSum ]) with
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

    let largest (matrix: torch.Tensor) = matrix.abs().amax([| -2L; -1L |], keepdim = true)

    let oneWhereZero (tensor: torch.Tensor) = torch.where (tensor.eq (0.0.ToScalar()), torch.ones_like tensor, tensor)

    /// The symmetric matrix with eigenvalues lifted to what a function makes of them.
    let lifted (matrix: torch.Tensor) (least: torch.Tensor -> torch.Tensor) =
        let struct (values, vectors) = torch.linalg.eigh (hermitian matrix)
        let values = values.maximum (least (values.abs ()))
        hermitian (vectors.matmul (values.unsqueeze(-1L).``to`` vectors.dtype * vectors.mH))

    /// A multiple of the largest that Cholesky can still see, and a number; a zero matrix has no scale of its own.
    let partOfLargest (epsilon: float) (number: float) (moduli: torch.Tensor) =
        let least = moduli.amax ([| -1L |], keepdim = true) * (4.0 * epsilon).ToScalar()
        least.clamp_min ((max number (epsilon * epsilon)).ToScalar())

    let factorOf (matrix: torch.Tensor) (epsilon: float) =
        let struct (factor, info) = torch.linalg.cholesky_ex (hermitian matrix)

        if Tensors.largest (info.``to`` torch.ScalarType.Float64) = 0.0 then
            factor
        else
            torch.linalg.cholesky (lifted matrix (partOfLargest epsilon 0.0))

    /// The factor of a matrix that is up to rounding one of the space, with largest entry 1, in double precision. Rounding
    /// of the matrix can move a pivot by much more than itself; but if the matrix plus a multiple of the identity is in the
    /// space, so is the matrix plus a larger one, and pivots only grow. The smallest such multiple is what rounding did.
    let factorOfUnit (unit: torch.Tensor) (floors: torch.Tensor) (epsilon: float) =
        let matrix = hermitian unit
        let step = 4.0 * Form.epsilon torch.ScalarType.Float64
        let most = 4.0 * Tensors.limit epsilon (Tensors.last unit) 1.0

        let rec shifted (shift: torch.Tensor) (next: float) =
            let struct (factor, info) = torch.linalg.cholesky_ex (matrix + Tensors.eyeLike matrix * shift)
            let low = (realDiagonal factor).lt(floors.squeeze -1L).any(-1L, keepdim = true)
            let fails = info.ne((0.0).ToScalar()).unsqueeze(-1L).logical_or(low).unsqueeze -1L

            if not (fails.any().item<bool>()) then
                factor
            elif next > most then
                // None of the space: how far it is away is all that is asked.
                torch.where (fails, factorOf unit step, factor)
            else
                shifted (torch.where (fails, torch.full_like (shift, next.ToScalar()), shift)) (2.0 * next)

        let factor = shifted (torch.zeros_like floors) step
        withDiagonal (factor.tril -1L) ((realDiagonal factor).maximum(floors.squeeze -1L))

    /// The matrix in units of its largest entry, that entry, and the factor in units of its root.
    let factored (tensor: torch.Tensor) (epsilon: float) =
        let wide = Tensors.inDouble tensor
        let scale = oneWhereZero (largest wide)
        let unit = wide / scale
        struct (unit, scale, factorOfUnit unit (floor.ToScalar() / scale.sqrt ()) epsilon)

    let product (factor: torch.Tensor) = factor.matmul factor.mH

    let ofFactor (factor: torch.Tensor) =
        let diagonal =
            Entrywise.softplusInverse ((realDiagonal factor - floor.ToScalar()).clamp_min(1e-300.ToScalar()))

        withDiagonal (factor.tril -1L) diagonal

    let exact (tensor: torch.Tensor) (epsilon: float) =
        let struct (_, scale, factor) = factored tensor epsilon
        ofFactor (factor * scale.sqrt ())

    let nearest (tensor: torch.Tensor) (epsilon: float) =
        // No pivot of Cholesky's is smaller than the smallest eigenvalue.
        let factor = factorOf (lifted (Tensors.inDouble tensor) (partOfLargest epsilon (floor * floor))) epsilon
        ofFactor (withDiagonal (factor.tril -1L) ((realDiagonal factor).clamp_min(floor.ToScalar())))

    /// The matrices whose smallest pivot is at the floor, up to rounding.
    let isOnEdge (tensor: torch.Tensor) (epsilon: float) =
        let struct (_, scale, factor) = factored tensor epsilon
        let least = (realDiagonal factor).amin([| -1L |], keepdim = true).unsqueeze -1L
        let floors = floor.ToScalar() / scale.sqrt ()
        (least.square () - floors.square ()).le((Tensors.limit epsilon (Tensors.last tensor) 1.0).ToScalar())

    /// Matrices inside stay. Others start with eigenvalues a quarter of their mean modulus away from the edge; not more
    /// than 1, because derivatives grow with the factor and a step would overshoot.
    let inside (tensor: torch.Tensor) (epsilon: float) (isInside: torch.Tensor) =
        let away (moduli: torch.Tensor) =
            let mean = oneWhereZero (moduli.mean ([| -1L |], keepdim = true))
            ((mean.sqrt () / 2.0).clamp_max(1.0.ToScalar()) + floor.ToScalar()).square()

        let started = factorOf (lifted (Tensors.inDouble tensor) away) epsilon
        torch.where (isInside, exact tensor epsilon, ofFactor started)

    /// Where matrices are in the space: a residual for each, in units of its largest entry.
    let residuals (tensor: torch.Tensor) (epsilon: float) =
        let struct (unit, scale, factor) = factored tensor epsilon
        struct (largest (product factor - unit), scale)

    let isAllowed (tensor: torch.Tensor) (epsilon: float) =
        let struct (residuals, _) = residuals tensor epsilon

        residuals
            .le((Tensors.limit epsilon (Tensors.last tensor) 1.0).ToScalar())
            .logical_and(largest(tensor).gt(0.0.ToScalar()))

    /// Rows whose squared norms are numbers of the element type: the products of the others are infinite.
    let inRange (factor: torch.Tensor) =
        let most = sqrt (Entrywise.greatest factor.dtype)
        let factor = Entrywise.within most factor

        let shrink =
            use _ = torch.no_grad ()
            let norms = torch.linalg.vector_norm (factor / most.ToScalar(), 2.0, dims = [| -1L |], keepdim = true)
            norms.clamp_min(1.0.ToScalar()).reciprocal()

        factor * shrink

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

        let matrix = product (inRange (withDiagonal (x.tril -1L) (diagonal + floor.ToScalar())))
        Entrywise.keepFinite matrix
        matrix

    /// What the factor reproduces is allowed: symmetric, positive definite and above the floor at once.
    override _.Contains(_, tensor, epsilon) =
        let above = if floor = 0.0 then "" else $", L_ii >= {floor}"

        if Tensors.number ((largest tensor).min()) = 0.0 then
            Error { Condition = "W > 0"; Size = 0.0; Limit = 0.0 }
        else
            let struct (residuals, scales) = residuals tensor epsilon
            let worst = residuals.flatten().argmax()
            let scale = Tensors.number (scales.flatten().[worst])
            let allowed = Tensors.limit epsilon (Tensors.last tensor) scale
            Violation.unless $"W = L L^H{above}" (Tensors.largest residuals * scale) allowed

    override _.Invert(_, tensor, epsilon, want) =
        let x =
            match want with
            | Want.Exact -> exact tensor epsilon
            | Want.Nearest -> nearest tensor epsilon
            | Want.Start ->
                (isAllowed tensor epsilon).logical_and((isOnEdge tensor epsilon).logical_not())
                |> inside tensor epsilon

        NodeParts.ofInput (x.``to`` tensor.dtype)

    interface IHasEdge with
        member _.TouchesEdge(tensor, epsilon) = (isOnEdge tensor epsilon).any().item<bool>()

    interface INarrows with
        member _.Narrow(tensor, dtype) =
            // As if the rows of the factor had been shorter: no number is larger than the larger one of two on the diagonal.
            let most = Entrywise.greatest dtype
            let root = ((realDiagonal tensor).detach() / most.ToScalar()).clamp_min(1.0.ToScalar()).rsqrt()
            Entrywise.saturated dtype (tensor * root.unsqueeze -1L * root.unsqueeze -2L)

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
