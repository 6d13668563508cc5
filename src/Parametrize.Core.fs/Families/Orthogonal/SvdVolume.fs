namespace Parametrize

open TorchSharp
open Parametrize.LinearAlgebra

/// By how much `U diag(s) V^T` stretches volumes of orthonormal U (n x r) and V (k x r) and real numbers s.
[<RequireQualifiedAccess>]
module internal SvdVolume =

    /// Whether what stands before U and V yields all matrices with orthonormal columns, or an open set of them.
    let measures (before: Before list) : bool =
        match before with
        | [ left; values; right ] ->
            left.IsOpenIn StiefelSpaces.stiefel && values.IsOpen && right.IsOpenIn StiefelSpaces.stiefel
        | _ -> false

    /// `sum_{i<j} log (|s_i^2 - s_j^2| / 2) + (n + k - 2 r) sum_i log |s_i|`.
    let ofFactors (left: torch.Tensor) (values: torch.Tensor) (right: torch.Tensor) : torch.Tensor =
        let rank = Tensors.last values
        let others = float (Tensors.rows left + Tensors.rows right - 2L * rank)
        let pairs = float (rank * (rank - 1L) / 2L)
        let apart = EigenvaluePairs.logDifferences values +. EigenvaluePairs.logSums values
        let apart = apart - (pairs * log 2.0).AsScalar()

        if others = 0.0 then
            apart
        else
            apart +. (values.abs().log()).sum [| -1L |] * others.AsScalar()
