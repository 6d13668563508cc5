namespace Parametrize

open TorchSharp
open Parametrize.LinearAlgebra

[<RequireQualifiedAccess>]
module internal RankSpaces =

    let conditioned (ratio: float) : Space =
        { new Space((invariant $"matrices of condition number {ratio} at most"),
                    [],
                    [ Closure.Scaling; Closure.Negation; Closure.Transposition ]) with
            override _.Dimension form = System.Nullable(Form.reals form)
        }

    let atMost (rank: int64) : Space =
        Space(
            $"matrices of rank {rank} at most",
            [],
            [ Closure.Scaling; Closure.RowScaling; Closure.Negation; Closure.Transposition ]
        )

    /// The matrices `U diag(s) V^T` with factors of these spaces.
    let image (rank: int64 voption) (left: Space) (values: Space) (right: Space) : Space =
        let closures = Closure.Negation :: Closure.Transposition :: Space.common [ Closure.Scaling ] [ values ]

        let supersets = [ for rank in ValueOption.toList rank -> atMost rank ]

        match values, rank with
        | _, ValueSome rank when Decomposition.isCone values -> atMost rank
        | :? RatioSpace as bounded, ValueNone -> conditioned bounded.Ratio
        | _ ->
            let factors = $"{left.Name} and {right.Name}"
            Space($"matrices with singular values that are {values.Name}, by {factors}", supersets, closures)

