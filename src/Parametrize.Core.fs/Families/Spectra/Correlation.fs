namespace Parametrize

open TorchSharp
open Parametrize.LinearAlgebra

/// Correlation matrices: symmetric and positive definite, with ones on the diagonal.
type internal CorrelationNode() =
    inherit CorrelationNodeBase()

    let sides = [| -2L; -1L |]
    let hermitian (matrix: torch.Tensor) = matrix / 2.0.AsScalar() +. matrix.mT / 2.0.AsScalar()

    let product (factor: torch.Tensor) =
        let strict = (factor.matmul factor.mT).tril -1L
        strict +. strict.mT +. Tensors.eyeLike strict

    /// How far each matrix is from its transpose, and its diagonal from 1.
    let residuals (wide: torch.Tensor) : struct (torch.Tensor * torch.Tensor) =
        struct ((wide - wide.mT).abs().amax(sides, keepdim = true),
                ((Tensors.diagonal wide) - 1.0.AsScalar()).abs().amax([| -1L |], keepdim = true).unsqueeze -1L)

    /// The least eigenvalue of each, and what rounding may do to it: half a unit of every entry, which can add up along a row,
    /// and what is added up to compute it.
    let leastOf (wide: torch.Tensor) (epsilon: float) : struct (torch.Tensor * torch.Tensor) =
        let within = wide.clamp (-2.0.AsScalar(), 2.0.AsScalar())
        let least = (torch.linalg.eigvalsh (hermitian within)).narrow(-1L, 0L, 1L).unsqueeze -1L
        let rows = within.abs().sum([| -1L |], keepdim = true).amax([| -2L |], keepdim = true)
        struct (least, rows * (epsilon / 2.0).AsScalar() .+ (Tensors.limit epsilon (Tensors.last wide) 1.0).AsScalar())

    let areAllowed (wide: torch.Tensor) (epsilon: float) : struct (torch.Tensor * torch.Tensor) =
        let struct (asymmetry, diagonalError) = residuals wide
        let struct (least, limit) = leastOf wide epsilon
        let entries = (Tensors.roundoff epsilon 1.0).AsScalar()

        struct (asymmetry.le(entries).logical_and(diagonalError.le entries).logical_and(least.ge -limit), least.le limit)

    /// A factor of each, raised by what rounding has taken.
    let factorOf (wide: torch.Tensor) =
        let struct (least, floor) = leastOf wide (Form.epsilon torch.ScalarType.Float64)
        let raised = hermitian wide +. Tensors.eyeLike wide * (floor - least).clamp_min(0.0.AsScalar())
        let struct (factor, _) = torch.linalg.cholesky_ex raised
        factor

    let nearest (wide: torch.Tensor) (share: float) =
        let found = NearestCorrelation.ofSymmetric (hermitian wide)
        found * (1.0 - share).AsScalar() +. Tensors.eyeLike found * share.AsScalar()

    override _.Code = Code.name "correlation"
    override _.Codomain _ = CorrelationSpaces.correlation
    override _.Forward(inputs, _) = product (PartialCorrelations.factor inputs[0])

    override _.Contains(_, tensor, epsilon) =
        let wide = Tensors.inDouble tensor
        let struct (asymmetry, diagonalError) = residuals wide
        let entries = Tensors.roundoff epsilon 1.0

        Violation.unless "W = W^T" (Tensors.largest asymmetry) entries
        |> Result.bind (fun () -> Violation.unless "W_ii = 1" (Tensors.largest diagonalError) entries)
        |> Result.bind (fun () ->
            let struct (least, limit) = leastOf wide epsilon
            let worst = (-least - limit).flatten().argmax()
            let at (sizes: torch.Tensor) = Tensors.number (sizes.flatten().[worst])
            Violation.unless "W > 0 (the least eigenvalue)" -(at least) (at limit))

    override _.Invert(_, tensor, epsilon, want) =
        let wide = Tensors.inDouble tensor

        let found =
            match want with
            | Want.Exact -> wide
            | _ ->
                let struct (isAllowed, isOnEdge) = areAllowed wide epsilon
                // Of a start, no eigenvalue is below a quarter.
                if want = Want.Start then
                    torch.where (isAllowed.logical_and (isOnEdge.logical_not ()), wide, nearest wide 0.25)
                else
                    torch.where (isAllowed, wide, nearest wide (4.0 * Form.epsilon torch.ScalarType.Float64))

        NodeParts.ofInput ((PartialCorrelations.ofFactor (factorOf found)).``to`` tensor.dtype)

    interface IHasEdge with
        member _.TouchesEdge(tensor, epsilon) =
            let struct (_, isOnEdge) = areAllowed (Tensors.inDouble tensor) epsilon
            isOnEdge.any().item<bool>()

    interface IVolume with
        /// `sum (n - j) log sqrt(1 - z_ij^2)` for one triangle of the matrix, and every entry is there twice.
        member _.LogVolume(inputs, _) =
            let numbers = inputs[0]
            let size = PartialCorrelations.sizeOf (Tensors.last numbers)

            PartialCorrelations.weighted numbers (fun _ column -> size.AsScalar() .- column)
            .+ (float (Tensors.last numbers) * log 2.0 / 2.0).AsScalar()

    interface IDeterminant with
        /// `prod (1 - z_ij^2)`.
        member _.LogAbsDet(inputs, _, _) = (PartialCorrelations.logSech inputs[0]).sum [| -1L |] * 2.0.AsScalar()

    interface IOneToOne with
        member _.Undo tensor =
            let wide = Tensors.inDouble tensor
            let struct (factor, info) = torch.linalg.cholesky_ex wide
            // On the edge, where rounding has put it.
            let factor = if info.any().item<bool>() then factorOf wide else factor
            (PartialCorrelations.ofFactor factor).``to`` tensor.dtype

    interface ISampled with
        member this.Sample(form, generator) = (product (this.SampleFactor(form, generator))).``to`` form.Dtype

namespace Parametrize.Values

open Parametrize

/// The value `correlation`.
[<AutoOpen>]
module CorrelationValues =

    /// Real correlation matrices (n >= 2): symmetric, positive definite, ones on the diagonal, from n (n - 1) / 2 partial
    /// correlations `tanh x` (Lewandowski, Kurowicka & Joe 2009). O(n^3). Projects to the nearest one (Higham 2002; by the Newton
    /// method of Qi & Sun 2006), some tens of eigenvalue decompositions. Samples are uniform: LKJ(1).
    let correlation: Parametrization = Parametrization.ofNode (CorrelationNode())
