namespace Parametrize

open System
open TorchSharp

[<RequireQualifiedAccess>]
module internal BoundedSpaces =

    let interval (lo: float) (hi: float) : Space =
        let inside =
            if Double.IsInfinity hi then lo + 1.0
            elif Double.IsInfinity lo then hi - 1.0
            elif Double.IsInfinity(hi - lo) then lo / 2.0 + hi / 2.0
            else lo + (hi - lo) / 2.0

        let supersets =
            if lo > 0.0 then [ PositiveSpaces.positive ]
            elif lo = 0.0 then [ PositiveSpaces.nonNegative ]
            else []

        { new Space((invariant $"tensors between {lo} and {hi}"),
                    supersets,
                    [ Closure.EntrywiseChoice; Closure.Reordering; Closure.Transposition ]) with
            override _.Dimension form = Nullable(Form.reals form)
            override _.Interior = inside
        }

/// Tensors between two numbers: `lo + (hi - lo) sigmoid x`, which is `hi tanh (x / 2)` between -hi and hi, or a half line by
/// softplus when the other end is infinite.
type internal BoundedNode(lo: float, hi: float) =
    inherit Node()

    let space = BoundedSpaces.interval lo hi
    let shown (bound: float) = if Double.IsInfinity bound then FSharpText.float bound else string bound

    /// The largest |x| at which sigmoid still tells x from infinity, so that a weight on the boundary,
    /// where rounding puts it, has a finite parameter.
    let limit (dtype: torch.ScalarType) = if dtype = torch.ScalarType.Float64 then 700.0 else 87.0

    let isSymmetric = lo = -hi

    /// The interval by its formula.
    let byFormula (x: torch.Tensor) =
        if isSymmetric then
            let unit = (x * 0.5.AsScalar()).tanh()
            if hi = 1.0 then unit else unit * hi.AsScalar()
        elif hi = 0.0 then
            (-x).sigmoid() * lo.AsScalar()
        else
            let above = if hi - lo = 1.0 then x.sigmoid () else x.sigmoid () * (hi - lo).AsScalar()
            if lo = 0.0 then above else above .+ lo.AsScalar()

    /// Whether the formula keeps the digits of all entries and slopes. Near an end that is not zero it does not. Never waits for
    /// a device.
    let isByFormula (x: torch.Tensor) =
        x.device_type = DeviceType.CPU
        && hi - lo <= Form.greatest x.dtype
        && x.numel () > 0L
        && let struct (least, greatest) = Tensors.ends x in
           (lo = 0.0 || least >= -8.0) && (hi = 0.0 || greatest <= 8.0) && not (Double.IsNaN least)

    /// From the nearer end, so that small distances to either bound keep their digits.
    let fromTheEnds (x: torch.Tensor) =
        let isLower = x.lt (0.0.AsScalar())
        let share = torch.where(isLower, x, -x).sigmoid()

        let ends =
            if hi - lo <= Form.greatest x.dtype then
                let distance = share * (hi - lo).AsScalar()
                torch.where (isLower, distance .+ lo.AsScalar(), hi.AsScalar() .- distance)
            else
                let half = share * (hi / 2.0 - lo / 2.0).AsScalar()
                torch.where (isLower, half .+ lo.AsScalar() +. half, hi.AsScalar() .- half - half)

        // The formula keeps the digits of small numbers.
        let made =
            if isSymmetric then
                torch.where (x.abs().lt(1.0.AsScalar()), byFormula x, ends)
            else
                ends

        made.clamp (lo.AsScalar(), hi.AsScalar())

    let above (tensor: torch.Tensor) = (tensor - lo.AsScalar()).relu()
    let below (tensor: torch.Tensor) = (hi.AsScalar() .- tensor).relu()

    /// The nearest tensor between the bounds.
    let nearest (tensor: torch.Tensor) = tensor.clamp (lo.AsScalar(), hi.AsScalar())

    /// How far inside the bound an entry still counts as on it: the element type may lack the bound itself.
    let onBound (bound: float) (epsilon: float) = epsilon * abs bound

    /// Where entries on a bound or beyond it start: at the scale of the tensor as seen from there, in an interval at most a
    /// tenth of it, where the derivative is a third of its largest. Others stay.
    let inside (tensor: torch.Tensor) (epsilon: float) =
        let distance (bound: float) =
            let half (wide: torch.Tensor) = wide / 2.0.AsScalar() - (bound / 2.0).AsScalar()
            let mean = Entrywise.meanModulus half tensor
            min (max Entrywise.leastStart (if mean = 0.0 then 0.5 else mean)) (hi / 10.0 - lo / 10.0)

        let from
            (bound: float)
            (started: Lazy<float>)
            (isOutside: torch.Tensor -> torch.Tensor)
            (tensor: torch.Tensor)
            =
            if Double.IsInfinity bound then
                tensor
            else
                let outside = isOutside (Tensors.inDouble tensor)
                torch.where (outside, torch.full_like (tensor, started.Value.AsScalar()), tensor)

        let low, high = lazy (lo + distance lo), lazy (hi - distance hi)

        let moved (tensor: torch.Tensor) =
            tensor
            |> from lo low (fun wide -> wide.le ((lo + onBound lo epsilon).AsScalar()))
            |> from hi high (fun wide -> wide.ge ((hi - onBound hi epsilon).AsScalar()))

        Entrywise.byPieces moved tensor

    let inverseOf (tensor: torch.Tensor) =
        let wide = Tensors.inDouble tensor
        let limit = limit tensor.dtype

        /// Applies `back` to the distances, with 1 in place of zeros, where its derivative is not finite; the results there
        /// become `atZero`.
        let awayFromZero (distance: torch.Tensor) (back: torch.Tensor -> torch.Tensor) (atZero: float) =
            let isZero = distance.eq (0.0.AsScalar())
            let found = torch.where (isZero, torch.ones_like distance, distance)
            let found = back (Entrywise.withFiniteSlopes tensor.dtype found)
            torch.where (isZero, torch.full_like (found, atZero.AsScalar()), found)

        let ofHalfLine (distance: torch.Tensor) =
            let struct (least, _) = Entrywise.exponents tensor.dtype
            (awayFromZero distance Entrywise.softplusInverse least).clamp_min(least.AsScalar())

        let inverse =
            if Double.IsInfinity hi then
                ofHalfLine (above wide)
            elif Double.IsInfinity lo then
                ofHalfLine (below wide)
            else
                // Halves: the whole interval may be longer than the largest number.
                let above = (wide / 2.0.AsScalar() - (lo / 2.0).AsScalar()).relu()
                let below = ((hi / 2.0).AsScalar() .- wide / 2.0.AsScalar()).relu()
                // A quotient, because a difference of logarithms rounds in the size of the logarithms. For numbers that are small
                // beside the ends, `log1p` gets the quotient minus 1.
                let quotient (above: torch.Tensor) (below: torch.Tensor) =
                    let far = (above / below).log()

                    if isSymmetric then
                        let isSmall = wide.abs().lt((hi / 2.0).AsScalar())
                        let small = torch.where (isSmall, wide, torch.zeros_like wide)
                        torch.where (isSmall, (small / below).log1p(), far)
                    else
                        far

                let between (above: torch.Tensor) = awayFromZero below (quotient above) limit

                (awayFromZero above between -limit).clamp((-limit).AsScalar(), limit.AsScalar())

        inverse.``to`` tensor.dtype

    let inverse = Entrywise.byPieces inverseOf

    override _.Code = Code.call "bounded" [ Code.Float lo; Code.Float hi ]

    override this.Inputs form =
        let unit = Form.epsilon (Form.widened form).Dtype * max (abs lo) (abs hi)

        if hi - lo < unit then
            let expected = invariant $"an element type with numbers between {lo} and {hi}"
            Error(ParametrizationError.WrongDtype(Node.text this, expected, string form.Dtype))
        else
            Node.same this Requirement.realEntries form

    override _.Domains = [ Domain.AnySpace ]

    override this.Codomain before =
        Entrywise.image space before.Head (Entrywise.ofNumber (fun x -> this.Forward([| x |], [||])))

    override _.Forward(inputs, _) =
        let x = inputs[0]

        if Double.IsInfinity hi then
            (Entrywise.softplus x .+ lo.AsScalar()).clamp_max((Form.greatest x.dtype).AsScalar())
        elif Double.IsInfinity lo then
            (hi.AsScalar() .- Entrywise.softplus x).clamp_min((-(Form.greatest x.dtype)).AsScalar())
        elif isByFormula x then
            byFormula x
        else
            fromTheEnds x

    override _.Contains(_, tensor, epsilon) =
        let below = lo - Tensors.number (tensor.min ())
        let above = Tensors.number (tensor.max ()) - hi
        // A bound that the element type cannot represent is rounded in every computation, to either side.
        let within (bound: float) (beyond: float) =
            let limit = if Double.IsFinite bound then epsilon * abs bound else 0.0
            Violation.unless $"{shown lo} <= W_ij <= {shown hi}" beyond limit

        within lo below |> Result.bind (fun () -> within hi above)

    override _.Invert(_, tensor, epsilon, want) =
        let allowed =
            match want with
            | Want.Exact -> tensor
            | Want.Nearest -> nearest tensor
            | Want.Start -> inside tensor epsilon

        NodeParts.ofInput (inverse allowed)

    interface IReaches with
        member _.Least(_, _) = max lo -hi |> max 0.0

    interface IHoldsNumbers with
        member _.Factors = []
        member _.Offsets = [ lo; hi ]

    interface IBijection with
        member _.Back tensor = inverse tensor

    interface IHasEdge with
        member _.TouchesEdge(tensor, epsilon) =
            Tensors.number (tensor.min ()) <= lo + onBound lo epsilon
            || Tensors.number (tensor.max ()) >= hi - onBound hi epsilon

    interface IHasOpenEdge with
        member _.IsOnEdge tensor = (tensor.le (lo.AsScalar())).logical_or(tensor.ge (hi.AsScalar()))

    interface INarrows with
        member _.Narrow(tensor, dtype) = Entrywise.saturated dtype tensor

    interface IDimension with
        member _.Dimension(_, before, _) = snd before.Head

    interface ISaturates with
        member _.Slopes(inputs, _) =
            let slope = inputs[0].sigmoid()

            if Double.IsInfinity lo || Double.IsInfinity hi then
                slope
            else
                slope * (-inputs[0]).sigmoid() * (4.0).AsScalar()

    interface IVolume with
        member _.LogVolume(inputs, _) =
            let x = inputs[0]

            if Double.IsInfinity lo || Double.IsInfinity hi then
                Entrywise.logSigmoid x
            else
                Entrywise.logSigmoid x +. Entrywise.logSigmoid -x
                .+ (log (hi / 2.0 - lo / 2.0) + log 2.0).AsScalar()

    interface ISampled with
        member _.Sample(form, generator) =
            if Double.IsInfinity lo || Double.IsInfinity hi then
                let distance = (Form.normal generator form).abs()

                if Double.IsInfinity hi then
                    distance .+ lo.AsScalar()
                else
                    hi.AsScalar() .- distance
            else
                let uniform = Form.uniform generator form
                let half = uniform * (hi / 2.0 - lo / 2.0).AsScalar()
                (half .+ lo.AsScalar() +. half).clamp(lo.AsScalar(), hi.AsScalar())

namespace Parametrize.Values

open System
open Parametrize

/// The values `bounded`, `unitInterval`, `above` and `below`.
[<AutoOpen>]
module BoundedValues =

    /// Tensors between `lo` and `hi`, one of which may be infinite. Throws ArgumentException unless lo < hi.
    let bounded (lo: float) (hi: float) : Parametrization =
        if not (lo < hi) then
            invalidArg (nameof hi) (invariant $"Bounds need lo < hi, but lo is {lo} and hi is {hi}.")

        if Double.IsInfinity lo && Double.IsInfinity hi then
            invalidArg (nameof hi) "Bounds need at least one finite end; the whole line has none."

        Parametrization.ofNode (BoundedNode(lo, hi))

    /// Tensors between 0 and 1, by the sigmoid: `bounded 0.0 1.0`.
    let unitInterval: Parametrization = bounded 0.0 1.0

    /// Tensors above a number, by softplus: `bounded lo infinity`. Throws ArgumentException unless it is finite.
    let above (lo: float) : Parametrization = bounded lo infinity

    /// Tensors below a number, by softplus: `bounded (-infinity) hi`. Throws ArgumentException unless it is finite.
    let below (hi: float) : Parametrization = bounded -infinity hi
