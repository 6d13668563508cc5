namespace Parametrize.LinearAlgebra

open Parametrize
open TorchSharp

/// The nearest correlation matrix in the Frobenius norm (Higham 2002), by the Newton method of its dual (Qi & Sun 2006): the
/// positive part of A + diag(y) whose diagonal is 1. A batch at a time, in double precision.
[<RequireQualifiedAccess>]
module internal NearestCorrelation =

    let private mostSteps = 50
    let private mostHalvings = 20
    let private mostDirections = 50

    let private row (vectors: torch.Tensor) = vectors.unsqueeze -2L
    let private sum (vectors: torch.Tensor) = vectors.sum ([| -1L |], keepdim = true)
    let private positivePart (values: torch.Tensor) = values.clamp_min (0.0.AsScalar())

    /// A + diag(y), by its eigenvalues and vectors.
    let private decomposed (a: torch.Tensor) (y: torch.Tensor) = torch.linalg.eigh (a +. torch.diag_embed y)

    /// `sum (l_+)^2 / 2 - sum y`, the dual function.
    let private dual (values: torch.Tensor) (y: torch.Tensor) =
        sum ((positivePart values).Squared()) / 2.0.AsScalar() - sum y

    let private positive (values: torch.Tensor) (vectors: torch.Tensor) =
        (vectors * row (positivePart values)).matmul vectors.mT

    /// The derivative of the diagonal of the positive part along h: weights are 1 for two positive eigenvalues and 0 for two
    /// negative ones.
    let private derivative (values: torch.Tensor) (vectors: torch.Tensor) : torch.Tensor -> torch.Tensor =
        let pairs (vector: torch.Tensor) = vector.unsqueeze -1L +. row vector
        let weights = (pairs (positivePart values) / pairs (values.abs ())).nan_to_num 0.0

        fun h ->
            let inside = (vectors.mT * row h).matmul vectors * weights
            (vectors.matmul inside * vectors).sum -1L

    /// Conjugate gradients for `V d = -gradient` until the residual is a tenth of that, or its square.
    let private direction (apply: torch.Tensor -> torch.Tensor) (gradient: torch.Tensor) : torch.Tensor =
        let size = (sum (gradient.Squared())).sqrt()
        let enough = (size * size.clamp_max (0.1.AsScalar())).Squared()

        let rec go (left: int) (d: torch.Tensor) (r: torch.Tensor) (p: torch.Tensor) =
            let squared = sum (r.Squared())
            let isOpen = squared.gt enough

            if left = 0 || not (isOpen.any().item<bool>()) then
                d
            else
                let d, r, p =
                    Tensors.keeping (fun (d, r, p) -> [ d; r; p ]) (fun () ->
                        let image = apply p +. p * 1e-12.AsScalar()
                        let share = torch.where (isOpen, squared / sum (p * image), torch.zeros_like squared)
                        let next = r - image * share
                        d +. p * share, next, next +. p * (sum (next.Squared()) / squared).nan_to_num 0.0)

                go (left - 1) d r p

        go mostDirections (torch.zeros_like gradient) -gradient -gradient

    /// The next y: a step along the direction, halved until the dual function falls enough.
    let private moved (a: torch.Tensor) (y: torch.Tensor) (now: torch.Tensor) (d: torch.Tensor) (slope: torch.Tensor) =
        let rec go (left: int) (length: torch.Tensor) =
            let there = y +. d * length

            let falls =
                Tensors.keeping (fun falls -> [ falls ]) (fun () ->
                    let values = torch.linalg.eigvalsh (a +. torch.diag_embed there)
                    (dual values there).le(now +. slope * length * 1e-4.AsScalar() +. now.abs () * 1e-15.AsScalar()))

            if left = 0 || falls.all().item<bool>() then
                there
            else
                go (left - 1) (torch.where (falls, length, length / 2.0.AsScalar()))

        go mostHalvings (torch.ones_like now)

    /// The nearest correlation matrices to symmetric ones. Entries far beyond 1 are cut off. What the last step has left wrong on
    /// the diagonal is removed by scaling.
    let ofSymmetric (matrices: torch.Tensor) : torch.Tensor =
        let a = matrices.clamp (-1e6.AsScalar(), 1e6.AsScalar())
        let least = float (Tensors.last a) * 1e-14

        /// False and the next y, or true and the result.
        let step (left: int) (y: torch.Tensor) : struct (bool * torch.Tensor) =
            let struct (values, vectors) = decomposed a y
            let found = positive values vectors
            let gradient = Tensors.diagonal found - 1.0.AsScalar()
            let size = (sum (gradient.Squared())).sqrt()

            if left = 0 || Tensors.largest size <= least then
                struct (true, found)
            else
                let d = direction (derivative values vectors) gradient
                let next = moved a y (dual values y) d (sum (gradient * d))
                // Those that have arrived stay.
                struct (false, torch.where (size.le (least.AsScalar()), y, next))

        let rec go (left: int) (y: torch.Tensor) =
            let struct (isLast, made) = Tensors.keeping (fun struct (_, made) -> [ made ]) (fun () -> step left y)

            if isLast then made else go (left - 1) made

        let found = go mostSteps (1.0.AsScalar() .- Tensors.diagonal a)
        let root = (Tensors.diagonal found).clamp_min(1e-300.AsScalar()).rsqrt()
        let scaled = found * root.unsqueeze -1L * row root
        let strict = (scaled / 2.0.AsScalar() +. scaled.mT / 2.0.AsScalar()).tril -1L
        strict +. strict.mT +. Tensors.eyeLike strict
