namespace Parametrize

open TorchSharp

/// Positive vectors whose entries differ by at most a given factor.
type internal RatioSpace(ratio: float) =
    inherit
        Space(
            (invariant $"positive vectors whose largest entry is at most {ratio} times the smallest"),
            [ PositiveSpaces.positive ],
            [ Closure.Scaling; Closure.RowScaling; Closure.Sum; Closure.Reordering ]
        )

    member _.Ratio: float = ratio
    override _.Dimension form = System.Nullable(Form.reals form)
    override _.Interior = 1.0
    override _.IsLeftByRounding = true
    override _.Rounded(tensor, dtype) = (Entrywise.inRangeOf dtype tensor).``to`` dtype

/// Functions of vectors (the last dimension) and the cone of positive vectors whose entries differ by at most a factor.
[<RequireQualifiedAccess>]
module internal Ratios =

    let private mostSteps = 103

    let smallest (vectors: torch.Tensor) : torch.Tensor = vectors.amin ([| -1L |], keepdim = true)
    let greatest (vectors: torch.Tensor) : torch.Tensor = vectors.amax ([| -1L |], keepdim = true)

    let private sum (vectors: torch.Tensor) = vectors.sum ([| -1L |], keepdim = true)

    /// The zeros of falling functions, given with their derivatives, between two numbers: by Newton's method, with a halving now
    /// and then, since Newton's method can cycle. It stops at a relative error of 1e-11, or at 1e-11 times `size`; the last step
    /// squares that error.
    let root
        (size: float)
        (low: torch.Tensor)
        (high: torch.Tensor)
        (evaluated: torch.Tensor -> struct (torch.Tensor * torch.Tensor))
        : torch.Tensor =
        let step (left: int) (low: torch.Tensor) (high: torch.Tensor) (at: torch.Tensor) =
            let struct (value, slope) = evaluated at
            let isAbove = value.gt (0.0.AsScalar())
            let low, high = torch.where (isAbove, at, low), torch.where (isAbove, high, at)
            let next = torch.where (value.eq (0.0.AsScalar()), at, at - value / slope)
            let next = next.maximum(low).minimum high
            let isFound = ((next - at).abs()).le(at.abs().clamp_min(size.AsScalar()) * 1e-11.AsScalar())
            let isLast = left = 0 || isFound.all().item<bool>()

            let next =
                if not isLast && left % 8 = 0 then
                    torch.where (isFound, next, low / 2.0.AsScalar() +. high / 2.0.AsScalar())
                else
                    next

            low, high, next, isLast

        let rec go (left: int) (low: torch.Tensor) (high: torch.Tensor) (at: torch.Tensor) =
            let low, high, next, isLast =
                Tensors.keeping (fun (low, high, next, _) -> [ low; high; next ]) (fun () -> step left low high at)

            if isLast then next else go (left - 1) low high next

        go mostSteps low high (low / 2.0.AsScalar() +. high / 2.0.AsScalar())

    /// Moves vectors that are in the cone up to rounding into the cone.
    let within (ratio: float) (vectors: torch.Tensor) : torch.Tensor =
        vectors.maximum (greatest vectors / ratio.AsScalar())

    /// The nearest vectors, at least this share of the largest modulus: entries are cut off at t and at `ratio t`, for the t at
    /// which `sum (t - s_i)_+ = ratio sum (s_i - ratio t)_+`. In double precision; a vector of zeros counts as one of size 1.
    let nearest (ratio: float) (least: float) (vectors: torch.Tensor) : torch.Tensor =
        let wide = Tensors.inDouble vectors
        let unit = Norms.oneWhereZero (Norms.largest wide [| wide.dim () - 1L |])
        let s = wide / unit
        let ratio = ratio.AsScalar()

        let cut (t: torch.Tensor) = struct (s.lt(t).``to`` s.dtype, s.gt(t * ratio).``to`` s.dtype)

        let evaluated (t: torch.Tensor) =
            let struct (isBelow, isAbove) = cut t
            let value = sum ((s - t * ratio) * isAbove) * ratio - sum ((t - s) * isBelow)
            struct (value, -(sum isAbove * ratio * ratio +. sum isBelow))

        let zeros = torch.zeros_like (smallest s)
        let t = root 1e-300 zeros (torch.ones_like zeros) evaluated
        let t = t.clamp_min (least.AsScalar())
        s.maximum(t).minimum(t * ratio) * unit

