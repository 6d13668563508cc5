namespace Parametrize

open TorchSharp

[<RequireQualifiedAccess>]
module internal AffineSpaces =

    /// The space of `factor x + offset` behind another.
    let image (factor: float) (offset: float) (before: Space) : Space =
        let isKept =
            before.IsClosedUnder Closure.Everything
            || offset = 0.0
               && before.IsClosedUnder Closure.Scaling
               && (factor > 0.0 || before.IsClosedUnder Closure.Negation)

        // The nearest supersets that the map does not leave.
        let rec larger (space: Space) : Space list =
            [
                for superset in space.Supersets do
                    if offset = 0.0 && factor > 0.0 && superset.IsClosedUnder Closure.Scaling then
                        superset
                    else
                        yield! larger superset
            ]

        if isKept then
            before
        else
            let larger = larger before
            let left = larger |> List.tryFind _.IsLeftByRounding

            { new Space((invariant $"{factor} x + {offset} of {before.Name}"),
                        larger,
                        Space.common [ Closure.Reordering; Closure.EntrywiseChoice; Closure.Transposition ] [ before ]) with
                override _.Interior = factor * before.Interior + offset
                override _.Dimension form = before.Dimension form
                override _.IsLeftByRounding = left.IsSome

                // Entries beyond the range of the element type become infinite.
                override _.Rounded(tensor, dtype) =
                    match left with
                    | None -> tensor.``to`` dtype
                    | Some space ->
                        let isBeyond = tensor.abs().gt((Form.greatest dtype).AsScalar())
                        torch.where (isBeyond, tensor.``to`` dtype, space.Rounded(tensor, dtype))
            }

/// `W = factor X + offset`, entry by entry: a bijection.
type internal AffineNode(name: string, factor: float, offset: float) =
    inherit Node()

    let size = if name = "scale" then factor else offset

    /// What yields the tensor, within the numbers of that element type.
    let inputIn (dtype: torch.ScalarType) (tensor: torch.Tensor) =
        let exact = (Tensors.inDouble tensor - offset.AsScalar()) / factor.AsScalar()
        (Entrywise.within (Form.greatest dtype) exact).``to`` tensor.dtype

    let input (tensor: torch.Tensor) = inputIn tensor.dtype tensor

    override _.Code = Code.call name [ Code.Float size ]
    override this.Inputs form = Node.same this Requirement.entries form
    override _.Domains = [ Domain.AnySpace ]
    override _.Codomain before = AffineSpaces.image factor offset before.Head
    override _.Forward(inputs, _) = inputs[0] * factor.AsScalar() .+ offset.AsScalar()

    /// Whether `input`, in numbers of the element type, yields W again. Digits that are lost beside the offset count as rounding,
    /// and so does one smallest number.
    member private this.ContainsFrom(input: torch.Tensor, tensor: torch.Tensor, epsilon: float) =
        let made = this.Forward([| input |], [||]) |> Entrywise.within (Form.greatest tensor.dtype)
        let rounding = Tensors.roundoff epsilon (max (abs offset) (Tensors.largest tensor))
        let allowed = max rounding (Form.smallest (Form.callersType epsilon tensor.dtype))
        Violation.unless $"W comes back from {Node.text this}" (Tensors.distance tensor made) allowed

    override this.Contains(_, tensor, epsilon) =
        let dtype = Form.callersType epsilon tensor.dtype
        this.ContainsFrom((inputIn dtype tensor).``to``(dtype).``to`` tensor.dtype, tensor, epsilon)

    override _.Invert(_, tensor, _, _) = NodeParts.ofInput (input tensor)

    interface IEntrywise

    interface IReaches with
        /// An entry and its parameter differ by the offset, so one of them has at least half its size.
        member _.Least(_, readsParameters) = if readsParameters then abs offset / 2.0 else 0.0

    interface IHoldsNumbers with
        member _.Factors = [ factor ]
        member _.Offsets = [ offset ]

    interface IRoundsParameter with
        member this.ContainsBehind(tensor, epsilon) = this.ContainsFrom(input tensor, tensor, epsilon)

    interface IBijection with
        member _.Back tensor = (tensor - offset.AsScalar()) / factor.AsScalar()

    interface IDimension with
        member _.Dimension(_, before, _) = snd before.Head

    interface IDeterminant with
        member _.LogAbsDet(inputs, _, ofInput) : torch.Tensor | null =
            if offset = 0.0 then
                ofInput.Invoke 0 .+ (float (Tensors.last inputs[0]) * log (abs factor)).AsScalar()
            else
                null

    interface ISolves with
        member _.Solve(_, _, right, isTransposed, solveInput) =
            if offset = 0.0 then
                solveInput.Invoke(0, right, isTransposed) / factor.AsScalar()
            else
                null

    interface ISimilar with
        member _.LogFactor = log (abs factor)

namespace Parametrize.Values

open System
open Parametrize

/// The values `scale` and `shift`.
[<AutoOpen>]
module AffineValues =

    /// `factor X`: every tensor. Throws ArgumentException for a factor that is zero or not finite.
    let scale (factor: float) : Parametrization =
        if factor = 0.0 || not (Double.IsFinite factor) then
            invalidArg (nameof factor) (invariant $"The factor must be finite and not zero, but it is {factor}.")

        Parametrization.ofNode (AffineNode("scale", factor, 0.0))

    /// `X + offset`: every tensor, up to the digits that are lost beside the offset. Registering or assigning W rounds
    /// `W - offset` to the element type. That changes W by at most half a unit of the offset's last digit: by 0.03 for
    /// `shift 1e6` in float32, however small W is. Throws ArgumentException for an offset that is not finite.
    let shift (offset: float) : Parametrization =
        if not (Double.IsFinite offset) then
            invalidArg (nameof offset) (invariant $"The offset must be finite, but it is {offset}.")

        Parametrization.ofNode (AffineNode("shift", 1.0, offset))
