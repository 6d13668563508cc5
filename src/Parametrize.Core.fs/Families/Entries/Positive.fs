namespace Parametrize

open TorchSharp

/// How `positiveBy` makes a number positive.
[<RequireQualifiedAccess>]
type PositiveMap =
    /// `log(1 + exp x)`: linear far from zero.
    | Softplus
    /// `exp x`
    | Exp
    /// `x^2`: reaches zero, and forgets the sign of x.
    | Square

[<RequireQualifiedAccess>]
module internal PositiveSpaces =

    let private cone =
        [ Closure.Scaling; Closure.RowScaling; Closure.Sum; Closure.Reordering; Closure.Transposition ]

    let nonNegative: Space =
        { new Space("non-negative tensors", [], Closure.Zeroing :: Closure.EntrywiseChoice :: cone) with
            override _.Dimension form = System.Nullable(Form.reals form)
        }

    let positive: Space =
        { new Space("positive tensors", [ nonNegative ], Closure.EntrywiseChoice :: cone) with
            override _.Dimension form = System.Nullable(Form.reals form)
            override _.Interior = 1.0
            override _.IsLeftByRounding = true
            override _.Rounded(tensor, dtype) = (Entrywise.inRangeOf dtype tensor).``to`` dtype
        }

    /// Whether no tensor of the value has a negative entry.
    let holdAllOf (value: Parametrization) : bool = (Array.last value.Program.Spaces.Value).IsWithin nonNegative

/// Positive tensors, entry by entry.
type internal PositiveNode(map: PositiveMap) =
    inherit Node()

    let isSquare = (map = PositiveMap.Square)

    let nearest (tensor: torch.Tensor) (epsilon: float) =
        match map with
        | PositiveMap.Square -> tensor.relu ()
        | _ -> torch.where (tensor.gt (0.0.AsScalar()), tensor, torch.full_like (tensor, epsilon.AsScalar()))

    /// Positive entries stay. Others start at the scale of the tensor, away from zero; not farther than 1 where
    /// derivatives grow with the value, so that a step does not overshoot. A zero that is allowed stays one up to rounding.
    let inside (tensor: torch.Tensor) (epsilon: float) =
        let start = Entrywise.start tensor
        let distance = if map = PositiveMap.Softplus then start else min 1.0 start
        let started = torch.full_like (tensor, distance.AsScalar())
        let zero = torch.full_like (tensor, (epsilon * epsilon * Entrywise.scale tensor).AsScalar())

        let started =
            if isSquare then
                torch.where (tensor.eq (0.0.AsScalar()), zero, started)
            else
                started

        torch.where (tensor.gt (0.0.AsScalar()), tensor, started)

    let inverseOf (tensor: torch.Tensor) =
        let wide = Entrywise.withFiniteSlopes tensor.dtype (Tensors.inDouble tensor)

        let inverse =
            match map with
            | PositiveMap.Softplus -> Entrywise.softplusInverse wide
            | PositiveMap.Exp ->
                let struct (least, greatest) = Entrywise.exponents tensor.dtype
                wide.log().clamp(least.AsScalar(), greatest.AsScalar())
            | PositiveMap.Square -> wide.sqrt ()

        inverse.``to`` tensor.dtype

    let inverse = Entrywise.byPieces inverseOf

    /// The right inverse, entry by entry. Differentiable.
    member _.Inverse(tensor: torch.Tensor) : torch.Tensor = inverse tensor

    override _.Code =
        match map with
        | PositiveMap.Softplus -> Code.name "positive"
        | other -> Code.call "positiveBy" [ Code.Symbol $"PositiveMap.{other}" ]

    override this.Inputs form = Node.same this Requirement.realEntries form
    override _.Domains = [ if isSquare then Domain.free else Domain.AnySpace ]

    override this.Codomain before =
        if isSquare then
            PositiveSpaces.nonNegative
        else
            Entrywise.image
                PositiveSpaces.positive
                before.Head
                (Entrywise.ofNumber (fun x -> this.Forward([| x |], [||])))

    override _.Forward(inputs, _) =
        let x = inputs[0]

        match map with
        | PositiveMap.Softplus ->
            let y = Entrywise.softplus x
            // In place and without gradients: the derivative of softplus at the ends of the range is that of the clamp.
            Entrywise.keepInRange y
            y
        | PositiveMap.Exp -> Entrywise.exp x
        | PositiveMap.Square -> x.Squared().clamp_max((Form.greatest x.dtype).AsScalar())

    override _.Contains(_, tensor, _) =
        let smallest = Tensors.number (tensor.min ())

        match map with
        | PositiveMap.Square -> Violation.unless "W_ij >= 0" -smallest 0.0
        | _ when smallest > 0.0 -> Ok()
        | _ -> Error { Condition = "W_ij > 0"; Size = -smallest; Limit = 0.0 }

    override _.Invert(_, tensor, epsilon, want) =
        let allowed =
            match want with
            | Want.Exact -> tensor
            | Want.Nearest -> nearest tensor epsilon
            | Want.Start -> inside tensor epsilon

        NodeParts.ofInput (inverse allowed)

    interface IHasOpenEdge with
        member _.IsOnEdge tensor = tensor.le (0.0.AsScalar())

    interface IHasEdge with
        member _.TouchesEdge(tensor, _) = isSquare && Tensors.number (tensor.min ()) = 0.0

    interface INarrows with
        member _.Narrow(tensor, dtype) =
            match map with
            | PositiveMap.Square -> Entrywise.saturated dtype tensor
            | _ -> (Entrywise.inRangeOf dtype tensor).``to`` dtype

    interface IDimension with
        member _.Dimension(form, before, _) =
            match before.Head with
            | _, dimension when not isSquare || dimension = Some(Form.reals form) -> dimension
            | _ -> None

    interface ISaturates with
        /// Squares have no largest derivative, so slopes are relative to that of the largest entry.
        member _.Slopes(inputs, _) =
            match map with
            | PositiveMap.Softplus -> inputs[0].sigmoid()
            | PositiveMap.Exp -> null
            | PositiveMap.Square ->
                let sizes = inputs[0].abs()
                if sizes.numel () = 0L then sizes else (sizes / sizes.max ()).nan_to_num 0.0

    interface IVolume with
        member _.LogVolume(inputs, _) =
            let x = inputs[0]

            match map with
            | PositiveMap.Softplus -> Entrywise.logSigmoid x
            | PositiveMap.Exp -> x.alias ()
            | PositiveMap.Square -> (x.abs () * (2.0).AsScalar()).log()

    interface ISampled with
        member _.Sample(form, generator) =
            (Form.normal generator form).abs().clamp_min((Form.epsilon form.Dtype).AsScalar())

/// By a function that has an inverse on all positive numbers.
type internal PositiveBijectionNode(map: PositiveMap) =
    inherit PositiveNode(map)

    interface IBijection with
        member this.Back tensor = this.Inverse(Entrywise.inRangeOf tensor.dtype tensor)

namespace Parametrize.Values

open Parametrize

/// The values `positiveBy` and `positive`.
[<AutoOpen>]
module PositiveValues =

    /// Positive tensors by the given function of each entry.
    let positiveBy (map: PositiveMap) : Parametrization =
        Parametrization.ofNode (if map = PositiveMap.Square then PositiveNode map else PositiveBijectionNode map)

    /// Positive tensors by softplus.
    let positive: Parametrization = positiveBy PositiveMap.Softplus
