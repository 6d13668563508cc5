namespace Parametrize

open TorchSharp
open Parametrize.LinearAlgebra

[<RequireQualifiedAccess>]
module internal EigenSpaces =

    /// The matrices `Q diag(l) Q^T` with l of a space, all or `rank` of them. Functions of those that have zeros lose the rank to
    /// rounding: they are no more than of that rank.
    let image (rank: int64 voption) (vectors: Space) (values: Space) : Space =
        let larger =
            // Vectors that are free need not be orthonormal: the matrix may then be singular.
            if values.IsWithin PositiveSpaces.positive && vectors.Equals StiefelSpaces.stiefel then
                PositiveDefiniteSpaces.positiveDefinite
            elif values.IsWithin PositiveSpaces.nonNegative then
                PositiveDefiniteSpaces.positiveSemidefinite
            else
                SymmetricSpaces.hermitian

        match rank with
        | ValueNone when Decomposition.isCone values -> larger
        | ValueNone -> Space($"symmetric matrices with eigenvalues that are {values.Name}", [ larger ])
        | ValueSome rank ->
            let closures = Space.common [ Closure.Scaling; Closure.Negation ] [ values ]

            Space(
                $"symmetric matrices with {rank} eigenvalues that are {values.Name}, the others zero",
                [ RankSpaces.atMost rank ],
                Closure.Transposition :: closures
            )

