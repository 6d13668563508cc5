namespace Parametrize.LinearAlgebra

open TorchSharp
open Parametrize

/// A step down a quadratic model of a function.
type internal TrustRegionStep =
    {
        Change: torch.Tensor
        /// By how much the model falls.
        Predicted: float
        /// Whether it ends at the edge of the region.
        IsBounded: bool
    }

/// Steps of a trust-region Newton method.
[<RequireQualifiedAccess>]
module internal TrustRegion =

    /// The real inner product of the entries.
    let inner (left: torch.Tensor) (right: torch.Tensor) : float =
        use _scope = torch.NewDisposeScope()

        if left.is_complex () then
            (left.conj () * right).real.sum().item<float>()
        else
            (left * right).sum().item<float>()

    /// How far one may go from x in this direction within the radius.
    let room (x: torch.Tensor) (direction: torch.Tensor) (radius: float) : float =
        let square, mixed, length = inner direction direction, inner x direction, inner x x
        (sqrt (max 0.0 (mixed * mixed + square * (radius * radius - length))) - mixed) / square

    let private mostSteps = 60

    /// The method of conjugate gradients for the minimum of <g, x> + <x, H x> / 2 within |x| <= radius, until the
    /// residual has fallen to this share. It ends at the edge where the radius or negative curvature says so (Steihaug,
    /// The conjugate gradient method and trust regions in large scale optimization, 1983). The preconditioner is positive.
    let step
        (hessian: torch.Tensor -> torch.Tensor)
        (precondition: torch.Tensor -> torch.Tensor)
        (share: float)
        (radius: float)
        (gradient: torch.Tensor)
        : TrustRegionStep =
        use scope = torch.NewDisposeScope()
        let goal = share * sqrt (inner gradient gradient)
        let mutable x = torch.zeros_like gradient
        let mutable image = torch.zeros_like gradient
        let mutable residual = -gradient
        let mutable direction = precondition residual
        let mutable product = inner residual direction
        let mutable steps = 0
        let mutable isBounded = false
        let mutable isDone = false

        while not isDone do
            let along = hessian direction
            let curvature = inner direction along
            let free = if curvature > 0.0 then product / curvature else infinity
            let limit = room x direction radius
            let length = (min free limit).AsScalar()
            x <- x +. direction * length
            image <- image +. along * length
            residual <- residual - along * length
            steps <- steps + 1
            isBounded <- free >= limit

            if isBounded || steps = mostSteps || sqrt (inner residual residual) <= goal then
                isDone <- true
            else
                let steepest = precondition residual
                let next = inner residual steepest
                direction <- steepest +. direction * (next / product).AsScalar()
                product <- next

        {
            Change = scope.MoveToOuter x
            Predicted = -(inner gradient x + 0.5 * inner x image)
            IsBounded = isBounded
        }
