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

/// Positive tensors, entry by entry.
type internal PositiveLink(map: PositiveMap) =
    inherit Link()

    override _.Code =
        match map with
        | PositiveMap.Softplus -> "positive"
        | other -> $"positiveBy PositiveMap.{other}"

    override _.Requirement = Requirement.realEntries

    override _.Domain = if map = PositiveMap.Square then Domain.free else Domain.Anything

    override _.Codomain = if map = PositiveMap.Square then Space.NonNegative else Space.Positive

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

    override _.Narrow(tensor, dtype) =
        match map with
        | PositiveMap.Square -> Entrywise.saturated dtype tensor
        | _ -> (Entrywise.inRangeOf dtype tensor).``to`` dtype

    override _.Contains(_, tensor, _) =
        let smallest = Tensors.number (tensor.min ())

        match map with
        | PositiveMap.Square -> Violation.unless "W_ij >= 0" -smallest 0.0
        | _ when smallest > 0.0 -> Ok()
        | _ -> Error { Condition = "W_ij > 0"; Size = -smallest; Limit = 0.0 }

    override _.RightInverse(_, tensor, _) =
        let wide = Tensors.inDouble tensor

        let inverse =
            match map with
            | PositiveMap.Softplus -> Entrywise.softplusInverse wide
            | PositiveMap.Exp -> wide.log ()
            | PositiveMap.Square -> wide.sqrt ()

        LinkParts.ofInput (inverse.``to`` tensor.dtype)

    override _.Nearest(tensor, epsilon) =
        match map with
        | PositiveMap.Square -> tensor.relu ()
        | _ -> torch.where (tensor.gt (0.0.ToScalar()), tensor, torch.full_like (tensor, epsilon.ToScalar()))

    override _.Sample(form, generator) =
        (Form.normal generator form).abs().clamp_min((Form.epsilon form.Dtype).ToScalar())
