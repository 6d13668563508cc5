namespace Parametrize

open TorchSharp
open Parametrize.LinearAlgebra

[<RequireQualifiedAccess>]
module internal RankSpaces =

    let atMost (rank: int64) : Space =
        Space(
            $"matrices of rank {rank} at most",
            [],
            [ Closure.Scaling; Closure.RowScaling; Closure.Negation; Closure.Transposition ]
        )

/// `W = U diag(s) V^T` with U n x r, s of r numbers and V k x r, each from a value of its own. The right inverse takes the
/// leading singular triples, which is the nearest matrix of that rank (Eckart & Young 1936). Real matrices only.
type internal SvdNode(rank: int64) =
    inherit Node()

    let leading (matrix: torch.Tensor) : struct (torch.Tensor * torch.Tensor * torch.Tensor) =
        torch.linalg.svd (Tensors.inDouble matrix, fullMatrices = false)

    /// What counts as zero beside the largest singular value: rounding entries moves a singular value by no more.
    let limit (epsilon: float) (values: torch.Tensor) =
        values.narrow (-1L, 0L, 1L) * (Tensors.limit epsilon rank 1.0).AsScalar()

    let free (space: Space) = Domain.OneOf [ Domain.free; Domain.Within space ]

    override _.Code = Code.call "svd" [ Code.Long rank ]

    override this.Inputs form =
        match Form.fault { Requirement.matrices with Complex = false } form with
        | Some error -> Error(error (Node.text this))
        | None ->
            let count = form.Shape.Length

            if rank > min form.Shape[count - 2] form.Shape[count - 1] then
                Node.wrongShape this $"a matrix of at least {rank} rows and columns" form
            else
                Ok(Svd.factorForms (fun _ -> rank) form)

    override _.Output inputs = Svd.productForm inputs

    override _.Domains =
        [ free StiefelSpaces.stiefel; free PositiveSpaces.nonNegative; free StiefelSpaces.stiefel ]

    override _.Codomain _ = RankSpaces.atMost rank

    override _.Forward(inputs, _) =
        let matrix = (inputs[0] * inputs[1].unsqueeze -2L).matmul inputs[2].mT
        Entrywise.keepFinite matrix
        matrix

    /// Whether the kept singular values, as shares of the largest, are such as the value of s can yield.
    abstract Suits: shares: torch.Tensor * limit: float -> Result<unit, Violation>
    default _.Suits(_, _) = Ok()

    override this.Contains(_, tensor, epsilon) =
        let struct (_, values, _) = leading tensor
        let part = values / (Entrywise.greatestOf epsilon tensor.dtype).AsScalar()

        Violation.unless
            "s_1 is a number of the element type (in units of the largest)"
            (Tensors.largest part)
            (1.0 + 4.0 * epsilon)
        |> Result.bind (fun () ->
            let beyond = values.narrow (-1L, rank, Tensors.last values - rank)

            if beyond.numel () = 0L then
                Ok()
            else
                let share = beyond.amax ([| -1L |], keepdim = true) / values.narrow (-1L, 0L, 1L)

                Violation.unless
                    $"s_{rank + 1L} / s_1 = 0"
                    (Tensors.largest (share.nan_to_num 0.0))
                    (Tensors.limit epsilon rank 1.0))
        |> Result.bind (fun () ->
            let shares = values.narrow (-1L, 0L, rank) / values.narrow (-1L, 0L, 1L)
            this.Suits(shares.nan_to_num 0.0, Tensors.limit epsilon rank 1.0))

    /// What singular values are made into, given what counts as zero beside the largest.
    abstract Adjusted: values: torch.Tensor * limit: torch.Tensor * want: Want -> torch.Tensor
    default _.Adjusted(values, limit, _) = torch.where (values.gt limit, values, torch.zeros_like values)

    override this.Invert(_, tensor, epsilon, want) =
        let struct (left, values, right) = leading tensor
        let first (matrix: torch.Tensor) = matrix.narrow(-1L, 0L, rank).``to`` tensor.dtype
        let kept = this.Adjusted(values, limit epsilon values, want)
        let kept = kept.clamp_max ((Entrywise.greatestOf epsilon tensor.dtype).AsScalar())

        Ok { Inputs = [| first left; first kept; first right.mT |]; Buffers = [||] }

    interface ICombines with
        member this.CodeWith inputs = Code.call "svd" [ Code.Long rank; Code.Items inputs ]

    interface INarrows with
        member _.Narrow(tensor, dtype) = Entrywise.saturated dtype tensor

    interface IDimension with
        /// n r + k r - r^2, whichever factors are trained.
        member _.Dimension(form, _, _) =
            Dimension.ofMatrices (fun one -> rank * (one.Rows + one.Columns - rank)) form |> Option.ofNullable

    interface IVolumeBehind with
        member _.Measures before = SvdVolume.measures before
        member _.LogVolume(inputs, _) = SvdVolume.ofFactors inputs[0] inputs[1] inputs[2]

    abstract Behind: values: Space -> Node

    default this.Behind values = if values.IsWithin PositiveSpaces.positive then PositiveSvdNode rank else this

    interface ISpecialized with
        member this.Behind before = this.Behind before[1]

/// The same where singular values have to be positive: of a matrix of a lower rank, the nearest ones that are seen beside the
/// largest.
and internal PositiveSvdNode(rank: int64) =
    inherit SvdNode(rank)

    override _.Suits(shares, limit) =
        let least = Tensors.number (shares.min ())

        if least > limit then
            Ok()
        else
            Error
                {
                    Condition = $"s_{rank} / s_1 > {limit:g3}"
                    Size = limit - least
                    Limit = 0.0
                }

    override _.Adjusted(values, limit, want) =
        match want with
        | Want.Nearest -> values.maximum (limit * 2.0.AsScalar())
        | _ -> base.Adjusted(values, limit, want)

    override this.Behind _ = this

namespace Parametrize.Values

open Parametrize

[<AutoOpen>]
module LowRankValues =

    /// `U diag(s) V^T` from values of U (n x rank), s (rank numbers) and V (k x rank): real matrices of that rank at most.
    /// Projects to the nearest one by the singular value decomposition, O(n k min(n, k)). Throws ArgumentException for a
    /// rank below 1, other than three values, and values whose spaces do not fit.
    let svd (rank: int64) (inputs: Parametrization list) : Parametrization =
        Options.requireRank rank

        Parametrization.join (SvdNode rank) inputs

    /// Real matrices of that rank at most, as `U diag(s) V^T` with orthonormal U and V and free s.
    let lowRank (rank: int64) : Parametrization = svd rank [ orthogonal; identity; orthogonal ]

    /// Real matrices of exactly that rank, as `U diag(s) V^T` with orthonormal U and V and positive s.
    let fixedRank (rank: int64) : Parametrization = svd rank [ orthogonal; positive; orthogonal ]
