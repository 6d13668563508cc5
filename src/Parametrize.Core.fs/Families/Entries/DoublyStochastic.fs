namespace Parametrize

open TorchSharp
open Parametrize.LinearAlgebra

[<RequireQualifiedAccess>]
module internal DoublyStochasticSpaces =

    let doublyStochastic: Space =
        { new Space("doubly stochastic matrices", [ SimplexSpaces.simplex ], [ Closure.Transposition ]) with
            override _.Dimension form = Dimension.ofMatrices (fun one -> (one.Rows - 1L) * (one.Columns - 1L)) form

            override _.IsLeftByRounding = true
            override _.Rounded(tensor, dtype) = (Entrywise.inRangeOf dtype tensor).``to`` dtype
        }

/// Positive n x n matrices, n >= 2, whose rows and columns sum to 1, from (n - 1)^2 numbers each:
/// `W = diag(r) exp(V X V^T) diag(c)`, where the columns of V are orthonormal and of sum zero (Helmert's), and r and c are those of
/// Sinkhorn's theorem (1964). A bijection: `X = V^T (log W) V`. O(n^3) for each of some ten Newton steps, in double precision.
type internal DoublyStochasticNode() =
    inherit Node()

    let logits (x: torch.Tensor) =
        // Far beyond what is told apart; products stay within the range.
        let wide = Tensors.inDouble x |> Entrywise.within 1e150
        let all = (Helmert.expand (Helmert.expand wide).mT).mT
        let reach = Sinkhorn.reach x.dtype
        let size = all.abs().amax([| -2L; -1L |], keepdim = true).clamp_min(reach.AsScalar())
        all * (size.reciprocal () * reach.AsScalar())

    let coordinates (logarithms: torch.Tensor) = (Helmert.coordinates (Helmert.coordinates logarithms).mT).mT

    let ofLogarithms (dtype: torch.ScalarType) (logarithms: torch.Tensor) =
        logarithms.exp().``to``(dtype).clamp_min((Form.smallest dtype).AsScalar())

    /// How far the sums of rows and columns are from 1: the worst of each matrix.
    let deviations (tensor: torch.Tensor) =
        let wide = Tensors.inDouble tensor
        let off (dimension: int64) = (wide.sum ([| dimension |]) - 1.0.AsScalar()).abs().amax([| -1L |], keepdim = true)
        (off -1L).maximum(off -2L).unsqueeze -1L

    let isAllowed (tensor: torch.Tensor) (epsilon: float) =
        let isPositive = tensor.amin([| -2L; -1L |], keepdim = true).gt(0.0.AsScalar())
        isPositive.logical_and (deviations(tensor).le((Tensors.roundoff epsilon 1.0).AsScalar()))

    let resized (by: int64) (form: Form) =
        let shape = Array.copy form.Shape

        for dimension in [ shape.Length - 2; shape.Length - 1 ] do
            shape[dimension] <- shape[dimension] + by

        { form with Shape = shape }

    override _.Code = Code.name "doublyStochastic"

    override this.Inputs form =
        match Form.fault Requirement.realSquares form with
        | Some error -> Error(error (Node.text this))
        | None when Array.last form.Shape < 2L -> Node.wrongShape this "square matrices of at least 2 rows" form
        | None -> Ok [ resized -1L form ]

    override _.Output inputs = resized 1L inputs.Head
    override _.Codomain _ = DoublyStochasticSpaces.doublyStochastic

    override _.Forward(inputs, _) = Sinkhorn.logarithms (logits inputs[0]) |> ofLogarithms inputs[0].dtype

    override _.Contains(_, tensor, epsilon) =
        let smallest = Tensors.number (tensor.min ())

        if smallest > 0.0 then
            Violation.unless
                "sum_i w_ij = sum_j w_ij = 1"
                (Tensors.largest (deviations tensor))
                (Tensors.roundoff epsilon 1.0)
        else
            Error { Condition = "w_ij > 0"; Size = -smallest; Limit = 0.0 }

    override _.Invert(_, tensor, epsilon, want) =
        let wide = Tensors.inDouble tensor
        let even = 1.0 / float (Tensors.last tensor)

        let moved (share: float) =
            let nearest = Birkhoff.nearest wide * (1.0 - share).AsScalar() .+ (share * even).AsScalar()
            torch.where (isAllowed tensor epsilon, wide, nearest)

        let found =
            match want with
            | Want.Exact -> wide
            | Want.Nearest -> moved (min epsilon 0.5)
            // Half-way to the middle: entries on the edge would hardly train.
            | Want.Start -> moved 0.5

        NodeParts.ofInput ((coordinates (found.log ())).``to`` tensor.dtype)

    interface INarrows with
        member _.Narrow(tensor, dtype) = (Entrywise.inRangeOf dtype tensor).``to`` dtype

    interface IVolume with
        /// `sum_ij log w_ij - log det(I - W^T W + J) + (2 n - 1) log n` for each matrix, with J = 1/n everywhere: the volume of
        /// `diag(1/w_ij)` as it acts on matrices whose rows and columns sum to 0, by the minor of its inverse on the complement.
        member _.LogVolume(inputs, _) =
            let logarithms = Sinkhorn.logarithms (logits inputs[0])
            let size = float (Tensors.last logarithms)
            let constant = (2.0 * size - 1.0) * log size

            (logarithms.sum [| -2L; -1L |] - Sinkhorn.logDeterminant logarithms .+ constant.AsScalar()).``to``
                inputs[0].dtype

    interface IOneToOne with
        member _.Undo tensor =
            let positive = tensor.clamp_min ((Form.smallest tensor.dtype).AsScalar())
            (coordinates ((Tensors.inDouble positive).log())).``to`` tensor.dtype

    interface ISampled with
        /// Independent exponential numbers, whose rows and columns are scaled. Under the uniform measure entries are nearly
        /// exponential as well, for large n (Chatterjee, Diaconis & Sly 2014).
        member _.Sample(form, generator) =
            let wide = torch.ScalarType.Float64
            let uniform = Form.uniform generator { form with Dtype = wide }
            let exponential = -(uniform.neg().log1p()) .+ (Form.epsilon wide).AsScalar()
            Sinkhorn.logarithms (exponential.log ()) |> ofLogarithms form.Dtype

namespace Parametrize.Values

open Parametrize

/// The value `doublyStochastic`.
[<AutoOpen>]
module DoublyStochasticValues =

    /// Doubly stochastic matrices: square, of n >= 2 rows, positive, with rows and columns that sum to 1.
    /// `W = diag(r) exp(V X V^T) diag(c)` from (n - 1)^2 numbers X, where V has orthonormal columns of sum zero, and r and c are
    /// those of Sinkhorn's scaling (1964), by Newton's method on its dual. That reaches rounding for entries of `V X V^T` up to
    /// 1500 (float32: 210), at which larger ones are held: all positive numbers are within reach. O(n^3) for each of some ten
    /// steps, in double precision. Projects to the nearest one by a semismooth Newton method (Li, Sun & Toh 2020); zeros become
    /// tiny. Samples are exponential numbers whose rows and columns are scaled.
    let doublyStochastic: Parametrization = Parametrization.ofNode (DoublyStochasticNode())
