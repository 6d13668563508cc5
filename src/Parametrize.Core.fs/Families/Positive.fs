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

/// Functions on entries that positive tensors and half lines share.
[<RequireQualifiedAccess>]
module internal Entrywise =

    /// The smallest and largest positive normal numbers, between which results are kept: an underflow to zero or an
    /// overflow would leave the space.
    let private range (dtype: torch.ScalarType) : struct (float * float) =
        match dtype with
        | torch.ScalarType.Float64 -> struct (2.2250738585072014e-308, 1.7976931348623157e308)
        | torch.ScalarType.Float16 -> struct (6.103515625e-5, 65504.0)
        | torch.ScalarType.BFloat16 -> struct (1.17549435e-38, 3.3895313892515355e38)
        | _ -> struct (1.17549435e-38, 3.4028234e38)

    let least (dtype: torch.ScalarType) : float =
        let struct (least, _) = range dtype
        least

    let greatest (dtype: torch.ScalarType) : float =
        let struct (_, greatest) = range dtype
        greatest

    let inRangeOf (dtype: torch.ScalarType) (tensor: torch.Tensor) : torch.Tensor =
        tensor.clamp ((least dtype).ToScalar(), (greatest dtype).ToScalar())

    let inRange (tensor: torch.Tensor) : torch.Tensor = inRangeOf tensor.dtype tensor

    /// Rounded to a 16-bit type, whose largest number stands for larger ones.
    let saturated (dtype: torch.ScalarType) (tensor: torch.Tensor) : torch.Tensor =
        let greatest = greatest dtype
        tensor.clamp((-greatest).ToScalar(), greatest.ToScalar()).``to`` dtype

    /// The same in place, for results that their own backward pass does not need.
    let keepInRange (tensor: torch.Tensor) : unit =
        use _ = torch.no_grad ()
        tensor.clamp_ ((least tensor.dtype).ToScalar(), (greatest tensor.dtype).ToScalar()) |> ignore

    /// `log(1 + exp x)` without overflow, accurate for very negative x; beyond 40 it is x to the last digit.
    let softplus (tensor: torch.Tensor) : torch.Tensor = torch.nn.functional.softplus (tensor, 1.0, 40.0)

    /// The inverse of `softplus` on positive numbers: `y + log(1 - exp(-y))`.
    let softplusInverse (tensor: torch.Tensor) : torch.Tensor = tensor + (-((-tensor).expm1())).log()

    /// The space of a bijection on entries behind another, of which it keeps what one function of all entries keeps.
    let image (own: Space) (before: Space) : Space =
        if before.IsClosedUnder Closure.EntrywiseMaps then
            Space.intersect before own
        else
            own

[<RequireQualifiedAccess>]
module internal PositiveSpaces =

    let private cone = [ Closure.Scaling; Closure.RowScaling; Closure.Sum; Closure.Transposition ]

    let nonNegative: Space =
        { new Space("non-negative tensors", [], Closure.Zeroing :: Closure.EntrywiseChoice :: cone) with
            override _.Dimension form = System.Nullable(Form.reals form)
        }

    let positive: Space =
        { new Space("positive tensors", [ nonNegative ], Closure.EntrywiseChoice :: cone) with
            override _.Dimension form = System.Nullable(Form.reals form)
            override _.Interior = 1.0
        }

/// Positive tensors, entry by entry.
type internal PositiveNode(map: PositiveMap) =
    inherit Node()

    let isSquare = (map = PositiveMap.Square)

    let nearest (tensor: torch.Tensor) (epsilon: float) =
        match map with
        | PositiveMap.Square -> tensor.relu ()
        | _ -> torch.where (tensor.gt (0.0.ToScalar()), tensor, torch.full_like (tensor, epsilon.ToScalar()))

    let inverse (tensor: torch.Tensor) =
        let wide = Tensors.inDouble tensor

        let inverse =
            match map with
            | PositiveMap.Softplus -> Entrywise.softplusInverse wide
            | PositiveMap.Exp -> wide.log ()
            | PositiveMap.Square -> wide.sqrt ()

        inverse.``to`` tensor.dtype

    override _.Code =
        match map with
        | PositiveMap.Softplus -> Code.name "positive"
        | other -> Code.call "positiveBy" [ Code.Symbol $"PositiveMap.{other}" ]

    override this.Inputs form = Node.same this Requirement.realEntries form
    override _.Domains = [ if isSquare then Domain.free else Domain.AnySpace ]

    override _.Codomain before =
        if isSquare then
            PositiveSpaces.nonNegative
        else
            Entrywise.image PositiveSpaces.positive before.Head

    override _.Forward(inputs, _) =
        let x = inputs[0]

        match map with
        | PositiveMap.Softplus ->
            let y = Entrywise.softplus x
            // In place and without gradients: the derivative of softplus at the ends of the range is that of the clamp.
            Entrywise.keepInRange y
            y
        | PositiveMap.Exp -> Entrywise.inRange (x.exp ())
        | PositiveMap.Square -> x.square().clamp_max((Entrywise.greatest x.dtype).ToScalar())

    override _.Contains(_, tensor, _) =
        let smallest = Tensors.number (tensor.min ())

        match map with
        | PositiveMap.Square -> Violation.unless "W_ij >= 0" -smallest 0.0
        | _ when smallest > 0.0 -> Ok()
        | _ -> Error { Condition = "W_ij > 0"; Size = -smallest; Limit = 0.0 }

    override _.Invert(_, tensor, epsilon, want) =
        NodeParts.ofInput (inverse (if want = Want.Exact then tensor else nearest tensor epsilon))

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

    interface ISampled with
        member _.Sample(form, generator) =
            (Form.normal generator form).abs().clamp_min((Form.epsilon form.Dtype).ToScalar())

namespace Parametrize.Values

open Parametrize

[<AutoOpen>]
module PositiveValues =

    /// Positive tensors by the given function of each entry.
    let positiveBy (map: PositiveMap) : Parametrization = Parametrization.ofNode (PositiveNode map)

    /// Positive tensors by softplus.
    let positive: Parametrization = positiveBy PositiveMap.Softplus
