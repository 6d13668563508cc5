namespace Parametrize

open TorchSharp

/// The range of element types, and functions on entries that several families share.
[<RequireQualifiedAccess>]
module internal Entrywise =

    /// The smallest and largest positive normal numbers.
    let private range (dtype: torch.ScalarType) : struct (float * float) =
        match dtype with
        | torch.ScalarType.Float64
        | torch.ScalarType.ComplexFloat64 -> struct (2.2250738585072014e-308, 1.7976931348623157e308)
        | torch.ScalarType.Float16 -> struct (6.103515625e-5, 65504.0)
        | torch.ScalarType.BFloat16 -> struct (1.17549435e-38, 3.3895313892515355e38)
        | _ -> struct (1.17549435e-38, 3.4028234e38)

    let least (dtype: torch.ScalarType) : float =
        let struct (least, _) = range dtype
        least

    let greatest (dtype: torch.ScalarType) : float =
        let struct (_, greatest) = range dtype
        greatest

    /// The smallest positive number, which is not normal: what is smaller than normal ones is kept as it is.
    let smallest (dtype: torch.ScalarType) : float =
        match dtype with
        | torch.ScalarType.Float64
        | torch.ScalarType.ComplexFloat64 -> 4.9406564584124654e-324
        | torch.ScalarType.Float16 -> 5.9604644775390625e-8
        | torch.ScalarType.BFloat16 -> 9.183549615799121e-41
        | _ -> 1.401298464324817e-45

    /// The element type with that distance from 1 to the next number.
    let private dtypeOf (epsilon: float) : torch.ScalarType =
        [ torch.ScalarType.Float16; torch.ScalarType.BFloat16; torch.ScalarType.Float64 ]
        |> List.tryFind (fun dtype -> Form.epsilon dtype = epsilon)
        |> Option.defaultValue torch.ScalarType.Float32

    let greatestOf (epsilon: float) : float = greatest (dtypeOf epsilon)
    let leastOf (epsilon: float) : float = least (dtypeOf epsilon)

    /// In the numbers of the element type with that distance from 1 to the next number, where it has 16 bits.
    let roundedTo (epsilon: float) (tensor: torch.Tensor) : torch.Tensor =
        Form.halfOf epsilon
        |> Option.map (fun dtype -> (tensor.``to`` dtype).``to`` tensor.dtype)
        |> Option.defaultValue tensor

    /// No real or imaginary part larger than this. Differentiable.
    let within (limit: float) (tensor: torch.Tensor) : torch.Tensor =
        if tensor.is_complex () then
            tensor.resolve_conj().view_as_real().clamp((-limit).ToScalar(), limit.ToScalar()).view_as_complex()
        else
            tensor.clamp ((-limit).ToScalar(), limit.ToScalar())

    /// Infinities become the largest numbers, in place: for results that their own backward pass does not need.
    let keepFinite (tensor: torch.Tensor) : unit =
        use _ = torch.no_grad ()
        let greatest = greatest tensor.dtype
        let reals = if tensor.is_complex () then tensor.view_as_real () else tensor
        reals.clamp_ ((-greatest).ToScalar(), greatest.ToScalar()) |> ignore

    /// The mean modulus, in which what starts inside an open set keeps its distance from the edge; 1 for zeros, which have
    /// no scale of their own.
    let scale (tensor: torch.Tensor) : float =
        let largest = Tensors.largest tensor

        if largest > 0.0 then
            // In units of the largest entry: a sum could leave the range.
            Tensors.number ((Tensors.inDouble tensor).abs().div(largest.ToScalar()).mean()) * largest
        else
            1.0

    /// Between the smallest and the largest positive number: an underflow to zero or an overflow would leave the space.
    let inRangeOf (dtype: torch.ScalarType) (tensor: torch.Tensor) : torch.Tensor =
        tensor.clamp ((smallest dtype).ToScalar(), (greatest dtype).ToScalar())

    /// The numbers whose exponentials are numbers of the element type, and positive.
    let exponents (dtype: torch.ScalarType) : struct (float * float) =
        if dtype = torch.ScalarType.Float64 then
            struct (-744.44, 709.782712893384)
        else
            struct (-103.27, 88.72283)

    /// `exp x`, whose derivative is 0 where x is out of range: times an infinite one, that would not be a number.
    let exp (tensor: torch.Tensor) : torch.Tensor =
        let struct (least, greatest) = exponents tensor.dtype
        tensor.clamp(least.ToScalar(), greatest.ToScalar()).exp().clamp_min((smallest tensor.dtype).ToScalar())

    /// Rounded to a 16-bit type, whose largest number stands for larger ones.
    let saturated (dtype: torch.ScalarType) (tensor: torch.Tensor) : torch.Tensor =
        let greatest = greatest dtype
        tensor.clamp((-greatest).ToScalar(), greatest.ToScalar()).``to`` dtype

    /// The same in place, for results that their own backward pass does not need.
    let keepInRange (tensor: torch.Tensor) : unit =
        use _ = torch.no_grad ()
        tensor.clamp_ ((smallest tensor.dtype).ToScalar(), (greatest tensor.dtype).ToScalar()) |> ignore

    /// `log(1 + exp x)` without overflow, accurate for very negative x; beyond 40 it is x to the last digit.
    let softplus (tensor: torch.Tensor) : torch.Tensor = torch.nn.functional.softplus (tensor, 1.0, 40.0)

    /// The inverse of `softplus` on positive numbers: `y + log(1 - exp(-y))`.
    let softplusInverse (tensor: torch.Tensor) : torch.Tensor = tensor + (-((-tensor).expm1())).log()

    /// `log(1 / (1 + exp(-x)))`, the logarithm of the derivative of softplus.
    let logSigmoid (tensor: torch.Tensor) : torch.Tensor = -(softplus -tensor)

    /// The space of a bijection on entries behind another, of which it keeps what one function of all entries keeps.
    let image (own: Space) (before: Space) : Space =
        if before.IsClosedUnder Closure.EntrywiseMaps then
            Space.intersect before own
        else
            own