/// `W = U diag(s) V^T` with U n x r, s of r numbers and V k x r, each from a value of its own. The right inverse takes the
/// leading singular triples, which is the nearest matrix of that rank (Eckart & Young 1936). Real matrices only.
type internal SvdNode(rank: int64 voption, isAscending: bool, areSigned: bool) =
    inherit Node()

    let name = if rank.IsSome then "svd" else "svdFull"
    let count (shortSide: int64) = ValueOption.defaultValue shortSide rank
    let first (values: torch.Tensor) = values.narrow (-1L, 0L, count (Tensors.last values))

    let leading (matrix: torch.Tensor) : struct (torch.Tensor * torch.Tensor * torch.Tensor) =
        torch.linalg.svd (Tensors.inDouble matrix, fullMatrices = false)

    /// What counts as zero beside the largest singular value: rounding entries moves a singular value by no more.
    let limit (epsilon: float) (values: torch.Tensor) =
        values.narrow (-1L, 0L, 1L) * (Tensors.limit epsilon (count (Tensors.last values)) 1.0).AsScalar()

    let domains (left: Space) (right: Space) =
        let signed = Domain.OneOf [ Domain.free; Domain.Within PositiveSpaces.nonNegative ]

        [
            Decomposition.vectors
            Domain.AllOf [ signed; Decomposition.numbers [ left; right ] ]
            Decomposition.vectors
        ]

    /// Where a singular value may be negative, its sign makes the right vectors a rotation as well.
    let turnedAway (values: torch.Tensor) (right: torch.Tensor) : struct (torch.Tensor * torch.Tensor) =
        if areSigned && Tensors.rows right = Tensors.last right then
            let sign = Orthonormal.turn right
            let signed = Orthonormal.withLastTimes sign (values.unsqueeze -2L)
            struct (signed.squeeze -2L, Orthonormal.withLastTimes sign right)
        else
            struct (values, right)

    override _.Code = Code.call name [ for rank in ValueOption.toList rank -> Code.Long rank ]

    override this.Inputs form =
        match Form.fault { Requirement.matrices with Complex = false } form with
        | Some error -> Error(error (Node.text this))
        | None ->
            let dimensions = form.Shape.Length
            let shortSide = min form.Shape[dimensions - 2] form.Shape[dimensions - 1]

            if count shortSide > shortSide then
                Node.wrongShape this $"a matrix of at least {count shortSide} rows and columns" form
            else
                Ok(Svd.factorForms count form)

    override _.Output inputs = Svd.productForm inputs

    override _.Domains = domains StiefelSpaces.stiefel StiefelSpaces.stiefel
    override _.Codomain before = RankSpaces.image rank before[0] before[1] before[2]

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
        let rank = count (Tensors.last values)

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
            let shares = first values / values.narrow (-1L, 0L, 1L)
            this.Suits(shares.nan_to_num 0.0, Tensors.limit epsilon rank 1.0))

    /// The singular values that are used, given the limit up to which a value counts as zero.
    abstract Adjusted: values: torch.Tensor * limit: torch.Tensor * want: Want -> torch.Tensor
    default _.Adjusted(values, limit, _) = torch.where (values.gt limit, values, torch.zeros_like values)

    override this.Invert(_, tensor, epsilon, want) =
        let struct (left, values, right) = leading tensor
        let kept = this.Adjusted(first values, limit epsilon values, want)
        let kept = kept.clamp_max ((Entrywise.greatestOf epsilon tensor.dtype).AsScalar())
        let inOrder (found: torch.Tensor) = if isAscending then found.flip [| -1L |] else found

        let struct (left, right) = Orthonormal.turnedTogether (inOrder (first left)) (inOrder (first right.mT))
        let struct (kept, right) = turnedAway (inOrder kept) right

        Ok
            {
                Inputs = [| left; kept; right |] |> Array.map _.``to``(tensor.dtype)
                Buffers = [||]
            }

    interface ICombines with
        member _.CodeWith inputs =
            Code.call name [ yield! [ for rank in ValueOption.toList rank -> Code.Long rank ]; Code.Items inputs ]

    interface INarrows with
        member _.Narrow(tensor, dtype) = Entrywise.saturated dtype tensor

    interface IDecomposes with
        member _.Numbers = 1
        member _.Size inputs = max (Tensors.rows inputs[0]) (Tensors.rows inputs[2])
        member _.IsRelative = true

    interface IRelatesInputs with
        member _.DomainsBehind before = domains before[0] before[2]

    interface IDimension with
        /// n r + k r - r^2 by all numbers.
        member this.Dimension(form, before, _) =
            match Dimension.matrices form, this.Inputs form with
            | Some one, Ok forms ->
                let rank = count (min one.Rows one.Columns)
                let byAllNumbers = one.Count * rank * (one.Rows + one.Columns - rank)
                let given = List.zip forms before
                Decomposition.dimension byAllNumbers [ given[0]; given[2] ] given[1]
            | _ -> None

    interface IDeterminant with
        /// Of full rank: that of the singular values, and those of the vectors.
        member _.LogAbsDet(inputs, _, ofInput) : torch.Tensor | null =
            if Tensors.rows inputs[0] = Tensors.last inputs[1] then
                inputs[1].abs().log().sum [| -1L |] +. ofInput.Invoke 0 +. ofInput.Invoke 2
            else
                null

    interface IVolumeBehind with
        member _.Measures before = SvdVolume.measures before
        member _.LogVolume(inputs, _) = SvdVolume.ofFactors inputs[0] inputs[1] inputs[2]

    abstract Behind: values: Space -> Node

    default this.Behind values =
        match values with
        | :? RatioSpace as bounded -> RatioSvdNode(rank, bounded.Ratio)
        | _ when values.Equals PositiveSpaces.positive -> PositiveSvdNode rank
        | _ when values.IsWithin PositiveSpaces.positive -> EdgedSvdNode(rank, values.IsWithin OrderedSpaces.ordered)
        | _ when values.IsClosedUnder Closure.Everything -> SvdNode(rank, isAscending, true)
        | _ -> this

    interface ISpecialized with
        member this.Behind before = this.Behind before[1]

/// The same where singular values have to be positive: of a matrix of a lower rank, the nearest ones that are seen beside the
/// largest.
and internal PositiveSvdNode(rank: int64 voption) =
    inherit SvdNode(rank, false, false)

    override _.Suits(shares, limit) =
        let least = Tensors.number (shares.min ())

        if least > limit then
            Ok()
        else
            Error
                {
                    Condition = invariant $"s_{shares.size -1} / s_1 > {limit:g3}"
                    Size = limit - least
                    Limit = 0.0
                }

    override _.Adjusted(values, limit, want) =
        match want with
        | Want.Nearest -> values.maximum (limit * 2.0.AsScalar())
        | Want.Exact -> base.Adjusted(values, limit, want)
        | Want.Start ->
            let kept = base.Adjusted(values, limit, want)
            torch.where (kept.gt (0.0.AsScalar()), kept, Entrywise.starts kept)

    override this.Behind _ = this

