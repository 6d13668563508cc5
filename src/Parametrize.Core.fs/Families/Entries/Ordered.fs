namespace Parametrize

open TorchSharp

[<RequireQualifiedAccess>]
module internal OrderedSpaces =

    let private cone = [ Closure.Scaling; Closure.RowScaling; Closure.Sum ]

    let ordered: Space =
        { new Space("vectors that do not decrease", [], cone) with
            override _.Dimension form = System.Nullable(Form.reals form)
        }

    let positiveOrdered: Space =
        { new Space("positive vectors that do not decrease", [ PositiveSpaces.positive; ordered ], cone) with
            override _.Dimension form = System.Nullable(Form.reals form)
            override _.IsLeftByRounding = true
            override _.Rounded(tensor, dtype) = (Entrywise.inRangeOf dtype tensor).``to`` dtype
        }

/// Vectors (the last dimension) in order, by running sums: `w_1 = x_1`, `w_k = w_(k-1) + 2 softplus(x_k)`; positive ones by
/// `w_k = w_(k-1) + softplus(x_k)` with `w_0 = 0`. Stan (its manual, "Ordered vectors") uses `exp`, whose derivative is the step
/// itself, so that a gradient step can multiply a large step. Softplus prevents this; for small steps both are the same. With the
/// factor 2, the derivative at 0 is 1, and entries at both ends of the range are one step apart. O(n).
type internal OrderedNode(isPositive: bool) =
    inherit Node()

    let space = if isPositive then OrderedSpaces.positiveOrdered else OrderedSpaces.ordered

    let count (tensor: torch.Tensor) = Tensors.last tensor
    let firsts (tensor: torch.Tensor) = tensor.narrow (-1L, 0L, 1L)
    let allButFirst (tensor: torch.Tensor) = tensor.narrow (-1L, 1L, count tensor - 1L)
    let allButLast (tensor: torch.Tensor) = tensor.narrow (-1L, 0L, count tensor - 1L)

    /// On the CPU libtorch adds one after the other, in double precision. Elsewhere it adds in a tree, and sums of which one has
    /// a term more than the other could come out in the wrong order.
    let keepInOrder (sums: torch.Tensor) =
        if sums.device_type <> DeviceType.CPU && sums.device_type <> DeviceType.META then
            use _ = torch.no_grad ()
            let struct (largest, _) = sums.cummax -1L
            sums.copy_ largest |> ignore

    let sumsOf (steps: torch.Tensor) =
        let sums = steps.cumsum -1L
        keepInOrder sums
        sums

    let inverse (tensor: torch.Tensor) (dtype: torch.ScalarType) =
        let steps =
            if isPositive then
                allButFirst tensor - allButLast tensor
            else
                // Halves: a difference may be longer than the largest number.
                allButFirst tensor / 2.0.AsScalar() - allButLast tensor / 2.0.AsScalar()

        let struct (least, _) = Entrywise.exponents dtype
        let back (steps: torch.Tensor) = (Entrywise.softplusInverse steps).clamp_min(least.AsScalar())
        let first = firsts tensor
        torch.cat ([| (if isPositive then back first else first); back steps |], -1L)

    /// The nearest, zeros included.
    let nearest (tensor: torch.Tensor) =
        let found = Isotonic.nearest tensor
        if isPositive then found.relu () else found

    /// Zeros become this number or the smallest positive entry of the vector, whichever is smaller.
    let withoutZeros (epsilon: float) (tensor: torch.Tensor) =
        if isPositive then
            let isPositive = tensor.gt (0.0.AsScalar())
            let others = torch.full_like (tensor, epsilon.AsScalar())
            let least = (torch.where (isPositive, tensor, others)).amin([| -1L |], keepdim = true)
            torch.where (isPositive, tensor, least)
        else
            tensor

    /// Where an entry is not above the one before it; the first of positive vectors, where it is not above 0.
    let isTied (tensor: torch.Tensor) =
        let first = firsts tensor

        let before =
            if isPositive then
                torch.zeros_like first
            else
                torch.full_like (first, (-infinity).AsScalar())

        tensor.le (torch.cat ([| before; allButLast tensor |], -1L))

    /// The distance to which ties are moved apart: a vector of equal entries is spread over half of its mean modulus.
    let distances (tensor: torch.Tensor) = Entrywise.starts tensor / (float (count tensor)).AsScalar()

    /// Ties come apart; the mean stays, where entries may be negative. Vectors without ties stay.
    let inside (tensor: torch.Tensor) =
        let found = nearest tensor
        let raised = (isTied found).``to``(found.dtype).cumsum(-1L) * distances tensor
        found +. (if isPositive then raised else raised - raised.mean ([| -1L |], keepdim = true))

    /// How far the entries fall at most.
    let fall (tensor: torch.Tensor) =
        if tensor.numel () = 0L || count tensor = 1L then
            0.0
        else
            -(Tensors.number ((allButFirst tensor - allButLast tensor).min()))

    override _.Code = Code.name (if isPositive then "positiveOrdered" else "ordered")
    override this.Inputs form = Node.same this { Requirement.vectors with Complex = false } form
    override _.Codomain _ = space

    override _.Forward(inputs, _) =
        let x = inputs[0]

        if isPositive then
            let w = sumsOf (Entrywise.softplus x)
            Entrywise.keepInRange w
            w
        else
            let first = firsts x
            let sums = sumsOf (torch.cat ([| torch.zeros_like first; Entrywise.softplus (allButFirst x) |], -1L))
            let w = first +. sums +. sums
            Entrywise.keepFinite w
            w

    override _.Contains(_, tensor, _) =
        let smallest = if isPositive then Tensors.number (tensor.min ()) else infinity

        if smallest > 0.0 then
            Violation.unless "w_i <= w_(i+1)" (fall tensor) 0.0
        else
            Error { Condition = "w_1 > 0"; Size = -smallest; Limit = 0.0 }

    override _.Invert(_, tensor, epsilon, want) =
        let wide = Tensors.inDouble tensor

        let found =
            match want with
            | Want.Exact -> wide
            | Want.Nearest -> withoutZeros epsilon (nearest wide)
            | Want.Start -> inside wide

        NodeParts.ofInput ((inverse found tensor.dtype).``to`` tensor.dtype)

    interface IHasEdge with
        member _.TouchesEdge(tensor, _) = (isTied tensor).any().item<bool>()

    interface IHasOpenEdge with
        member _.IsOnEdge tensor = isTied tensor

    interface INarrows with
        member _.Narrow(tensor, dtype) =
            if isPositive then
                (Entrywise.inRangeOf dtype tensor).``to`` dtype
            else
                Entrywise.saturated dtype tensor

    interface IVolume with
        /// The derivative is triangular.
        member _.LogVolume(inputs, _) =
            let x = inputs[0]

            if isPositive then
                (Entrywise.logSigmoid x).sum [| -1L |]
            else
                let slopes = Entrywise.logSigmoid (allButFirst x)
                slopes.sum [| -1L |] .+ (float (Tensors.last slopes) * log 2.0).AsScalar()

    interface IOneToOne with
        /// In double precision, as steps are differences.
        member _.Undo tensor = (inverse (Tensors.inDouble tensor) tensor.dtype).``to`` tensor.dtype

    interface ISampled with
        /// Normal numbers in order, or their moduli.
        member _.Sample(form, generator) =
            let normal = Form.normal generator form

            let drawn =
                if isPositive then
                    normal.abs().clamp_min((Form.epsilon form.Dtype).AsScalar())
                else
                    normal

            let struct (sorted, _) = drawn.sort -1L
            sorted

namespace Parametrize.Values

open Parametrize

/// The values `ordered` and `positiveOrdered`.
[<AutoOpen>]
module OrderedValues =

    /// Vectors (the last dimension, of any real numbers) whose entries increase: `w_1 = x_1`, `w_k = w_(k-1) + 2 softplus(x_k)`.
    /// Equal neighbours are allowed, because a step may be smaller than rounding. `transposed` gives increasing columns. For cut
    /// points of ordinal regression, quantiles, knots. O(n). Projects to the nearest one by isotonic regression; a new value
    /// starts with ties apart. Samples are normal numbers in order.
    let ordered: Parametrization = Parametrization.ofNode (OrderedNode false)

    /// Positive vectors (the last dimension) whose entries increase: `w_k = w_(k-1) + softplus(x_k)` with `w_0 = 0`. Equal
    /// neighbours are allowed, zeros are not. O(n). Projects to the nearest one, zeros become tiny; a new value starts with ties
    /// apart. Samples are moduli of normal numbers in order.
    let positiveOrdered: Parametrization = Parametrization.ofNode (OrderedNode true)
