namespace Parametrize

open TorchSharp

/// Cholesky factors of correlation matrices: lower triangular, with rows of norm 1 and a positive diagonal.
type internal CorrelationFactorNode() =
    inherit CorrelationNodeBase()

    let last = [| -1L |]

    /// The nearest rows with a diagonal of at least this. Entries above the diagonal and negative diagonal entries become zero.
    let nearest (least: float) (tensor: torch.Tensor) =
        let lower = (Tensors.inDouble tensor).tril()
        let unit = Norms.largest lower [| lower.dim () - 1L |]
        let rows = Norms.inUnits lower unit
        let diagonal = Tensors.diagonal rows
        let kept = rows.tril -1L +. torch.diag_embed (diagonal.clamp_min (0.0.AsScalar()))
        let isZero = kept.eq(0.0.AsScalar()).all(-1L, keepdim = true)
        // A row with only a negative diagonal entry is equally far from all rows that are orthogonal to its axis.
        let isAcross = isZero.logical_and ((diagonal.lt (0.0.AsScalar())).unsqueeze -1L)
        let firstAxis = torch.zeros_like rows
        firstAxis.narrow(-1L, 0L, 1L).fill_(1.0.AsScalar()) |> ignore
        let axes = torch.where (isAcross, firstAxis.tril (), Tensors.eyeLike rows)
        let rows = torch.where (isZero, axes, kept)
        let normalized (rows: torch.Tensor) = rows / rows.Squared().sum(last, keepdim = true).sqrt()
        let unit = normalized rows
        let raised = (Tensors.diagonal unit).clamp_min(least.AsScalar())
        normalized (unit.tril -1L +. torch.diag_embed raised)

    let deviations (tensor: torch.Tensor) =
        ((Tensors.inDouble tensor).Squared().sum(last, keepdim = true).sqrt() - 1.0.AsScalar()).abs()

    /// The rows that stay.
    let areAllowed (tensor: torch.Tensor) (epsilon: float) =
        let limit = (Tensors.roundoff epsilon 1.0).AsScalar()
        let above = (tensor.triu 1L).abs().amax(last, keepdim = true)

        (Tensors.diagonal tensor)
            .gt(0.0.AsScalar())
            .unsqueeze(-1L)
            .logical_and(above.le limit)
            .logical_and((deviations tensor).le limit)

    override _.Code = Code.name "correlationCholesky"
    override _.Codomain _ = CorrelationSpaces.factor
    override _.Forward(inputs, _) = PartialCorrelations.factor inputs[0]

    override _.Contains(_, tensor, epsilon) =
        let limit = Tensors.roundoff epsilon 1.0
        let least = Tensors.number ((Tensors.diagonal tensor).min())

        Violation.unless "L_ij = 0 above the diagonal" (Tensors.largest (tensor.triu 1L)) limit
        |> Result.bind (fun () -> Violation.unless "|L_i| = 1 of each row" (Tensors.largest (deviations tensor)) limit)
        |> Result.bind (fun () ->
            if least > 0.0 then
                Ok()
            else
                Error { Condition = "L_ii > 0"; Size = -least; Limit = 0.0 })

    override _.Invert(_, tensor, epsilon, want) =
        let wide = Tensors.inDouble tensor

        let found =
            match want with
            | Want.Exact -> wide
            | Want.Nearest -> torch.where (areAllowed tensor epsilon, wide, nearest epsilon tensor)
            | Want.Start -> torch.where (areAllowed tensor epsilon, wide, nearest 0.25 tensor)

        NodeParts.ofInput ((PartialCorrelations.ofFactor found).``to`` tensor.dtype)

    interface IVolume with
        /// Each row by its angles: `sum (i - j) log sqrt(1 - z_ij^2)`.
        member _.LogVolume(inputs, _) = PartialCorrelations.weighted inputs[0] (fun row column -> row - column)

    interface IDeterminant with
        member _.LogAbsDet(inputs, _, _) = (PartialCorrelations.logSech inputs[0]).sum [| -1L |]

    interface IOneToOne with
        member _.Undo tensor = (PartialCorrelations.ofFactor (Tensors.inDouble tensor)).``to`` tensor.dtype

    interface ISampled with
        member this.Sample(form, generator) = (this.SampleFactor(form, generator)).``to`` form.Dtype

namespace Parametrize.Values

open Parametrize

/// The value `correlationCholesky`.
[<AutoOpen>]
module CorrelationFactorValues =

    /// Lower triangular Cholesky factors of real correlation matrices (n >= 2): rows of norm 1, a positive diagonal. O(n^2).
    /// Projects to the nearest one, row by row. Samples are the factors of uniform correlation matrices.
    let correlationCholesky: Parametrization = Parametrization.ofNode (CorrelationFactorNode())
