namespace Parametrize

open TorchSharp
open Parametrize.LinearAlgebra

/// Matrices whose rows and columns are scaled to sum 1 (Sinkhorn & Knopp 1967), by their logarithms.
[<RequireQualifiedAccess>]
module internal Sinkhorn =

    let private precision = Form.epsilon torch.ScalarType.Float64

    /// The largest logarithms that are told apart: beyond what positive numbers of the element type come from.
    let reach (dtype: torch.ScalarType) : float = if dtype = torch.ScalarType.Float64 then 1500.0 else 210.0

    /// How large logarithms are to begin with.
    let private easy = 8.0

    /// Doublings from there to the largest.
    let private doublings = int (ceil (log (reach torch.ScalarType.Float64 / easy) / log 2.0))

    let private stepsEach, private mostSteps = 2, 30

    /// Rows of sum 1, what columns lack to sum 1, and the Newton step of the columns' logarithms: the Laplacian of the graph of
    /// columns that share rows, solved for what they lack. Without cancellation: the diagonal is the sum of the other entries.
    let private newton (apart: float) (z: torch.Tensor) : struct (torch.Tensor * torch.Tensor * torch.Tensor) =
        let size = float (Tensors.last z)
        let rows = z.log_softmax -1L
        let w = rows.exp ()
        let lacking = 1.0.AsScalar() .- w.sum ([| -2L |], keepdim = true)
        let joint = w.mT.matmul w
        let shared = joint - torch.diag_embed (Tensors.diagonal joint)
        // A number that all columns have changes nothing: it is made 0.
        let matrix =
            torch.diag_embed (shared.sum [| -1L |]) - shared .+ (1.0 / size).AsScalar()
            +. Tensors.eyeLike z * (size * apart).AsScalar()

        struct (rows, lacking, torch.linalg.solve(matrix, lacking.mT).mT)

    let private inScope (compute: unit -> torch.Tensor) : torch.Tensor =
        use _ = torch.NewDisposeScope()
        compute().MoveToOuterDisposeScope()

    /// Scales the rows, then the columns. Columns first would undo the Newton step, which has just scaled the columns.
    let private balanced (z: torch.Tensor) : torch.Tensor = (z.log_softmax -1L).log_softmax -2L

    /// One step on the convex dual, damped by the range r of what it adds, to `log(1 + r) / r` (Bach 2010): it never leads
    /// upwards.
    let private damped (z: torch.Tensor) : torch.Tensor =
        inScope (fun () ->
            let struct (rows, _, way) = newton precision (balanced z)

            let range =
                (way.amax ([| -1L |], keepdim = true) - way.amin ([| -1L |], keepdim = true))
                    .clamp_min(1e-30.AsScalar())

            rows +. way * (range.log1p () / range))

    let private lack (z: torch.Tensor) : float =
        use _ = torch.NewDisposeScope()
        Tensors.largest (1.0.AsScalar() .- z.exp().sum [| -1L |])

    /// The scaled logarithms, without gradients: x is divided until it is easy, then doubled step by step. If numbers may be
    /// read, it stops at rounding, and takes no Newton steps while plain scaling converges fast.
    let private found (isRead: bool) (x: torch.Tensor) : torch.Tensor =
        use _ = torch.no_grad ()
        use scope = torch.NewDisposeScope()
        let size = x.abs().amax([| -2L; -1L |], keepdim = true).clamp_min(easy.AsScalar())

        let levels =
            if isRead then
                int (ceil (log (Tensors.largest size / easy) / log 2.0))
            else
                doublings

        let mutable share = size.reciprocal () * easy.AsScalar()
        let mutable z = x * share

        for _ in 1..levels do
            for _ in 1..stepsEach do
                z <- damped z

            let next = (share * 2.0.AsScalar()).clamp_max(1.0.AsScalar())
            z <- z * (next / share)
            share <- next

        let mutable steps, before = 0, infinity

        while steps < mostSteps do
            z <- inScope (fun () -> balanced z)

            if isRead then
                let now = lack z

                if now <= 32.0 * precision then
                    steps <- mostSteps
                elif now > before / 4.0 then
                    z <- damped z

                before <- now
            else
                z <- damped z

            steps <- steps + 1

        scope.MoveToOuter z

    /// The logarithms of the matrix. Two Newton steps from where it is found have its derivatives of the first three orders.
    let logarithmsBy (isRead: bool) (x: torch.Tensor) : torch.Tensor =
        let polished (z: torch.Tensor) =
            // Columns that share less than this stay apart: what they lack by rounding must not become a long step.
            let struct (rows, _, way) = newton (256.0 * precision) z
            rows +. way

        let z = found isRead (x.detach ()) +. (x - x.detach ())
        (polished (polished z)).log_softmax -1L

    /// The logarithms of the matrix. Numbers are read on the CPU only: other devices would have to be waited for.
    let logarithms (x: torch.Tensor) : torch.Tensor = logarithmsBy (x.device_type = DeviceType.CPU) x

    /// `log det` of the Laplacian, with the mean in place of its zero.
    let logDeterminant (logarithms: torch.Tensor) : torch.Tensor =
        let w = logarithms.exp ()
        SpanningTrees.logarithm (w.mT.matmul w) .+ (log (float (Tensors.last w))).AsScalar()