/// The same if singular values are positive, but not any positive numbers, as on a simplex. The value of s then projects a zero
/// to its own edge. Singular values that are zero up to rounding count as tiny ones.
and internal EdgedSvdNode(rank: int64 voption, isAscending: bool) =
    inherit SvdNode(rank, isAscending, false)

    override _.Adjusted(values, limit, want) =
        match want with
        | Want.Exact -> values.maximum (values.narrow (-1L, 0L, 1L) * (Form.epsilon values.dtype).AsScalar())
        | Want.Nearest -> values
        | Want.Start -> base.Adjusted(values, limit, want)

    override this.Behind _ = this

    interface IHasEdge with
        member _.TouchesEdge(tensor, epsilon) =
            let values = torch.linalg.svdvals (Tensors.inDouble tensor)
            let kept = values.narrow (-1L, 0L, ValueOption.defaultValue (Tensors.last values) rank)
            let limit = Tensors.limit epsilon (Tensors.last kept) 1.0
            (kept.le (values.narrow (-1L, 0L, 1L) * limit.AsScalar())).any().item<bool>()

/// The same if singular values may differ by at most a factor, which multiplies the rounding error of the smallest.
and internal RatioSvdNode(rank: int64 voption, ratio: float) =
    inherit SvdNode(rank, false, false)

    override _.Suits(shares, limit) =
        let least = Tensors.number (shares.min ())
        let count = shares.size -1

        if least > 0.0 then
            Violation.unless
                (invariant $"s_1 <= {ratio} s_{count} (over s_1)")
                (1.0 - ratio * least)
                ((1.0 + ratio) * limit)
        else
            Error { Condition = $"s_{count} > 0"; Size = -least; Limit = 0.0 }

    override _.Adjusted(values, _, want) = if want = Want.Exact then Ratios.within ratio values else values
    override this.Behind _ = this

namespace Parametrize.Values

open Parametrize

/// The values `svd`, `svdFull`, `lowRank`, `fixedRank` and `conditioned`.
[<AutoOpen>]
module LowRankValues =

    /// `U diag(s) V^T` from values of U (n x rank), s (rank numbers) and V (k x rank): real matrices of that rank at most.
    /// Projects to the nearest one by the singular value decomposition, O(n k min(n, k)). Throws ArgumentException for a
    /// rank below 1, other than three values, and values whose spaces do not fit.
    let svd (rank: int64) (inputs: Parametrization list) : Parametrization =
        Options.requireRank rank

        Parametrization.join (SvdNode(ValueSome rank, false, false)) inputs

    /// `U diag(s) V^T` from values of U (n x r), s (r numbers) and V (k x r) for r = min(n, k): real n x k matrices by all of their
    /// singular values. Otherwise as `svd`.
    let svdFull (inputs: Parametrization list) : Parametrization =
        Parametrization.join (SvdNode(ValueNone, false, false)) inputs

    /// Real matrices of that rank at most, as `U diag(s) V^T` with orthonormal U and V and free s.
    let lowRank (rank: int64) : Parametrization = svd rank [ orthogonal; identity; orthogonal ]

    /// Real matrices of exactly that rank, as `U diag(s) V^T` with orthonormal U and V and positive s.
    let fixedRank (rank: int64) : Parametrization = svd rank [ orthogonal; positive; orthogonal ]

    /// Real n x k matrices whose largest singular value is at most `bound` times the smallest: of that condition number.
    /// `U diag(s) V^T` with orthonormal U and V, and s from `boundedRatio bound`. O(n k min(n, k)). Projects to the nearest one,
    /// which clamps singular values to t and `bound t` for some t (Tanaka & Nakata 2014, for definite matrices). Matrices on the
    /// edge start with a condition number of at most `bound^(3/4)`. Throws ArgumentException for a bound that is not above 1 and
    /// finite.
    let conditioned (bound: float) : Parametrization = svdFull [ orthogonal; boundedRatio bound; orthogonal ]