/// `W = Q diag(l) Q^T` with Q n x r and l of r numbers, each from a value of its own. The right inverse takes the eigenvalues of
/// the largest moduli: the nearest symmetric matrix of that rank (Eckart & Young 1936). Real matrices only. O(n^2 r).
type internal EigenNode(rank: int64 voption, isAscending: bool) =
    inherit Node()

    let name = if rank.IsSome then "eigen" else "eigenFull"
    let symmetricPart (matrix: torch.Tensor) = matrix / 2.0.AsScalar() +. matrix.mT / 2.0.AsScalar()

    /// The eigenvalues in ascending order and the eigenvectors of the symmetric part in units, and the units.
    let decomposed (tensor: torch.Tensor) : struct (torch.Tensor * torch.Tensor * torch.Tensor) =
        let struct (matrix, unit) = Norms.matricesInUnits 0.0 tensor
        let struct (values, vectors) = torch.linalg.eigh (symmetricPart matrix)
        struct (values, vectors, unit.squeeze -1L)

    let largest (values: torch.Tensor) = values.abs().amax([| -1L |], keepdim = true)

    /// Rounding entries moves an eigenvalue by no more than this part of the largest; entries below the smallest normal number
    /// are rounded in a unit of their own.
    let rounding (unit: torch.Tensor) (tensor: torch.Tensor) (epsilon: float) =
        let smallest = Form.smallest (Form.halfOf epsilon |> Option.defaultValue tensor.dtype)
        let size = Tensors.last tensor

        ((float size * smallest).AsScalar() / unit).nan_to_num 0.0
        .+ (Tensors.limit epsilon size 1.0).AsScalar()

    let count (size: int64) = ValueOption.defaultValue size rank

    let inOrder (places: torch.Tensor) =
        let struct (ascending, _) = places.sort -1L
        ascending

    /// The key of each eigenvalue: those with the largest keys are kept.
    abstract Order: values: torch.Tensor -> torch.Tensor

    default _.Order values = values.abs ()

    /// The eigenvalues that are used for the kept ones, given the largest modulus, the rounding and the wanted parts.
    abstract Adjusted:
        kept: torch.Tensor * largest: torch.Tensor * rounding: torch.Tensor * epsilon: float * Want -> torch.Tensor

    /// What rounding made of zeros becomes zero.
    default _.Adjusted(kept, _, rounding, _, want) =
        if want = Want.Exact then
            torch.where (kept.abs().gt rounding, kept, torch.zeros_like kept)
        else
            kept

    /// The eigenvalues with which training starts, given the kept ones and the rounding. Each matrix has its own scale.
    abstract Started: eigenvalues: torch.Tensor * rounding: torch.Tensor * epsilon: float -> torch.Tensor
    default _.Started(eigenvalues, _, _) = eigenvalues

    /// Whether the kept ones have the right sign, given as shares of the largest.
    abstract Signed: shares: torch.Tensor * rounding: torch.Tensor -> Result<unit, Violation>

    default _.Signed(_, _) = Ok()

    member private this.Kept(values: torch.Tensor) : torch.Tensor =
        let order = (this.Order values).argsort(-1L, descending = true)
        order.narrow (-1L, 0L, count (Tensors.last values))

    /// Whether each is within its limit; else what is wrong with the worst.
    static member internal Within
        (condition: string, sizes: torch.Tensor, limits: torch.Tensor)
        : Result<unit, Violation> =
        let worst = (sizes / limits).flatten().argmax()
        let at (tensor: torch.Tensor) = Tensors.number (tensor.flatten().[worst])
        Violation.unless condition (at sizes) (at limits)

    /// The least kept eigenvalue over the largest modulus.
    member internal this.LeastShare(tensor: torch.Tensor, epsilon: float) : struct (torch.Tensor * torch.Tensor) =
        let struct (values, _, unit) = decomposed tensor
        let least = (values.gather (-1L, this.Kept values)).amin([| -1L |], keepdim = true)
        struct ((least / largest values).nan_to_num 0.0, rounding unit tensor epsilon)

    override _.Code = Code.call name [ for rank in ValueOption.toList rank -> Code.Long rank ]

    override this.Inputs form =
        match Form.fault Requirement.realSquares form with
        | Some error -> Error(error (Node.text this))
        | None ->
            let batch, size = form.Shape[.. form.Shape.Length - 3], Array.last form.Shape
            let input (sizes: int64[]) = { form with Shape = Array.append batch sizes }

            if count size > size then
                Node.wrongShape this $"a matrix of at least {count size} rows and columns" form
            else
                Ok [ input [| size; count size |]; input [| count size |] ]

    override _.Output inputs =
        let shape = inputs[0].Shape

        { inputs[0] with
            Shape = Array.append shape[.. shape.Length - 2] [| shape[shape.Length - 2] |]
        }

    override _.Domains = [ Decomposition.vectors; Decomposition.numbers [ StiefelSpaces.stiefel ] ]
    override _.Codomain before = EigenSpaces.image rank before[0] before[1]

    override _.Forward(inputs, _) =
        let matrix = symmetricPart ((inputs[0] * inputs[1].unsqueeze -2L).matmul inputs[0].mT)
        Entrywise.keepFinite matrix
        matrix

    override this.Contains(_, tensor, epsilon) =
        Tensors.nearEach "W = W^T" epsilon tensor.mT tensor
        |> Result.bind (fun () ->
            let struct (values, _, unit) = decomposed tensor
            let part = largest values * (unit / (Entrywise.greatestOf epsilon tensor.dtype).AsScalar())

            Violation.unless
                "|l_1| is a number of the element type (in units of the largest)"
                (Tensors.largest part)
                (1.0 + 4.0 * epsilon)
            |> Result.bind (fun () ->
                let others = values.scatter (-1L, this.Kept values, torch.zeros_like values)
                let share = (largest others / largest values).nan_to_num 0.0

                EigenNode.Within(
                    $"|l_{count (Tensors.last values) + 1L} / l_1| = 0",
                    share,
                    rounding unit tensor epsilon
                ))
            |> Result.bind (fun () ->
                let struct (share, limit) = this.LeastShare(tensor, epsilon)
                this.Signed(share, limit)))

    override this.Invert(_, tensor, epsilon, want) =
        let struct (values, vectors, unit) = decomposed tensor
        let places = this.Kept values
        let places = if isAscending then inOrder places else places
        let largest = largest values

        let rounding = largest * rounding unit tensor epsilon
        let kept = this.Adjusted(values.gather (-1L, places), largest, rounding, epsilon, want)
        let most = Entrywise.greatestOf epsilon tensor.dtype
        let eigenvalues = (kept * unit).clamp((-most).AsScalar(), most.AsScalar())

        let eigenvalues =
            if want = Want.Start then
                this.Started(eigenvalues, rounding * unit, epsilon)
            else
                eigenvalues

        let shape =
            Array.append places.shape[.. places.shape.Length - 2] [| Tensors.rows vectors; Tensors.last places |]

        let columns = vectors.gather (-1L, places.unsqueeze(-2L).expand shape)

        // Some maps of vectors reach rotations only; the sign of one changes nothing.
        let columns =
            if Tensors.rows columns = Tensors.last columns then
                Orthonormal.asRotation columns
            else
                columns

        Ok
            {
                Inputs = [| columns.``to`` tensor.dtype; eigenvalues.``to`` tensor.dtype |]
                Buffers = [||]
            }

    interface ICombines with
        member _.CodeWith inputs =
            Code.call name [ yield! [ for rank in ValueOption.toList rank -> Code.Long rank ]; Code.Items inputs ]

    interface INarrows with
        member _.Narrow(tensor, dtype) = Entrywise.saturated dtype tensor

    interface IDecomposes with
        member _.Numbers = 1
        member _.Size inputs = Tensors.rows inputs[0]
        member _.IsRelative = true

    interface IRelatesInputs with
        member _.DomainsBehind before = [ Decomposition.vectors; Decomposition.numbers [ before.Head ] ]

    interface IDimension with
        /// n r - r (r - 1) / 2 by all numbers.
        member this.Dimension(form, before, _) =
            match Dimension.matrices form, this.Inputs form with
            | Some one, Ok forms ->
                let rank = count one.Rows
                let byAllNumbers = one.Count * (one.Rows * rank - rank * (rank - 1L) / 2L)
                Decomposition.dimension byAllNumbers [ forms[0], before[0] ] (forms[1], before[1])
            | _ -> None

    interface IDeterminant with
        /// Of full rank: that of the eigenvalues, and twice that of the vectors.
        member _.LogAbsDet(inputs, _, ofInput) : torch.Tensor | null =
            if Tensors.rows inputs[0] = Tensors.last inputs[0] then
                inputs[1].abs().log().sum [| -1L |] +. ofInput.Invoke 0 * 2.0.AsScalar()
            else
                null

    interface ISolves with
        member _.Solve(inputs, _, right, _, solveInput) =
            if Tensors.rows inputs[0] = Tensors.last inputs[0] then
                solveInput.Invoke(0, right, false) / inputs[1].unsqueeze -1L
                |> fun found -> solveInput.Invoke(0, found, true)
            else
                null

    interface IVolumeBehind with
        /// The eigenvalues may be any of a space: what they do beside turning vectors is an isometry.
        member _.Measures before =
            match before with
            | [ vectors; values ] -> vectors.IsOpenIn StiefelSpaces.stiefel && values.Dimension.IsSome
            | _ -> false

        /// `sum_{i<j} log |l_i - l_j| + (n - r) sum_i log (sqrt 2 |l_i|)`.
        member _.LogVolume(inputs, _) =
            let values = inputs[1]
            let others = float (Tensors.rows inputs[0] - Tensors.last inputs[0])
            let apart = EigenvaluePairs.logDifferences values

            if others = 0.0 then
                apart
            else
                let sizes = values.abs().log() .+ (log 2.0 / 2.0).AsScalar()
                apart +. sizes.sum [| -1L |] * others.AsScalar()

    abstract Behind: values: Space -> Node

    default this.Behind values =
        let isAscending = values.IsWithin OrderedSpaces.ordered

        match values with
        | :? RatioSpace as bounded -> RatioEigenNode(rank, bounded.Ratio)
        | _ when values.IsWithin PositiveSpaces.positive ->
            PositiveEigenNode(rank, values.Equals PositiveSpaces.positive, isAscending)
        | _ when values.IsWithin PositiveSpaces.nonNegative ->
            NonNegativeEigenNode(rank, values.Equals PositiveSpaces.nonNegative, isAscending)
        | _ when isAscending -> EigenNode(rank, isAscending)
        | _ -> this

    interface ISpecialized with
        member this.Behind before = this.Behind before[1]

