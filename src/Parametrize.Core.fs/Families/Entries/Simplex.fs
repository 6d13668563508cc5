namespace Parametrize

open TorchSharp
open Parametrize.LinearAlgebra

[<RequireQualifiedAccess>]
module internal SimplexSpaces =

    let simplex: Space =
        { new Space("probability vectors", [ PositiveSpaces.positive ], []) with
            override _.Dimension form =
                match Array.tryLast form.Shape with
                | None -> System.Nullable()
                | Some size -> System.Nullable(Form.reals form - Form.reals form / size)

            override _.IsLeftByRounding = true
            override _.Rounded(tensor, dtype) = (Entrywise.inRangeOf dtype tensor).``to`` dtype
        }

/// Probability vectors (the last dimension, of n >= 2 positive numbers of sum 1) from n - 1 numbers each, by the isometric
/// log-ratio (Egozcue et al. 2003): `w = softmax(V x)`, where the columns of V are Helmert's, orthonormal and of sum zero.
type internal SimplexNode() =
    inherit Node()

    let last (tensor: torch.Tensor) = tensor.size -1

    /// The nearest probability vector, zeros included (Held, Wolfe & Crowder 1974).
    let nearest (tensor: torch.Tensor) =
        let count = last tensor
        // Adding a number to all entries changes nothing, and keeps differences of large ones exact.
        let moved = tensor - tensor.amax ([| -1L |], keepdim = true)
        let struct (sorted, _) = moved.sort (-1L, descending = true)

        let places =
            torch.arange (1L.AsScalar(), (count + 1L).AsScalar(), dtype = moved.dtype, device = moved.device)

        let thresholds = (sorted.cumsum -1L - 1.0.AsScalar()) / places
        let kept = sorted.gt(thresholds).sum([| -1L |], keepdim = true)
        let threshold = thresholds.gather (-1L, kept - 1L.AsScalar())
        (moved - threshold).clamp_min(0.0.AsScalar())

    let normalized (tensor: torch.Tensor) = tensor / tensor.sum ([| -1L |], keepdim = true)

    /// How far the sum of each vector is from 1.
    let deviations (tensor: torch.Tensor) =
        ((Tensors.inDouble tensor).sum([| -1L |], keepdim = true) - 1.0.AsScalar()).abs()

    let isAllowed (tensor: torch.Tensor) (epsilon: float) =
        let isPositive = tensor.amin([| -1L |], keepdim = true).gt(0.0.AsScalar())
        isPositive.logical_and (deviations(tensor).le((Tensors.roundoff epsilon 1.0).AsScalar()))

    let inverse (tensor: torch.Tensor) = Helmert.coordinates ((Tensors.inDouble tensor).log())

    override _.Code = Code.name "simplex"

    override this.Inputs form =
        match Form.fault { Requirement.vectors with Complex = false } form with
        | Some error -> Error(error (Node.text this))
        | None when Array.last form.Shape < 2L ->
            Node.wrongShape this "a tensor of at least 2 in the last dimension" form
        | None -> Ok [ Helmert.coordinateForm form ]

    override _.Output inputs = Helmert.vectorForm inputs.Head

    override _.Codomain _ = SimplexSpaces.simplex

    override _.Forward(inputs, _) =
        let w = (Helmert.expand inputs[0]).softmax -1L
        // libtorch's softmax adds one by one.
        let w = if Norms.isLong (last w) then normalized w else w
        w.clamp_min ((Form.smallest w.dtype).AsScalar())

    override _.Contains(_, tensor, epsilon) =
        let smallest = Tensors.number (tensor.min ())

        if smallest > 0.0 then
            Violation.unless "sum_i w_i = 1" (Tensors.largest (deviations tensor)) (Tensors.roundoff epsilon 1.0)
        else
            Error { Condition = "w_i > 0"; Size = -smallest; Limit = 0.0 }

    override _.Invert(_, tensor, epsilon, want) =
        let wide = Tensors.inDouble tensor
        let even = 1.0 / float (last tensor)
        let moved (share: float) = normalized (nearest wide * (1.0 - share).AsScalar() + (share * even).AsScalar())

        let found =
            match want with
            | Want.Exact -> wide
            | Want.Nearest -> torch.where (isAllowed tensor epsilon, wide, moved epsilon)
            // Half-way to the middle: entries on the edge would hardly train.
            | Want.Start -> torch.where (isAllowed tensor epsilon, wide, moved 0.5)

        NodeParts.ofInput ((inverse found).``to`` tensor.dtype)

    interface INarrows with
        member _.Narrow(tensor, dtype) = (Entrywise.inRangeOf dtype tensor).``to`` dtype

    interface IVolume with
        /// `sum_i log w_i + log n` for each vector.
        member _.LogVolume(inputs, _) =
            let logarithms = (Helmert.expand inputs[0]).log_softmax -1L
            let count = last logarithms
            let vectors = logarithms.numel () / count
            logarithms.sum () + (float vectors * log (float count)).AsScalar()

    interface ISampled with
        /// Dirichlet(1, ..., 1), which is uniform: exponential numbers over their sum.
        member _.Sample(form, generator) =
            let uniform = torch.rand (form.Shape, dtype = form.Dtype, device = form.Device, generator = generator)
            let exponential = -(uniform.neg().log1p()) + (Form.epsilon form.Dtype).AsScalar()
            normalized exponential

namespace Parametrize.Values

open Parametrize

[<AutoOpen>]
module SimplexValues =

    /// Probability vectors: the last dimension, of n >= 2 real numbers, is positive and of sum 1; matrices are row-stochastic, and
    /// `transposed simplex` column-stochastic. `w = softmax(V x)` from n - 1 numbers x by the isometric log-ratio (Egozcue et al.
    /// 2003), which is as well conditioned as coordinates of a simplex are. O(n). Projects to the nearest one, O(n log n); zeros
    /// become tiny.
    let simplex: Parametrization = Parametrization.ofNode (SimplexNode())
