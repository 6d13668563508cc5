namespace Parametrize

open System
open System.Reflection
open TorchSharp

/// The range of element types, and functions on entries that several families share.
[<RequireQualifiedAccess>]
module internal Entrywise =

    let greatestOf (epsilon: float) (dtype: torch.ScalarType) : float = Form.greatest (Form.callersType epsilon dtype)
    let leastOf (epsilon: float) (dtype: torch.ScalarType) : float = Form.least (Form.callersType epsilon dtype)

    /// The tensor rounded to the 16-bit type with that distance from 1 to the next number; other tensors as they are.
    let roundedTo (epsilon: float) (tensor: torch.Tensor) : torch.Tensor =
        Form.halfOf epsilon
        |> Option.map (fun dtype -> (tensor.``to`` dtype).``to`` tensor.dtype)
        |> Option.defaultValue tensor

    /// No real or imaginary part larger than this. Differentiable.
    let within (limit: float) (tensor: torch.Tensor) : torch.Tensor =
        if tensor.is_complex () then
            (Tensors.reals tensor).clamp((-limit).AsScalar(), limit.AsScalar()).view_as_complex()
        else
            tensor.clamp ((-limit).AsScalar(), limit.AsScalar())

    /// Infinities become the largest numbers, in place: for results that their own backward pass does not need.
    let keepFinite (tensor: torch.Tensor) : unit =
        use _ = torch.no_grad ()
        let greatest = Form.greatest tensor.dtype
        let reals = if tensor.is_complex () then tensor.view_as_real () else tensor
        reals.clamp_ ((-greatest).AsScalar(), greatest.AsScalar()) |> ignore

    let private pieceSize = 1L <<< 20

    let private pieces (tensor: torch.Tensor) : torch.Tensor seq =
        let flat = tensor.reshape [| -1L |]
        let size (first: int64) = min pieceSize (flat.numel () - first)
        seq { for first in 0L .. pieceSize .. flat.numel () - 1L -> flat.narrow (0L, first, size first) }

    /// Applies a map of entries to a large tensor piece by piece, because double precision and intermediate tensors would take
    /// many times its memory. If gradients are asked for, the map is applied at once.
    let byPieces (map: torch.Tensor -> torch.Tensor) (tensor: torch.Tensor) : torch.Tensor =
        if tensor.numel () <= pieceSize || (tensor.requires_grad && torch.is_grad_enabled ()) then
            map tensor
        else
            let made = torch.empty (tensor.shape, dtype = tensor.dtype, device = tensor.device)

            for piece, place in Seq.zip (pieces tensor) (pieces made) do
                use _ = torch.NewDisposeScope()
                place.copy_ (map piece) |> ignore

            made

    /// The mean modulus of what a map makes of the entries in double precision; 0 for zeros.
    let meanModulus (map: torch.Tensor -> torch.Tensor) (tensor: torch.Tensor) : float =
        let ofPieces (take: torch.Tensor -> float) =
            [|
                for piece in pieces (tensor.detach ()) do
                    use _ = torch.NewDisposeScope()
                    take (map (Tensors.inDouble piece))
            |]

        let largest = ofPieces Tensors.largest |> Array.fold max 0.0

        if largest > 0.0 then
            // In units of the largest entry: a sum could leave the range.
            let sum (values: torch.Tensor) = Tensors.number (values.abs().div(largest.AsScalar()).sum())
            Array.sum (ofPieces sum) / float (tensor.numel ()) * largest
        else
            0.0

    /// The mean modulus of the entries; 1 for zeros, which have no scale of their own. Starting values inside an open set keep
    /// their distance from the edge in this unit.
    let scale (tensor: torch.Tensor) : float =
        match meanModulus id tensor with
        | 0.0 -> 1.0
        | mean -> mean

    /// The least distance from the edge of an open set at which entries still train: derivatives there may be as small as it.
    let leastStart: float = 1.0 / 32.0

    /// The distance from the edge of an open set at which entries start that were outside: half the scale of the tensor, but at
    /// least `leastStart`, since nearer to the edge they could not be trained.
    let start (tensor: torch.Tensor) : float = max leastStart (scale tensor / 2.0)

    /// `scale` of each vector.
    let scales (vectors: torch.Tensor) : torch.Tensor =
        let largest = vectors.abs().amax([| -1L |], keepdim = true)
        let means = (vectors.abs () / Norms.oneWhereZero largest).mean([| -1L |], keepdim = true)
        torch.where (largest.gt (0.0.AsScalar()), means * largest, torch.ones_like means)

    /// `start` of each vector.
    let starts (vectors: torch.Tensor) : torch.Tensor =
        (scales vectors / 2.0.AsScalar()).clamp_min(leastStart.AsScalar())

    /// Between the smallest and the largest positive number: an underflow to zero or an overflow would leave the space.
    let inRangeOf (dtype: torch.ScalarType) (tensor: torch.Tensor) : torch.Tensor =
        tensor.clamp ((Form.smallest dtype).AsScalar(), (Form.greatest dtype).AsScalar())

    /// The numbers whose exponentials are numbers of the element type, and positive.
    let exponents (dtype: torch.ScalarType) : struct (float * float) =
        if dtype = torch.ScalarType.Float64 then
            struct (-744.44, 709.782712893384)
        else
            struct (-103.27, 88.72283)

    /// `exp x` within the range of numbers. Outside of it the derivative is 0, because an infinite one would make gradients NaN.
    let exp (tensor: torch.Tensor) : torch.Tensor =
        let struct (least, greatest) = exponents tensor.dtype
        tensor.clamp(least.AsScalar(), greatest.AsScalar()).exp().clamp_min((Form.smallest tensor.dtype).AsScalar())

    /// Rounded to a 16-bit type, whose largest number stands for larger ones.
    let saturated (dtype: torch.ScalarType) (tensor: torch.Tensor) : torch.Tensor =
        let greatest = Form.greatest dtype
        tensor.clamp((-greatest).AsScalar(), greatest.AsScalar()).``to`` dtype

    /// `inRangeOf` in place, for results that their own backward pass does not need.
    let keepInRange (tensor: torch.Tensor) : unit =
        use _ = torch.no_grad ()

        tensor.clamp_ ((Form.smallest tensor.dtype).AsScalar(), (Form.greatest tensor.dtype).AsScalar())
        |> ignore

    /// TorchSharp's public softplus makes two Scalars at each call, which nothing keeps alive; the private one takes ours.
    let private softplusOf: Func<torch.Tensor, Scalar, Scalar, torch.Tensor> =
        match typeof<torch.Tensor>.GetMethod("softplus1", BindingFlags.Instance ||| BindingFlags.NonPublic) with
        | null -> Func<_, _, _, _>(fun tensor beta threshold -> tensor.softplus (beta.ToDouble(), threshold.ToDouble()))
        | taken -> taken.CreateDelegate<_>()

    /// `log(1 + exp x)` without overflow, accurate for very negative x; beyond 40 it is x to the last digit.
    let softplus (tensor: torch.Tensor) : torch.Tensor = softplusOf.Invoke(tensor, 1.0.AsScalar(), 40.0.AsScalar())

    /// The positive numbers. Those whose logarithm has a derivative beyond the range of the element type are constants for the
    /// gradient.
    let withFiniteSlopes (dtype: torch.ScalarType) (positive: torch.Tensor) : torch.Tensor =
        torch.where (positive.lt ((4.0 / Form.greatest dtype).AsScalar()), positive.detach (), positive)

    /// The inverse of `softplus` on positive numbers: `y + log(1 - exp(-y))`.
    let softplusInverse (tensor: torch.Tensor) : torch.Tensor = tensor +. (-((-tensor).expm1())).log()

    /// `log(1 / (1 + exp(-x)))`, the logarithm of the derivative of softplus.
    let logSigmoid (tensor: torch.Tensor) : torch.Tensor = -(softplus -tensor)

    /// The space of a bijection of entries whose input lies in another space. If that space is not closed under functions of
    /// entries, the result is a part of `own` that is closed under few operations.
    let image (own: Space) (before: Space) (map: float -> float) : Space =
        if before.IsClosedUnder Closure.Everything then
            own
        elif before.IsClosedUnder Closure.EntrywiseMaps then
            Space.intersect before own
        else
            let kept =
                Space.common [ Closure.EntrywiseChoice; Closure.Reordering; Closure.Transposition ] [ before ]

            { new Space($"{own.Name}, functions of {before.Name}", [ own ], kept) with
                override _.Interior = map before.Interior
                override _.IsLeftByRounding = own.IsLeftByRounding
                override _.Rounded(tensor, dtype) = own.Rounded(tensor, dtype)
            }

    /// The map applied to one number.
    let ofNumber (map: torch.Tensor -> torch.Tensor) (number: float) : float =
        use _ = torch.NewDisposeScope()
        Tensors.number (map (torch.tensor (number, dtype = torch.ScalarType.Float64, device = torch.CPU)))