/// The same where no eigenvalue can be negative: it takes the largest ones, whose positive part is the nearest (Higham 1988).
/// Where they are free, zeros start next to zero, and negative ones not farther than 1: they are squares.
and internal NonNegativeEigenNode(rank: int64 voption, areFree: bool, isAscending: bool) =
    inherit EigenNode(rank, isAscending)

    override _.Order values = values

    override _.Started(eigenvalues, rounding, epsilon) =
        if areFree then
            let nextToZero = Entrywise.scales eigenvalues * (epsilon * epsilon).AsScalar()
            let inside = (Entrywise.starts eigenvalues).clamp_max(1.0.AsScalar())
            let started = torch.where (eigenvalues.lt -rounding, inside, nextToZero)
            torch.where (eigenvalues.gt rounding, eigenvalues, started)
        else
            eigenvalues

    override _.Signed(shares, rounding) = EigenNode.Within("l >= 0 (over the largest)", -shares, rounding)
    override this.Behind _ = this

/// The same where all have to be positive. Those that are zero up to rounding count as tiny, and are on the edge. Where each may
/// be any positive number, the others become tiny too, beside the largest.
and internal PositiveEigenNode(rank: int64 voption, areFree: bool, isAscending: bool) =
    inherit NonNegativeEigenNode(rank, areFree, isAscending)

    override _.Started(eigenvalues, _, _) =
        if areFree then
            torch.where (eigenvalues.gt (0.0.AsScalar()), eigenvalues, Entrywise.starts eigenvalues)
        else
            eigenvalues

    override _.Adjusted(kept, largest, rounding, epsilon, want) =
        let tiny = largest * epsilon.AsScalar()

        match want with
        | Want.Exact -> torch.where (kept.gt rounding, kept, tiny)
        | Want.Nearest -> if areFree then kept.maximum tiny else kept
        | Want.Start -> torch.where (kept.gt rounding, kept, kept.clamp_max (0.0.AsScalar()))

    interface IHasEdge with
        member this.TouchesEdge(tensor, epsilon) =
            let struct (shares, rounding) = this.LeastShare(tensor, epsilon)
            (shares.le rounding).any().item<bool>()

/// The same if eigenvalues may differ by at most a factor, which multiplies the rounding error of the smallest.
and internal RatioEigenNode(rank: int64 voption, ratio: float) =
    inherit NonNegativeEigenNode(rank, false, false)

    override _.Signed(shares, rounding) =
        if Tensors.number (shares.min ()) > 0.0 then
            let limits = (rounding * (1.0 + ratio).AsScalar()).expand_as shares

            EigenNode.Within(
                (invariant $"l_1 <= {ratio} l_n (over l_1)"),
                shares * (-ratio).AsScalar() .+ 1.0.AsScalar(),
                limits
            )
        else
            Error { Condition = "l > 0"; Size = 1.0; Limit = 0.0 }

    override _.Adjusted(kept, _, _, _, want) = if want = Want.Exact then Ratios.within ratio kept else kept
