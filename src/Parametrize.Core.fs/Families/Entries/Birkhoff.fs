namespace Parametrize

open TorchSharp

/// The nearest doubly stochastic matrices, zeros included.
[<RequireQualifiedAccess>]
module internal Birkhoff =

    /// Entries this much larger than those of the nearest matrix leave hardly any digits to it.
    let private largest = 1e6

    let private most, private halvings = 100, 30

    /// The matrices with rows and columns moved to sum 1, still with negative entries. This does not change the nearest matrix.
    let private centred (matrices: torch.Tensor) =
        let unit = Norms.largest matrices [| 1L; 2L |]
        let scaled = matrices / Norms.oneWhereZero unit
        let rows = scaled.mean ([| 2L |], keepdim = true)
        let columns = scaled.mean ([| 1L |], keepdim = true)
        let mean = rows.mean ([| 1L |], keepdim = true)
        let size = float (Tensors.last matrices)
        (scaled - rows - columns +. mean) * unit.clamp_max (largest.AsScalar()) .+ (1.0 / size).AsScalar()

    /// `max(A + u 1^T + 1 v^T, 0)`, where u and v solve the dual by a semismooth Newton method (Li, Sun & Toh 2020): each step is
    /// halved until it leads down. In double precision, O(n^3) a step, some ten steps.
    let nearest (tensor: torch.Tensor) : torch.Tensor =
        let size = Tensors.last tensor
        let a = centred (tensor.reshape (-1L, size, size))
        let roundoff = 16.0 * Form.epsilon torch.ScalarType.Float64
        let limits = a.abs().amax([| 1L; 2L |]).clamp_min(1.0.AsScalar()) * roundoff.AsScalar()

        let at (duals: torch.Tensor) =
            let w =
                (a +. duals.narrow(1L, 0L, size).unsqueeze 2L +. duals.narrow(1L, size, size).unsqueeze 1L).relu()

            let lacking = torch.cat ([| w.sum [| 2L |]; w.sum [| 1L |] |], 1L) - 1.0.AsScalar()
            let height = w.Squared().sum([| 1L; 2L |]) / 2.0.AsScalar() - duals.sum [| 1L |]
            struct (w, lacking, height)

        let step (w: torch.Tensor) (lacking: torch.Tensor) =
            let kept = (w.gt (0.0.AsScalar())).``to`` w.dtype
            let upper = torch.cat ([| torch.diag_embed (kept.sum [| 2L |]); kept |], 2L)
            let lower = torch.cat ([| kept.mT; torch.diag_embed (kept.sum [| 1L |]) |], 2L)
            let hessian = torch.cat ([| upper; lower |], 1L)
            let worst = lacking.abs().amax([| 1L |], keepdim = true).unsqueeze 2L
            let shift = (worst * 1e-3.AsScalar()).clamp(1e-11.AsScalar(), 1e-6.AsScalar())
            -(torch.linalg.solve (hessian +. Tensors.eyeLike hessian * shift, lacking.unsqueeze 2L)).squeeze 2L

        /// The next duals; the same object if they are found.
        let next (duals: torch.Tensor) : torch.Tensor =
            let struct (w, lacking, height) = at duals
            let isThere = lacking.abs().amax([| 1L |]).le limits

            if isThere.all().item<bool>() then
                duals
            else
                let way = step w lacking
                let slope = (way * lacking).sum [| 1L |]

                let rec lead (left: int) (share: torch.Tensor) : torch.Tensor =
                    let isLower =
                        Tensors.keeping (fun isLower -> [ isLower ]) (fun () ->
                            let struct (_, _, next) = at (duals +. way * share.unsqueeze 1L)
                            next.le (height +. share * slope * 1e-4.AsScalar() +. height.abs () * 1e-12.AsScalar()))

                    if left = 0 || isLower.all().item<bool>() then
                        share
                    else
                        lead (left - 1) (torch.where (isLower, share, share / 2.0.AsScalar()))

                // What is there stays: it must not depend on others of a batch.
                let share = lead halvings (isThere.logical_not().``to`` slope.dtype)
                duals +. way * share.unsqueeze 1L

        let rec go (left: int) (duals: torch.Tensor) : torch.Tensor =
            let moved = Tensors.keeping (fun moved -> [ moved ]) (fun () -> next duals)

            if left = 0 || obj.ReferenceEquals(moved, duals) then
                duals
            else
                go (left - 1) moved

        let duals = go most (torch.zeros ([| a.shape[0]; 2L * size |], dtype = a.dtype, device = a.device))

        let struct (w, _, _) = at duals
        w.reshape tensor.shape
