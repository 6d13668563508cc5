namespace Parametrize

open TorchSharp
open Parametrize.LinearAlgebra

[<RequireQualifiedAccess>]
module internal PositiveDefiniteSpaces =

    let private cone = [ Closure.Scaling; Closure.Sum; Closure.Transposition; Closure.DirectSum ]

    let positiveSemidefinite: Space =
        { new Space("positive semidefinite matrices", [ SymmetricSpaces.hermitian ], cone) with
            override _.Dimension form = Dimension.ofMatrices (Dimension.ofHalf 1L) form
        }

    let positiveDefinite: Space =
        { new Space("positive definite matrices", [ positiveSemidefinite ], cone) with
            override _.Dimension form = Dimension.ofMatrices (Dimension.ofHalf 1L) form
        }

    /// The positive definite matrices whose Cholesky factor has at least `floor` on its diagonal. A multiple of one may have
    /// less; the pivots of a sum are no smaller than the sums of pivots.
    let above (floor: float) : Space =
        if floor = 0.0 then
            positiveDefinite
        else
            { new Space(invariant $"positive definite matrices with L_ii >= {floor}",
                        [ positiveDefinite ],
                        cone |> List.except [ Closure.Scaling ]) with
                override _.Dimension form = positiveDefinite.Dimension form
            }

/// Small functions of positive definite matrices.
[<RequireQualifiedAccess>]
module internal PositiveDefinite =

    /// The matrix in an element type of smaller range, still definite. Rows and columns are scaled down where the diagonal is out
    /// of range. No entry is larger than the larger one of its two diagonal entries.
    let narrowed (dtype: torch.ScalarType) (matrix: torch.Tensor) : torch.Tensor =
        let most = Form.greatest dtype
        let root = ((Tensors.realDiagonal matrix).detach() / most.AsScalar()).clamp_min(1.0.AsScalar()).rsqrt()
        Entrywise.saturated dtype (matrix * root.unsqueeze -1L * root.unsqueeze -2L)