/// Positive vectors (the last dimension) whose largest entry is less than c times the smallest: `w_i = exp m c^(tanh(d_i / r) / 2)`
/// with the mean m of x, `d = x - m` and `r = log c / 2`. One to one: m is the only number for which the d that yield W / exp m
/// have the mean 0. O(n).
type internal BoundedRatioNode(ratio: float) =
    inherit Node()

    let half = log ratio / 2.0

    let parts (x: torch.Tensor) =
        let x = Entrywise.within (sqrt (Form.greatest x.dtype)) x
        let mean = x.mean ([| -1L |], keepdim = true)
        struct (mean, (x - mean) / half.AsScalar())

    /// How far the largest entry is beyond what it may be, and what rounding may do, as shares of it; entries below the smallest
    /// normal number are rounded in a unit of their own.
    let excess (tensor: torch.Tensor) (epsilon: float) =
        let wide = Tensors.inDouble tensor
        let greatest, smallest = Ratios.greatest wide, Ratios.smallest wide
        let step = Form.smallest (Form.halfOf epsilon |> Option.defaultValue tensor.dtype)
        // Two tensors are divided, because a number over a tensor uses reciprocals, which are infinite for tiny numbers.
        let tiny = torch.full_like (greatest, (step * (1.0 + ratio)).AsScalar()) / greatest
        let beyond = 1.0.AsScalar() .- smallest / greatest * ratio.AsScalar()
        struct (beyond, (tiny .+ (Tensors.roundoff epsilon 1.0).AsScalar()))

    let isPositive (tensor: torch.Tensor) = (Ratios.smallest (Tensors.inDouble tensor)).gt(0.0.AsScalar())

    let isAllowed (tensor: torch.Tensor) (epsilon: float) =
        let struct (beyond, limit) = excess tensor epsilon
        (isPositive tensor).logical_and(beyond.le limit)

    /// Which vectors are on the edge, up to rounding: the derivative is zero there.
    let isOnEdge (tensor: torch.Tensor) (epsilon: float) =
        let struct (beyond, limit) = excess tensor epsilon
        beyond.ge -limit

    /// The parameter of vectors in the cone. Those on the edge are moved inside by this share of log c.
    let inverse (inside: float) (vectors: torch.Tensor) =
        let y = (Tensors.inDouble vectors).log()
        let low, high = Ratios.smallest y, Ratios.greatest y
        // y + 2 r is above the largest by h + e and the smallest by h - e, for e = h tanh v.
        let h = ((low - high) / 2.0.AsScalar() .+ half.AsScalar()).clamp_min((half * inside).AsScalar())
        let above, below = (high - y).log(), (y - low).log()
        let twice = (h * 2.0.AsScalar()).log()

        let sides (v: torch.Tensor) =
            let v = v * 2.0.AsScalar()
            let low, high = twice - Entrywise.softplus v, twice - Entrywise.softplus -v
            struct (low, below.logaddexp low, high, above.logaddexp high)

        let evaluated (v: torch.Tensor) =
            let struct (low, toLow, high, toHigh) = sides v
            let falling = (low - toLow).exp() * (v * 2.0.AsScalar()).sigmoid()
            let rising = (high - toHigh).exp() * (v * (-2.0).AsScalar()).sigmoid()
            let sum (tensor: torch.Tensor) = tensor.sum ([| -1L |], keepdim = true)
            struct (sum (toLow - toHigh), sum (falling +. rising) * (-2.0).AsScalar())

        let bound = torch.full_like (h, (40.0 * float (Tensors.last y) + 100.0).AsScalar())
        let v = Ratios.root 1.0 -bound bound evaluated
        let struct (_, toLow, _, toHigh) = sides v
        (low +. high) / 2.0.AsScalar() +. h * v.tanh () +. (toLow - toHigh) * (half / 2.0).AsScalar()

    override _.Code = Code.call "boundedRatio" [ Code.Float ratio ]
    override this.Inputs form = Node.same this { Requirement.vectors with Complex = false } form
    override _.Codomain _ = RatioSpace ratio

    override _.Forward(inputs, _) =
        let struct (mean, d) = parts inputs[0]
        let struct (least, greatest) = Entrywise.exponents mean.dtype
        // The mean is clamped, so that no single entry has to be clamped at an end of the range.
        let room = min half ((greatest - least) / 2.0)
        let size = mean.clamp((least + room).AsScalar(), (greatest - room).AsScalar()).exp()
        let w = size * (d.tanh () * half.AsScalar()).exp()
        w.clamp ((Form.smallest w.dtype).AsScalar(), (Form.greatest w.dtype).AsScalar())

    override _.Contains(_, tensor, epsilon) =
        let smallest = Tensors.number (tensor.min ())

        if smallest > 0.0 then
            let struct (beyond, limits) = excess tensor epsilon
            let worst = (beyond - limits).argmax()
            let at (tensor: torch.Tensor) = Tensors.number (tensor.flatten().[worst])
            Violation.unless (invariant $"max w <= {ratio} min w (over the largest)") (at beyond) (at limits)
        else
            Error { Condition = "w_i > 0"; Size = -smallest; Limit = 0.0 }

    override _.Invert(_, tensor, epsilon, want) =
        let wide = Tensors.inDouble tensor
        let inside = 4.0 * Form.epsilon tensor.dtype
        let within = Ratios.within ratio wide

        let found =
            match want with
            | Want.Exact -> inverse inside within
            | Want.Nearest ->
                let nearest = Ratios.nearest ratio epsilon wide
                inverse inside (torch.where (isAllowed tensor epsilon, within, nearest))
            | Want.Start ->
                // For a vector that is far from positive, the nearest one is too small to train.
                let sized = Ratios.nearest ratio Entrywise.leastStart wide
                let isInside = (isAllowed tensor epsilon).logical_and((isOnEdge tensor epsilon).logical_not())
                torch.where (isInside, inverse inside within, inverse (1.0 / 3.0) sized)

        NodeParts.ofInput (found.``to`` tensor.dtype)

    interface IHasEdge with
        member _.TouchesEdge(tensor, epsilon) = (isOnEdge tensor epsilon).any().item<bool>()

    interface INarrows with
        member _.Narrow(tensor, dtype) = (Entrywise.inRangeOf dtype tensor).``to`` dtype

    interface IVolume with
        /// `sum_i log w_i + sum_i log q_i + log(mean_i 1 / q_i)` for each vector, with `q_i = 1 - tanh^2(d_i / r)`.
        member _.LogVolume(inputs, _) =
            let struct (mean, d) = parts inputs[0]
            let count = Tensors.last d
            let modulus = d.abs ()
            let soft = Entrywise.softplus (modulus * (-2.0).AsScalar())
            let q = (modulus +. soft - (log 2.0).AsScalar()) * (-2.0).AsScalar()
            let last = [| -1L |]

            (mean +. d.tanh () * half.AsScalar()).sum(last) +. q.sum last +. (-q).logsumexp(-1L)
            - (log (float count)).AsScalar()

    interface ISampled with
        /// A normal modulus, times factors whose logarithms are uniform.
        member _.Sample(form, generator) =
            let sizes = Array.append form.Shape[.. form.Shape.Length - 2] [| 1L |]
            let size = (Form.normal generator { form with Shape = sizes }).abs()
            let uniform = Form.uniform generator form
            let factors = ((uniform * 2.0.AsScalar() - 1.0.AsScalar()) * half.AsScalar()).exp()
            size.clamp_min ((Form.epsilon form.Dtype).AsScalar()) * factors

namespace Parametrize.Values

open System
open Parametrize

/// The value `boundedRatio`.
[<AutoOpen>]
module BoundedRatioValues =

    /// Positive vectors (the last dimension) whose largest entry is at most `ratio` times the smallest: singular values of
    /// matrices of a bounded condition number. `exp(m) ratio^(tanh(d_i / r) / 2)` with the mean m of x, `d = x - m` and
    /// `r = log(ratio) / 2`: one to one. O(n). Projects to the nearest one, which clamps entries to t and `ratio t` for some t.
    /// Vectors on the edge start with a ratio of at most `ratio^(3/4)`. Throws ArgumentException for a ratio that is not above 1
    /// and finite.
    let boundedRatio (ratio: float) : Parametrization =
        if not (ratio > 1.0 && Double.IsFinite ratio) then
            invalidArg (nameof ratio) (invariant $"The ratio must be above 1 and finite, but it is {ratio}.")

        Parametrization.ofNode (BoundedRatioNode ratio)
