namespace Parametrize.LinearAlgebra

open System
open TorchSharp
open Parametrize

/// Newton's method for skew m x m matrices A with a zero last block, such that the first k columns of exp A are W. It
/// mends what rounding has left of a solution: near half turns the logarithm changes much when its argument hardly does,
/// and the exponential hardly does when its argument changes much.
[<RequireQualifiedAccess>]
module internal StiefelShooting =

    let private columnsOf (w: torch.Tensor) (square: torch.Tensor) = square.narrow (1L, 0L, Tensors.last w)

    /// The derivative of the exponential in eigenvectors of A: divided differences.
    let private differences (angles: torch.Tensor) =
        let half = (angles.unsqueeze -1L - angles.unsqueeze -2L) * 0.5.AsScalar()
        let middle = (angles.unsqueeze -1L +. angles.unsqueeze -2L) * 0.5.AsScalar()
        torch.polar ((half / Math.PI.AsScalar()).sinc(), middle)

    /// The skew matrix with a zero last block that is nearest to a square matrix.
    let private restricted (columns: int64) (square: torch.Tensor) =
        let skew = Orthonormal.skewPart square
        let extra = Tensors.last skew - columns
        skew.narrow(0L, columns, extra).narrow(1L, columns, extra).zero_() |> ignore
        skew

    let private mostDirections = 200

    /// The change of A within a radius that adds most of this residual to the first columns of exp A, in first order:
    /// conjugate gradients for the least squares problem, until this share of it is left or the radius is reached. Directions
    /// in which exp hardly changes come last.
    let private change (w: torch.Tensor) (a: torch.Tensor) (residual: torch.Tensor) =
        let columns = Tensors.last w
        let rest = Tensors.rows w - columns
        let wide (t: torch.Tensor) = t.to_type torch.complex128
        let narrow (t: torch.Tensor) = if w.is_complex () then t else t.real
        let struct (angles, basis) = torch.linalg.eigh (wide a * (-Numerics.Complex.ImaginaryOne).AsScalar())
        let weights = differences angles

        let inBasis (weights: torch.Tensor) (square: torch.Tensor) =
            narrow (basis.matmul(basis.mH.matmul(wide square).matmul basis * weights).matmul basis.mH)

        let forward (square: torch.Tensor) = inBasis weights square |> columnsOf w

        let adjoint (tall: torch.Tensor) =
            inBasis (weights.conj ()) (torch.nn.functional.pad (tall, [| 0L; rest |])) |> restricted columns

        fun (share: float) (radius: float) ->
            let mutable found = torch.zeros_like a
            let mutable left = residual
            let mutable direction = adjoint left
            let mutable slope = TrustRegion.inner direction direction
            let mutable steps = 0
            let mutable isDone = slope = 0.0
            let goal = share * share * TrustRegion.inner residual residual

            while not isDone do
                let image = forward direction
                let free = slope / TrustRegion.inner image image
                let limit = TrustRegion.room found direction radius
                let length = (min free limit).AsScalar()
                found <- found +. direction * length
                left <- left - image * length
                let steepest = adjoint left
                let next = TrustRegion.inner steepest steepest
                direction <- steepest +. direction * (next / slope).AsScalar()
                slope <- next
                steps <- steps + 1

                isDone <-
                    not (free < limit) || steps = mostDirections || slope = 0.0 || TrustRegion.inner left left <= goal

            found

    let private residualOf (w: torch.Tensor) (a: torch.Tensor) = w - columnsOf w (Exponential.ofSkew a)

    let private norm (t: torch.Tensor) = t.norm().item<float>()

    /// A long step in a direction in which exp hardly changes, to first order, leaves the curved set on which it does not:
    /// steps in the other directions bring it back.
    let rec private settle (steps: int) (w: torch.Tensor) (radius: float) (struct (a: torch.Tensor, size: float)) =
        if steps = 0 then
            struct (a, size)
        else
            let next = a +. change w a (residualOf w a) 0.1 radius
            let nextSize = norm (residualOf w next)

            if nextSize < 0.5 * size then
                settle (steps - 1) w radius (struct (next, nextSize))
            else
                struct (a, size)

    let private mostSteps, mostAttempts = 40, 8

    /// The next A, if there is one, and the radius for the one after it.
    let private advance (w: torch.Tensor) (a: torch.Tensor) (radius: float) : struct (torch.Tensor * float) voption =
        use scope = torch.NewDisposeScope()
        let left = residualOf w a
        let within, size = change w a left, norm left
        let isCloser (other: float) = other < 0.9 * size

        let rec attempt (attempts: int) (radius: float) =
            let step = within 1e-4 radius
            let length, plain = norm step, a +. step
            let direct = norm (residualOf w plain)

            let struct (next, nextSize) =
                if isCloser direct then
                    struct (plain, direct)
                else
                    settle 8 w length (struct (plain, direct))

            if isCloser nextSize then
                ValueSome(struct (scope.MoveToOuter next, max radius (2.0 * length)))
            elif attempts > 1 then
                attempt (attempts - 1) (0.25 * length)
            else
                ValueNone

        attempt mostAttempts radius

    /// A with the first columns of its exponential closer to W, until the farthest entry is within the goal or rounding
    /// admits no more.
    let refine (goal: float) (w: torch.Tensor) (a: torch.Tensor) : torch.Tensor =
        use scope = torch.NewDisposeScope()

        let rec go (steps: int) (radius: float) (a: torch.Tensor) =
            if steps = mostSteps || Tensors.largest (residualOf w a) <= goal then
                a
            else
                match advance w a radius with
                | ValueSome(struct (next, radius)) -> go (steps + 1) radius next
                | ValueNone -> a

        scope.MoveToOuter(go 0 1.0 (restricted (Tensors.last w) a))