/// Positive definite matrices by their Cholesky factor: `W = L L^H` with `L_ii = floor + softplus(X_ii)` (Pinheiro &
/// Bates 1996, section 2.1, with softplus in place of exp). The strict lower triangle of X is that of L.
type internal PositiveDefiniteNode(floor: float) =
    inherit Node()

    let withDiagonal (strict: torch.Tensor) (diagonal: torch.Tensor) =
        strict +. torch.diag_embed (diagonal.``to`` strict.dtype)

    let hermitian (matrix: torch.Tensor) = matrix / 2.0.AsScalar() +. matrix.mH / 2.0.AsScalar()

    let largest (matrix: torch.Tensor) = Norms.largest matrix [| matrix.dim () - 2L; matrix.dim () - 1L |]

    /// In units, and their roots. What the result is to have at least is a number in these.
    let inUnits (least: float) (tensor: torch.Tensor) : struct (torch.Tensor * torch.Tensor) =
        let struct (matrix, unit) = Norms.matricesInUnits (least * 1e-200) tensor
        struct (matrix, unit.sqrt ())

    /// The symmetric part with eigenvalues raised to at least what `least` gives for their moduli.
    let lifted (matrix: torch.Tensor) (least: torch.Tensor -> torch.Tensor) =
        let struct (values, vectors) = torch.linalg.eigh (hermitian matrix)
        let values = values.maximum (least (values.abs ()))
        hermitian (vectors.matmul (values.unsqueeze(-1L).``to`` vectors.dtype * vectors.mH))

    /// A multiple of the largest that Cholesky can still see; a zero matrix has no scale of its own.
    let partOfLargest (epsilon: float) (moduli: torch.Tensor) =
        let least = moduli.amax ([| -1L |], keepdim = true) * (4.0 * epsilon).AsScalar()
        least.clamp_min ((epsilon * epsilon).AsScalar())

    let factorOf (matrix: torch.Tensor) (epsilon: float) =
        let struct (factor, info) = torch.linalg.cholesky_ex (hermitian matrix)

        if Tensors.largest (info.``to`` torch.ScalarType.Float64) = 0.0 then
            factor
        else
            torch.linalg.cholesky (lifted matrix (partOfLargest epsilon))

    /// The roots of the diagonal, in units of which rounding changes entries alike, however different rows are. Below the
    /// smallest normal number, rounding has that unit.
    let roots (wide: torch.Tensor) (dtype: torch.ScalarType) (epsilon: float) =
        (Tensors.realDiagonal wide).clamp_min((Entrywise.leastOf epsilon dtype).AsScalar()).sqrt()

    /// In units of these, and back.
    let over (roots: torch.Tensor) (matrix: torch.Tensor) =
        matrix |> Norms.dividedBy (roots.unsqueeze -1L) |> Norms.dividedBy (roots.unsqueeze -2L)

    /// What rounding may do to eigenvalues, for each matrix with diagonal 1: half a unit of every entry, which can add up along
    /// a row, and what was added up to compute it.
    let limits (unit: torch.Tensor) (epsilon: float) =
        // No entry of a definite matrix is larger than 1 in these units.
        let rows =
            unit.abs().clamp_max(1.0.AsScalar()).sum([| -1L |], keepdim = true).amax([| -2L |], keepdim = true)

        rows * (epsilon / 2.0).AsScalar() .+ (Tensors.limit epsilon (Tensors.last unit) 1.0).AsScalar()

    /// The factor of a matrix with diagonal 1 that is up to rounding one of the space, in double precision, and how far it
    /// is from the space. Rounding of the matrix can move a pivot by much more than itself; but if the matrix plus a multiple
    /// of the identity is in the space, so is the matrix plus a larger one, and pivots only grow. The smallest such multiple
    /// is what rounding did. Judged by its entries, a vector of equal ones could hide an eigenvalue.
    let factorOfUnit (unit: torch.Tensor) (floors: torch.Tensor) (limits: torch.Tensor) (epsilon: float) =
        let matrix = hermitian unit
        let first = max (4.0 * Form.epsilon torch.ScalarType.Float64) (epsilon / 16.0)
        let most = Tensors.largest limits

        /// A factor for this shift, and for which matrices of the batch it is none.
        let tried (shift: torch.Tensor) () =
            let struct (factor, info) = torch.linalg.cholesky_ex (matrix +. Tensors.eyeLike matrix * shift)
            let low = (Tensors.realDiagonal factor).ge(floors).logical_not().any(-1L, keepdim = true)
            struct (factor, info.ne(0.0.AsScalar()).unsqueeze(-1L).logical_or(low).unsqueeze -1L)

        let rec shifted (shift: torch.Tensor) (next: float) =
            let struct (factor, fails) =
                Tensors.keeping (fun struct (factor, fails) -> [ factor; fails ]) (tried shift)

            if not (fails.any().item<bool>()) then
                struct (factor, shift)
            elif next > 16.0 then
                // None of the space, and far away.
                struct (torch.where (fails, Tensors.eyeLike matrix, factor),
                        torch.where (fails, torch.full_like (shift, next.AsScalar()), shift))
            else
                // Beyond the tolerance, the distance only goes into the error, so larger steps will do.
                let further = if next > most then 16.0 * next else 2.0 * next
                factor.Dispose()
                shifted (torch.where (fails, torch.full_like (shift, next.AsScalar()), shift)) further

        let struct (factor, shift) = shifted (torch.zeros_like limits) first
        struct (withDiagonal (factor.tril -1L) ((Tensors.realDiagonal factor).maximum floors), shift)

    /// The factor, the roots of the diagonal, and how far a matrix is from the space and how far it may be, both in units of
    /// the diagonal.
    let factored (tensor: torch.Tensor) (epsilon: float) =
        let wide = Tensors.inDouble tensor
        let roots = roots wide tensor.dtype epsilon
        let unit = over roots wide
        let limits = limits unit epsilon
        let struct (factor, shift) = factorOfUnit unit (floor.AsScalar() / roots) limits epsilon
        let residuals = shift.maximum ((unit - hermitian unit).abs().amax([| -2L; -1L |], keepdim = true))
        struct (factor, roots, residuals, limits)

    let product (factor: torch.Tensor) = factor.matmul factor.mH

    let ofFactor (factor: torch.Tensor) =
        let diagonal =
            Entrywise.softplusInverse ((Tensors.realDiagonal factor - floor.AsScalar()).clamp_min(1e-300.AsScalar()))

        withDiagonal (factor.tril -1L) diagonal

    let exact (tensor: torch.Tensor) (epsilon: float) =
        let struct (factor, roots, _, _) = factored tensor epsilon
        ofFactor (factor * roots.unsqueeze -1L)

    let nearest (tensor: torch.Tensor) (epsilon: float) =
        let struct (unit, root) = inUnits (floor * floor) tensor
        let floors = (floor.AsScalar() / root).Squared().squeeze -1L
        // No pivot of Cholesky's is smaller than the smallest eigenvalue.
        let factor =
            factorOf (lifted unit (fun moduli -> (partOfLargest epsilon moduli).maximum floors)) epsilon * root

        ofFactor (withDiagonal (factor.tril -1L) ((Tensors.realDiagonal factor).clamp_min(floor.AsScalar())))

    /// The matrices whose smallest pivot is at the floor, up to rounding.
    let isOnEdge (tensor: torch.Tensor) (epsilon: float) =
        let struct (factor, roots, _, limits) = factored tensor epsilon
        let above = (Tensors.realDiagonal factor).Squared() - (floor.AsScalar() / roots).Squared()
        above.amin([| -1L |], keepdim = true).unsqueeze(-1L).le limits

    /// Matrices inside stay. Others start with eigenvalues a quarter of their mean modulus away from the edge; not more
    /// than 1, because derivatives grow with the factor and a step would overshoot. Not less than 1/8: below the diagonal a
    /// factor moves faster than its diagonal does, which would stay behind.
    let inside (tensor: torch.Tensor) (epsilon: float) (isInside: torch.Tensor) =
        let struct (unit, root) = inUnits (1.0 + floor * floor) tensor

        let away (moduli: torch.Tensor) =
            let perRoot = root.squeeze(-1L).reciprocal()
            let mean = Norms.oneWhereZero (moduli.mean ([| -1L |], keepdim = true))
            let least = perRoot * (sqrt 0.125).AsScalar()
            ((mean.sqrt () / 2.0.AsScalar()).maximum(least).minimum perRoot +. perRoot * floor.AsScalar()).Squared()

        let started = factorOf (lifted unit away) epsilon * root
        torch.where (isInside, exact tensor epsilon, ofFactor started)

    let isAllowed (tensor: torch.Tensor) (epsilon: float) =
        let struct (_, _, residuals, limits) = factored tensor epsilon
        residuals.le(limits).logical_and(largest(tensor).gt(0.0.AsScalar()))

    /// The least number on the diagonal of the Cholesky factors; NaN where there is none.
    let leastPivot (tensor: torch.Tensor) : float =
        let struct (factor, info) = torch.linalg.cholesky_ex (hermitian (Tensors.inDouble tensor))

        if Tensors.largest (info.``to`` torch.ScalarType.Float64) = 0.0 then
            Tensors.number ((Tensors.realDiagonal factor).min())
        else
            nan

    /// The violation in simpler terms where one applies: asymmetry, an eigenvalue (over the largest entry), or a pivot.
    let explained (tensor: torch.Tensor) (violation: Violation) : Violation =
        let struct (unit, _) = Norms.matricesInUnits 0.0 tensor
        let asymmetry = Tensors.distance unit unit.mH
        // Costly, and most weights that are registered are not even symmetric.
        let least = lazy (Tensors.number ((torch.linalg.eigvalsh (hermitian unit)).min()))

        if asymmetry > violation.Limit then
            { violation with
                Condition = "W = W^H (over the largest entry)"
                Size = asymmetry
            }
        elif -least.Value > violation.Limit then
            { violation with
                Condition = "l_min > 0 (over the largest entry)"
                Size = -least.Value
            }
        else
            let pivot, limit = leastPivot tensor, floor * violation.Limit

            if floor - pivot > limit then
                {
                    Condition = invariant $"L_ii >= {floor}"
                    Size = floor - pivot
                    Limit = limit
                }
            else
                violation

    /// Shortens rows whose squared norms would overflow: their products would be infinite.
    let inRange (factor: torch.Tensor) =
        let most = sqrt (Form.greatest factor.dtype) * (1.0 - 4.0 * Form.epsilon factor.dtype)
        let factor = Entrywise.within most factor

        let shrink =
            use _ = torch.no_grad ()
            let norms = torch.linalg.norm (factor / most.AsScalar(), [| -1L |], keepdim = true)
            norms.clamp_min(1.0.AsScalar()).reciprocal()

        factor * shrink

    /// The diagonal of the factor.
    let pivots (x: torch.Tensor) =
        (Entrywise.softplus (Tensors.realDiagonal x)).clamp_min((sqrt (Form.least x.dtype)).AsScalar())
        .+ floor.AsScalar()

    let lower (x: torch.Tensor) = inRange (withDiagonal (x.tril -1L) (pivots x))

    override _.Code =
        if floor = 0.0 then
            Code.name "spd"
        else
            Code.call "spdAbove" [ Code.Float floor ]

    override this.Inputs form = Node.same this Requirement.squares form
    override _.Codomain _ = PositiveDefiniteSpaces.above floor

    override _.Forward(inputs, _) =
        let matrix = product (lower inputs[0])
        Entrywise.keepFinite matrix
        matrix

    /// What the factor reproduces is allowed: symmetric, positive definite and above the floor at once.
    override _.Contains(_, tensor, epsilon) =
        let above = if floor = 0.0 then "" else invariant $", L_ii >= {floor}"

        if Tensors.number ((largest tensor).min()) = 0.0 then
            Error { Condition = "W > 0"; Size = 0.0; Limit = 0.0 }
        else
            let struct (_, _, residuals, limits) = factored tensor epsilon
            let worst = (residuals / limits).flatten().argmax()
            let at (sizes: torch.Tensor) = Tensors.number (sizes.flatten().[worst])

            Violation.unless $"W = L L^H{above} (in units of the diagonal)" (at residuals) (at limits)
            |> Result.mapError (explained tensor)

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

    interface IDeterminant with
        member _.LogAbsDet(inputs, _, _) = (Tensors.realDiagonal (lower inputs[0])).log().sum [| -1L |] * 2.0.AsScalar()

    interface ISolves with
        member _.Solve(inputs, _, right, isTransposed, _) =
            let factor = lower inputs[0]
            CholeskyFactor.solve (if isTransposed then factor.conj () else factor) right

    interface IVolumeBehind with
        /// Above the diagonal nothing is read.
        member _.Measures before = before.Head.IsLeaf

        /// `n log 2 + sum_i (n - i + 1) log L_ii`, i from 1, in the entries of one triangle of W, for complex ones
        /// `n log 2 + sum_i (2 n - 2 i + 1) log L_ii` (Magnus & Neudecker 1980); those beside the diagonal are there twice.
        member _.LogVolume(inputs, _) =
            let x = inputs[0]
            let isComplex = x.is_complex ()
            let diagonal = Tensors.realDiagonal x
            let size = Tensors.last x
            let places = Tensors.range 0L size diagonal.dtype x.device
            // n - i, and the entry of the diagonal itself.
            let below = (float (size - 1L)).AsScalar() .- places
            let weights = (if isComplex then below * 2.0.AsScalar() else below) .+ 1.0.AsScalar()
            let ofFactor = weights * (pivots x).log() +. Entrywise.logSigmoid diagonal
            let pairs = float (size * (size - 1L) / 2L) * (if isComplex then 1.0 else 0.5)
            let constant = (float size + pairs) * log 2.0
            ofFactor.sum [| -1L |] .+ constant.AsScalar()

    interface IReadsSome with
        /// NaN where rounding has made the matrix singular.
        member _.UndoRead tensor =
            let struct (isSingular, regular) = CholeskyFactor.regular (Tensors.inDouble tensor)
            let found = ofFactor (torch.linalg.cholesky regular)
            (torch.where (isSingular, torch.full_like (found, nan.AsScalar()), found)).``to`` tensor.dtype

    interface IReaches with
        /// The numbers on the diagonal.
        member _.Least(_, _) = floor

    interface IHoldsNumbers with
        member _.Factors = []
        member _.Offsets = [ floor; floor * floor ]

    interface INarrows with
        member _.Narrow(tensor, dtype) = PositiveDefinite.narrowed dtype tensor

    interface ISampled with
        member _.Sample(form, generator) =
            let normal = Form.normal generator form
            let size = float (Tensors.last normal)
            let factor = normal / (sqrt size).AsScalar()
            product factor +. Tensors.eyeLike normal * (floor * floor + 0.1).AsScalar()

namespace Parametrize.Values

open System
open Parametrize

/// The values `spdAbove` and `spd`.
[<AutoOpen>]
module PositiveDefiniteValues =

    /// Positive definite n x n matrices `L L^H` with `L_ii >= floor`. Throws ArgumentException for a floor that is negative or
    /// not finite.
    let spdAbove (floor: float) : Parametrization =
        if not (floor >= 0.0 && Double.IsFinite floor) then
            invalidArg (nameof floor) (invariant $"The floor must be finite and not negative, but it is {floor}.")

        Parametrization.ofNode (PositiveDefiniteNode floor)

    /// Symmetric (Hermitian) positive definite n x n matrices by their Cholesky factors. Projects by lifting eigenvalues.
    let spd: Parametrization = spdAbove 0.0
