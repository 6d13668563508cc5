namespace Parametrize.LinearAlgebra

open System
open TorchSharp
open Parametrize

/// Completions of an m x k matrix with orthonormal columns to a rotation (a unitary matrix) V such that the last block,
/// m - k square, of A = log V is zero.
///
/// |A| is the distance from the identity to V. The slope of |A|^2 / 2 at V, when V turns by exp X on the right, is the
/// inner product of A and X: A has a zero last block where the distance is stationary among all completions. These are
/// compact, and curvature is nowhere negative, so that the turn by -D, D being the last block, lowers |A|^2 / 2 by at
/// least |D|^2 / 2 wherever V is, half turns included: descent ends at nothing but a solution. Newton's method in a trust
/// region makes it fast. The step of Zimmermann (A matrix-algebraic algorithm for the Riemannian logarithm on the Stiefel
/// manifold, 2017) is that by -D; the preconditioner is the Sylvester equation of Zimmermann and Hueper (Computing the
/// Riemannian logarithm on the Stiefel manifold, 2022).
[<RequireQualifiedAccess>]
module internal ShortestCompletion =

    type private Point =
        {
            Completed: torch.Tensor
            Logarithm: torch.Tensor
            /// The last block D of the logarithm, and its norm.
            Slope: torch.Tensor
            Steepness: float
            /// |A|^2 / 2.
            Height: float
        }

    let private norm (t: torch.Tensor) = sqrt (TrustRegion.inner t t)

    let private point (columns: int64) (completed: torch.Tensor) : Point =
        let logarithm = Rotation.logarithmOf completed
        let extra = Tensors.last completed - columns
        let slope = logarithm.narrow(0L, columns, extra).narrow(1L, columns, extra)

        {
            Completed = completed
            Logarithm = logarithm
            Slope = slope
            Steepness = norm slope
            Height = TrustRegion.inner logarithm logarithm / 2.0
        }

    let private turned (columns: int64) (from: Point) (change: torch.Tensor) : Point =
        use scope = torch.NewDisposeScope()
        let completion = from.Completed.narrow (1L, columns, Tensors.last change)
        let turn = Exponential.ofSkew change
        let kept = from.Completed.narrow (1L, 0L, columns)
        let next = point columns (Orthonormal.newtonSchulz (torch.cat ([| kept; completion.matmul turn |], 1L)))
        scope.MoveToOuter(next.Completed, next.Logarithm, next.Slope) |> ignore
        next

    /// x / 2 cot (x / 2) for differences of eigenangles. It has no lower bound at full turns.
    let private cotangents (x: torch.Tensor) =
        let half = x * 0.5.AsScalar()
        let isSmall = half.abs().lt(1e-4.AsScalar())
        let safe = torch.where (isSmall, torch.ones_like half, half)
        let series = 1.0.AsScalar() .- half.Squared() / 3.0.AsScalar()
        torch.where(isSmall, series, safe / safe.tan ()).clamp_min((-1e6).AsScalar())

    /// The second derivative of |A|^2 / 2 as a map of skew matrices of the last block, in eigenvectors of A.
    let private hessian (at: Point) (columns: int64) =
        let isComplex = at.Logarithm.is_complex ()
        let extra = Tensors.last at.Slope

        let struct (angles, basis) =
            torch.linalg.eigh (at.Logarithm.to_type torch.complex128 * (-Numerics.Complex.ImaginaryOne).AsScalar())

        let rows = basis.narrow(0L, columns, extra).contiguous()
        let weights = cotangents (angles.unsqueeze -1L - angles.unsqueeze -2L)

        fun (x: torch.Tensor) ->
            use _scope = torch.NewDisposeScope()
            let inside = rows.mH.matmul(x.to_type torch.complex128).matmul rows * weights
            let image = Orthonormal.skewPart (rows.matmul(inside).matmul rows.mH)
            (if isComplex then image else image.real.clone ()).MoveToOuterDisposeScope()

    /// The inverse of the first two terms of its series, X - (C C^H X + X C C^H) / 12, bounded from below.
    let private preconditioner (at: Point) (columns: int64) =
        let c = at.Logarithm.narrow(0L, columns, Tensors.last at.Slope).narrow(1L, 0L, columns)
        let struct (values, basis) = torch.linalg.eigh (c.matmul c.mH / 12.0.AsScalar())
        let sums = (1.0.AsScalar() .- values.unsqueeze -1L - values.unsqueeze -2L).clamp_min(0.25.AsScalar())

        fun (x: torch.Tensor) ->
            use _scope = torch.NewDisposeScope()
            let inside = basis.mH.matmul(x).matmul basis / sums
            (Orthonormal.skewPart (basis.matmul(inside).matmul basis.mH)).MoveToOuterDisposeScope()

    let private mostSteps = 100

    /// One step from a point: the next one, if there is one, and the next radius.
    let private advance (columns: int64) (at: Point) (radius: float) : struct (Point voption * float) =
        use scope = torch.NewDisposeScope()
        let hessian, precondition = hessian at columns, preconditioner at columns
        let share = min 0.1 (at.Steepness * 0.1)

        let rec attempt (radius: float) =
            let step = TrustRegion.step hessian precondition share radius at.Slope
            let length = norm step.Change
            let next = turned columns at step.Change
            // Below that, rounding decides about heights.
            let isFine = step.Predicted < 1e-12 * at.Height
            let gain = (at.Height - next.Height) / step.Predicted

            if isFine then
                struct ((if next.Steepness < at.Steepness then ValueSome next else ValueNone), radius)
            elif gain > 0.75 && step.IsBounded then
                struct (ValueSome next, 2.0 * radius)
            elif gain > 0.25 then
                struct (ValueSome next, radius)
            elif gain > 0.05 then
                struct (ValueSome next, 0.25 * length)
            elif 0.25 * length > 0.25 * at.Steepness then
                attempt (0.25 * length)
            else
                struct (ValueSome(turned columns at -at.Slope), at.Steepness)

        let struct (next, radius) = attempt radius

        match next with
        | ValueSome next -> scope.MoveToOuter(next.Completed, next.Logarithm, next.Slope) |> ignore
        | ValueNone -> ()

        struct (next, radius)

    let private mostSearches, mostFailures = 60, 6

    /// Near half turns distances differ by less than Newton's method needs, with slopes that are mostly rounding: search
    /// along them and in random directions, for as long as heights tell points apart.
    let private search (columns: int64) (start: Point) : Point =
        use scope = torch.NewDisposeScope()
        use generator = new torch.Generator(1UL, torch.CPU)

        let random () = Orthonormal.skewPart (Form.normal generator (Form.ofTensor start.Slope))

        let rec go (searches: int) (failures: int) (at: Point) =
            if searches = 0 || failures = mostFailures then
                at
            else
                let direction = if failures = 0 then at.Slope else random ()
                let size = sqrt (TrustRegion.inner direction direction)

                let lowest =
                    [ -1.5; -0.4; -0.1; -0.025; -0.006; -0.0015; 0.0015; 0.006; 0.025; 0.1; 0.4; 1.5 ]
                    |> List.map (fun length -> turned columns at (direction * (length / size).AsScalar()))
                    |> List.minBy _.Height

                if lowest.Height < at.Height - 1e-15 * at.Height then
                    go (searches - 1) 0 lowest
                else
                    go (searches - 1) (failures + 1) at

        let found = go mostSearches 0 start
        scope.MoveToOuter(found.Completed, found.Logarithm, found.Slope) |> ignore
        found

    /// A slope that is more than rounding leaves where Newton's method has converged.
    let private isSteep (at: Point) = at.Steepness > 1e-12 * float (Tensors.last at.Completed)

    /// The logarithm A of the completion that descent finds from this one, with a last block of a norm that is below the
    /// goal, or as small as rounding admits.
    let logarithm (goal: float) (columns: int64) (completed: torch.Tensor) : torch.Tensor =
        use scope = torch.NewDisposeScope()

        let rec descend (steps: int) (at: Point) (radius: float) =
            if at.Steepness <= goal then
                at
            elif steps = mostSteps then
                search columns at
            else
                match advance columns at radius with
                | struct (ValueSome next, radius) -> descend (steps + 1) next radius
                | struct (ValueNone, _) -> if isSteep at then search columns at else at

        let start = point columns completed
        scope.MoveToOuter (descend 0 start start.Steepness).Logarithm
