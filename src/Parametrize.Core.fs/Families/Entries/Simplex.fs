namespace Parametrize

open TorchSharp
open Parametrize.LinearAlgebra

/// How `simplexBy` makes a probability vector.
[<RequireQualifiedAccess>]
type SimplexMap =
    /// Softmax of orthonormal coordinates. It treats all entries alike.
    | IsometricLogRatio
    /// Each entry takes a share of what the entries before it have left.
    | StickBreaking

[<RequireQualifiedAccess>]
module internal SimplexSpaces =

    let simplex: Space =
        { new Space("probability vectors", [ PositiveSpaces.positive ], [ Closure.Reordering ]) with
            override _.Dimension form =
                match Array.tryLast form.Shape with
                | None -> System.Nullable()
                | Some size -> System.Nullable(Form.reals form - Form.reals form / size)

            override _.IsLeftByRounding = true
            override _.Rounded(tensor, dtype) = (Entrywise.inRangeOf dtype tensor).``to`` dtype
        }

/// Probability vectors (the last dimension, of n >= 2 positive numbers of sum 1) from n - 1 numbers each, by the isometric
/// log-ratio (Egozcue et al. 2003): `w = softmax(V x)`, where the columns of V are orthonormal and of sum zero (Helmert's);
/// or by breaking a stick.
type internal SimplexNode(map: SimplexMap) =
    inherit Node()

    let last (tensor: torch.Tensor) = tensor.size -1

    /// The nearest probability vector, zeros included (Held, Wolfe & Crowder 1974).
    let nearest (tensor: torch.Tensor) =
        let count = last tensor
        // Adding a number to all entries changes nothing, and keeps differences of large ones exact.
        let moved = tensor - tensor.amax ([| -1L |], keepdim = true)
        let struct (sorted, _) = moved.sort (-1L, descending = true)

        let places = Tensors.range 1L (count + 1L) moved.dtype moved.device

        let thresholds = (sorted.cumsum -1L - 1.0.AsScalar()) / places
        let kept = sorted.gt(thresholds).sum([| -1L |], keepdim = true)
        let threshold = thresholds.gather (-1L, kept - 1L.AsScalar())
        (moved - threshold).clamp_min(0.0.AsScalar())

    let normalized (tensor: torch.Tensor) = tensor / tensor.sum ([| -1L |], keepdim = true)

    /// How far the sum of each vector is from 1.
    let deviations (tensor: torch.Tensor) =
        ((Tensors.inDouble tensor).sum([| -1L |], keepdim = true) - 1.0.AsScalar()).abs()

    /// The tolerance for the sum of each vector: rounding, and for 16-bit types the rounding of subnormal entries. This moves an
    /// entry by up to half of the smallest number, or by up to all of it where the entry was raised to that number.
    let limits (tensor: torch.Tensor) (epsilon: float) =
        let rounding = (Tensors.roundoff epsilon 1.0).AsScalar()

        match Form.halfOf epsilon with
        | None -> torch.full ([| 1L |], rounding, dtype = torch.ScalarType.Float64, device = tensor.device)
        | Some half ->
            let smallest = Form.smallest half
            let upTo (number: float) = tensor.le(number.AsScalar()).sum([| -1L |], keepdim = true)
            let moved = upTo (Form.least half) +. upTo smallest
            moved.``to`` torch.ScalarType.Float64 * (smallest / 2.0).AsScalar() .+ rounding

    let isAllowed (tensor: torch.Tensor) (epsilon: float) =
        let isPositive = tensor.amin([| -1L |], keepdim = true).gt(0.0.AsScalar())
        isPositive.logical_and (deviations(tensor).le(limits tensor epsilon))

    let inverse (tensor: torch.Tensor) =
        match map with
        | SimplexMap.IsometricLogRatio -> Helmert.coordinates ((Tensors.inDouble tensor).log())
        | SimplexMap.StickBreaking -> Sticks.coordinates (Tensors.inDouble tensor)

    override _.Code =
        match map with
        | SimplexMap.IsometricLogRatio -> Code.name "simplex"
        | other -> Code.call "simplexBy" [ Code.Symbol $"SimplexMap.{other}" ]

    override this.Inputs form = Helmert.inputs this { Requirement.vectors with Complex = false } form

    override _.Output inputs = Helmert.vectorForm inputs.Head

    override _.Codomain _ = SimplexSpaces.simplex

    override _.Forward(inputs, _) =
        let w =
            match map with
            | SimplexMap.IsometricLogRatio -> (Helmert.expand inputs[0]).softmax -1L
            | SimplexMap.StickBreaking -> (Sticks.logarithms inputs[0]).exp()
        // libtorch's softmax adds one entry after another, which is inexact for long vectors.
        let w = if Norms.isLong (last w) then normalized w else w
        w.clamp_min ((Form.smallest w.dtype).AsScalar())

    override _.Contains(_, tensor, epsilon) =
        let smallest = Tensors.number (tensor.min ())

        if smallest > 0.0 then
            let residuals = deviations tensor
            let limits = (limits tensor epsilon).expand_as residuals
            let worst = (residuals - limits).argmax()
            let number (tensor: torch.Tensor) = Tensors.number (tensor.flatten().[worst])
            Violation.unless "sum_i w_i = 1" (number residuals) (number limits)
        else
            Error { Condition = "w_i > 0"; Size = -smallest; Limit = 0.0 }

    override _.Invert(_, tensor, epsilon, want) =
        let wide = Tensors.inDouble tensor
        let even = 1.0 / float (last tensor)
        let moved (share: float) = normalized (nearest wide * (1.0 - share).AsScalar() .+ (share * even).AsScalar())

        let found =
            match want with
            | Want.Exact -> wide
            | Want.Nearest -> torch.where (isAllowed tensor epsilon, wide, moved (min epsilon 0.5))
            // Half-way to the middle: entries on the edge would hardly train.
            | Want.Start -> torch.where (isAllowed tensor epsilon, wide, moved 0.5)

        NodeParts.ofInput ((inverse found).``to`` tensor.dtype)

    interface INarrows with
        member _.Narrow(tensor, dtype) = (Entrywise.inRangeOf dtype tensor).``to`` dtype

    interface IVolume with
        /// By the isometric log-ratio `sum_i log w_i + log n` for each vector.
        member _.LogVolume(inputs, _) =
            match map with
            | SimplexMap.IsometricLogRatio ->
                let logarithms = (Helmert.expand inputs[0]).log_softmax -1L
                let count = last logarithms
                logarithms.sum [| -1L |] .+ (log (float count)).AsScalar()
            | SimplexMap.StickBreaking -> Sticks.logVolume inputs[0]

    interface IOneToOne with
        member _.Undo tensor =
            (inverse (tensor.clamp_min ((Form.smallest tensor.dtype).AsScalar()))).``to`` tensor.dtype

    interface ISampled with
        /// Dirichlet(1, ..., 1), which is uniform: exponential numbers over their sum.
        member _.Sample(form, generator) =
            let uniform = Form.uniform generator form
            let exponential = -(uniform.neg().log1p()) .+ (Form.epsilon form.Dtype).AsScalar()
            normalized exponential

namespace Parametrize.Values

open Parametrize

/// The values `simplexBy` and `simplex`.
[<AutoOpen>]
module SimplexValues =

    /// Probability vectors by the given map: the same space as `simplex`. `SimplexMap.StickBreaking` is the map of Stan's simplex
    /// before 2025 and of `torch.distributions.StickBreakingTransform`, with its offsets, so parameters of either can be used.
    let simplexBy (map: SimplexMap) : Parametrization = Parametrization.ofNode (SimplexNode map)

    /// Probability vectors: the last dimension, of n >= 2 real numbers, is positive and of sum 1; matrices are row-stochastic, and
    /// `transposed simplex` column-stochastic. `w = softmax(V x)` from n - 1 numbers x by the isometric log-ratio (Egozcue et al.
    /// 2003), which is as well conditioned as coordinates of a simplex are. O(n). Projects to the nearest one, O(n log n); zeros
    /// become tiny.
    let simplex: Parametrization = simplexBy SimplexMap.IsometricLogRatio
