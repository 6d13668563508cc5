namespace Parametrize

open TorchSharp
open Parametrize.LinearAlgebra

[<RequireQualifiedAccess>]
module internal InvertibleSpaces =

    let nonsingular: Space =
        { new Space("invertible matrices",
                    [],
                    [ Closure.Scaling; Closure.RowScaling; Closure.Negation; Closure.Transposition; Closure.DirectSum ]) with
            override _.Dimension form = System.Nullable(Form.reals form)
        }

    let positiveDeterminant: Space =
        { new Space("matrices with positive determinant",
                    [ nonsingular ],
                    [ Closure.Scaling; Closure.RowScaling; Closure.Transposition; Closure.DirectSum ]) with
            override _.Dimension form = System.Nullable(Form.reals form)
        }

    let unitDeterminant: Space =
        { new Space("matrices with determinant 1", [ positiveDeterminant ], [ Closure.Transposition; Closure.DirectSum ]) with
            override _.Dimension form = Dimension.ofMatrices (fun one -> one.Rows * one.Rows - 1L) form
          interface IFixedDeterminant with
              member _.LogAbsDet _ = 0.0
        }

/// Which determinants the matrices of a node may have.
[<RequireQualifiedAccess>]
type internal Determinants =
    | NotZero
    | Positive
    | One

/// Square matrices by their LU factors: `W = P L U` with P fixed and the diagonal of U of fixed signs (Kingma & Dhariwal 2018,
/// section 3.2), whose product is that of P where the determinant is to be positive. One matrix X holds both factors: L has
/// ones on the diagonal and the strict lower triangle of X, U has the strict upper triangle and `sign_i exp(X_ii)`. Where the
/// determinant is to be 1, the mean is taken off the X_ii.
type internal InvertibleNode(determinants: Determinants) =
    inherit Node()

    let isUnit = determinants = Determinants.One
    let hasEitherSign = determinants = Determinants.NotZero

    let centred (logarithms: torch.Tensor) =
        if isUnit then
            logarithms - logarithms.mean ([| -1L |], keepdim = true)
        else
            logarithms

    /// The largest logarithm that is used: beyond it, means could leave the range.
    let farthest = 1e4

    /// log |U_ii|, kept where its exponential is a normal number.
    let logDiagonal (x: torch.Tensor) =
        let least, greatest = log (Form.least x.dtype), log (Form.greatest x.dtype)
        // The logarithm of the largest number, if it were rounded up, would yield infinity.
        let greatest = greatest * (1.0 - 4.0 * Form.epsilon x.dtype)
        let within = (Tensors.diagonal x).clamp((-farthest).AsScalar(), farthest.AsScalar())
        (centred within).clamp(least.AsScalar(), greatest.AsScalar())

    let lower (x: torch.Tensor) = x.tril -1L +. Tensors.eyeLike x

    let upper (x: torch.Tensor) (sign: torch.Tensor) = x.triu 1L +. torch.diag_embed (sign * (logDiagonal x).exp())

    /// Row i of the result is row `order_i`.
    let reorder (order: torch.Tensor) (matrix: torch.Tensor) =
        matrix.gather (-2L, order.unsqueeze(-1L).expand matrix.shape)

    let inUnits: torch.Tensor -> struct (torch.Tensor * torch.Tensor) = Norms.matricesInUnits 0.0

    /// The smallest singular value over the largest, of each matrix.
    let conditionings (unit: torch.Tensor) =
        let values = torch.linalg.svdvals unit
        let largest, least = values.select (-1L, 0L), values.select (-1L, -1L)
        (least / largest).nan_to_num 0.0

    /// Rounding of the entries moves singular values by so much of the largest one, whatever the size of the matrix.
    let leastConditioning (epsilon: float) = epsilon

    /// In a unit in which products of two factors stay far below the largest number; ordinary factors stay as they are.
    let inUnit (factor: torch.Tensor) : struct (torch.Tensor * torch.Tensor) =
        let most = Form.greatest factor.dtype ** 0.4

        let unit =
            factor.detach().abs().amax([| -2L; -1L |], keepdim = true).div(most.AsScalar()).clamp_min(1.0.AsScalar())

        struct (factor / unit, unit)

    /// Large factors yield large numbers, never infinite ones or differences of these.
    let product (lower: torch.Tensor) (upper: torch.Tensor) =
        let struct (lower, lowerUnit) = inUnit lower
        let struct (upper, upperUnit) = inUnit upper
        let finite = Entrywise.within (Form.greatest lower.dtype)
        finite (finite (lower.matmul upper * lowerUnit) * upperUnit)

    /// `log |det W|` of each matrix.
    let logDeterminantOf (unit: torch.Tensor) (size: torch.Tensor) =
        let struct (_, logarithm) = torch.linalg.slogdet unit
        logarithm +. size.squeeze(-1L).squeeze(-1L).log() * (float (Tensors.last unit)).AsScalar()

    /// A matrix of determinant 1, nearly the nearest, for one whose determinant only rounding has moved. It goes along the
    /// gradient of log det, W^-T, so no entry moves by more than rounding. If only one pivot were corrected, it would take the
    /// change of all entries.
    let corrected (unit: torch.Tensor) (size: torch.Tensor) =
        let step (matrix: torch.Tensor) () =
            let gradient = (torch.linalg.inv matrix).mT
            let missing = FixedDeterminant.missing (logDeterminantOf matrix size)
            matrix +. gradient * (missing / gradient.Squared().sum([| -2L; -1L |], keepdim = true))

        Seq.init 2 ignore |> Seq.fold step unit

    /// The last pivot makes the product 1.
    let closed (logarithms: torch.Tensor) =
        let others = logarithms.narrow (-1L, 0L, Tensors.last logarithms - 1L)
        torch.cat ([| others; -(others.sum ([| -1L |], keepdim = true)) |], -1L)

    /// The parts of a matrix. If it need not be allowed but needs determinant 1, those of a multiple of it.
    let inverse (dtype: torch.ScalarType) (isAllowed: bool) (struct (matrix: torch.Tensor, unit: torch.Tensor)) =
        let isRounded = isUnit && isAllowed
        let matrix = if isRounded then corrected matrix unit else matrix
        let struct (permutation, lower, upper) = torch.linalg.lu matrix
        let diagonal = Tensors.diagonal upper
        let whole = diagonal.abs().log() +. unit.squeeze(-1L).log()
        let logarithms = if isRounded then closed whole else centred whole

        let unit =
            if isUnit && not isAllowed then
                unit * (logarithms - whole).narrow(-1L, 0L, 1L).exp().unsqueeze -1L
            else
                unit

        let strict = lower.tril -1L +. Entrywise.within (Form.greatest dtype) (upper.triu 1L * unit)
        let x = strict +. torch.diag_embed logarithms
        // Column j of a row of P that holds a one: the row of L U that lands there.
        let order = permutation.argmax -1L
        NodeParts.carrying (x.``to`` dtype) [ order; diagonal.sign().``to`` dtype ]

    /// The singular values. The last one changes its sign if the determinant is negative but must not be.
    let turned (left: torch.Tensor) (right: torch.Tensor) (values: torch.Tensor) =
        if hasEitherSign then
            values
        else
            let turn = Tensors.determinantSign (left.matmul right)
            let others = values.narrow (-1L, 0L, Tensors.last values - 1L)
            let smallest = values.select (-1L, -1L) * turn
            torch.cat ([| others; smallest.unsqueeze -1L |], -1L)

    /// The matrix in units, with singular values raised to this part of the largest, this part of their mean, or this number; and
    /// the units.
    let lifted (tensor: torch.Tensor) (partOfLargest: float) (partOfMean: float) (least: float) =
        let struct (matrix, unit) = Norms.matricesInUnits (least * 1e-200) tensor
        let struct (left, values, right) = torch.linalg.svd matrix
        let largest = values.amax ([| -1L |], keepdim = true)
        // A zero matrix has no scale of its own.
        let isZero = largest.eq (0.0.AsScalar())
        let largest = torch.where (isZero, torch.ones_like largest, largest)
        let mean = values.mean ([| -1L |], keepdim = true)
        let mean = torch.where (isZero, torch.full_like (mean, 2.0.AsScalar()), mean)
        let least = (unit.squeeze(-1L).reciprocal() * least.AsScalar()).nan_to_num(0.0)

        let lifted =
            values.maximum(largest * partOfLargest.AsScalar()).maximum(mean * partOfMean.AsScalar()).maximum least

        struct (left.matmul ((turned left right lifted).unsqueeze -1L * right), unit)

    /// `|log det W|`, and its tolerance: rounding an entry moves `log det W` by the change times the entry of W^-T.
    let logDeterminants (unit: torch.Tensor) (size: torch.Tensor) (epsilon: float) =
        let moved = ((torch.linalg.inv unit).mT * unit).abs().sum([| -2L; -1L |])
        struct ((logDeterminantOf unit size).abs(), moved * (Tensors.roundoff epsilon 1.0).AsScalar())

    /// Which matrices of a batch are allowed.
    let areAllowed (tensor: torch.Tensor) (epsilon: float) : torch.Tensor =
        let struct (unit, size) = inUnits tensor
        let areRegular = (conditionings unit).ge((leastConditioning epsilon).AsScalar())

        let haveSign =
            if hasEitherSign then
                areRegular
            else
                areRegular.logical_and ((Tensors.determinantSign unit).gt(0.0.AsScalar()))

        if isUnit then
            let others = (haveSign.logical_not().unsqueeze -1L).unsqueeze -1L
            let invertible = torch.where (others, Tensors.eyeLike unit, unit)
            let struct (sizes, limits) = logDeterminants invertible size epsilon
            haveSign.logical_and (sizes.le limits)
        else
            haveSign

    override _.Code =
        Code.name (
            match determinants with
            | Determinants.NotZero -> "nonsingular"
            | Determinants.Positive -> "invertible"
            | Determinants.One -> "specialLinear"
        )

    override this.Inputs form = Node.same this Requirement.realSquares form

    override _.Codomain _ =
        match determinants with
        | Determinants.NotZero -> InvertibleSpaces.nonsingular
        | Determinants.Positive -> InvertibleSpaces.positiveDeterminant
        | Determinants.One -> InvertibleSpaces.unitDeterminant

    override _.Buffers =
        let diagonal (form: Form) = { form with Shape = Array.truncate (form.Shape.Length - 1) form.Shape }

        [
            {
                Name = "order"
                Role = BufferRole.Constant
                FormFor = fun form -> { diagonal form with Dtype = torch.ScalarType.Int64 }
            }
            { Name = "sign"; Role = BufferRole.Constant; FormFor = diagonal }
        ]

    override _.Forward(inputs, buffers) =
        let x = inputs[0]
        product (lower x) (upper x buffers[1]) |> reorder buffers[0]

    /// `log |det W|`: a sum over the diagonal.
    member _.LogDeterminant(inputs: torch.Tensor[]) : torch.Tensor = (logDiagonal inputs[0]).sum([| -1L |])

    /// `W^-1` by two triangular solves.
    member _.Inverse(inputs: torch.Tensor[], buffers: torch.Tensor[]) : torch.Tensor =
        let x = inputs[0]
        let permuted = reorder (buffers[0].argsort -1L) (Tensors.eyeLike(x).expand x.shape)
        let half = torch.linalg.solve_triangular (lower x, permuted, upper = false, unitriangular = true)
        torch.linalg.solve_triangular (upper x buffers[1], half, upper = true)

    interface IVolumeBehind with
        /// Of logarithms of the diagonal whose mean is taken off, one direction is not read.
        member _.Measures before = if isUnit then before.Head.IsLeaf else before.Head.IsOpen

        /// `sum_i (n - i + 1) log |U_ii|`, i from 1. Along the matrices of determinant 1, by `log |W^-1| - log n / 2` more, with
        /// Frobenius' norm, since the gradient of `log det W` is W^-T.
        member this.LogVolume(inputs, buffers) =
            let x = Tensors.inDouble inputs[0]
            let size = Tensors.last x
            let places = Tensors.range 0L size x.dtype x.device
            let ofFactors = (((float size).AsScalar() .- places) * logDiagonal x).sum [| -1L |]

            let whole =
                if isUnit then
                    let inverse = this.Inverse([| x |], [| buffers[0]; Tensors.inDouble buffers[1] |])
                    ofFactors +. Norms.logOfMatrix inverse - (log (float size) / 2.0).AsScalar()
                else
                    ofFactors

            whole.``to`` inputs[0].dtype

    override _.Contains(_, tensor, epsilon) =
        let struct (unit, size) = inUnits tensor
        let sign = Tensors.number ((Tensors.determinantSign unit).min())
        let conditioning, least = Tensors.number ((conditionings unit).min()), leastConditioning epsilon

        if conditioning < least then
            Error
                {
                    Condition = invariant $"sigma_min / sigma_max >= {least:g3}"
                    Size = least - conditioning
                    Limit = 0.0
                }
        elif sign <= 0.0 && not hasEitherSign then
            Error { Condition = "det W > 0 (sign)"; Size = -sign; Limit = 0.0 }
        elif isUnit then
            let struct (sizes, limits) = logDeterminants unit size epsilon
            let worst = (sizes / limits).flatten().argmax()
            let at (tensor: torch.Tensor) = Tensors.number (tensor.flatten().[worst])
            Violation.unless "log det W = 0" (at sizes) (at limits)
        else
            Ok()

    override _.Invert(_, tensor, epsilon, want) =
        let partOfLargest = 4.0 * leastConditioning epsilon

        match want with
        | Want.Exact -> inUnits tensor
        | Want.Nearest -> lifted tensor partOfLargest 0.0 0.0
        | Want.Start ->
            let struct (started, unit) as all = lifted tensor partOfLargest 0.5 Entrywise.leastStart

            // A single matrix gets here only if it is not allowed, so all of it is replaced.
            if tensor.dim () = 2L then
                all
            else
                let stays = ((areAllowed tensor epsilon).unsqueeze -1L).unsqueeze -1L
                struct (torch.where (stays, tensor / unit, started), unit)
        |> inverse tensor.dtype (want = Want.Exact)

    interface IDeterminant with
        member this.LogAbsDet(inputs, _, _) = this.LogDeterminant inputs

    interface ISolves with
        member this.Solve(inputs, buffers, right, isTransposed, _) =
            let x, sign = inputs[0], buffers[1]
            let lower, upper = lower x, upper x sign

            let order (places: torch.Tensor) (rows: torch.Tensor) =
                let batch = torch.broadcast_tensors ([| places.unsqueeze -1L; rows |])
                rows.expand(batch[0].shape).gather(-2L, batch[0])

            if isTransposed then
                let half = torch.linalg.solve_triangular (upper.mT, right, upper = false)
                let whole = torch.linalg.solve_triangular (lower.mT, half, upper = true, unitriangular = true)
                order buffers[0] whole
            else
                let ordered = order (buffers[0].argsort -1L) right
                let half = torch.linalg.solve_triangular (lower, ordered, upper = false, unitriangular = true)
                torch.linalg.solve_triangular (upper, half, upper = true)

    interface INarrows with
        member _.Narrow(tensor, dtype) = Entrywise.saturated dtype tensor

    interface IRepairs with
        member _.CanCarry(buffers, _) =
            let order, sign = buffers[0], buffers[1]
            let struct (sorted, _) = order.sort -1L
            let places = Tensors.range 0L (Tensors.last order) order.dtype order.device
            let wrong name condition size = Violation.unless condition size 0.0 |> Result.mapError (fun v -> name, v)

            wrong
                "order"
                "each row stands once in the order (rows elsewhere)"
                (Tensors.number (sorted.ne(places).sum()))
            |> Result.bind (fun () -> wrong "sign" "sign_i = 1 or -1" (Tensors.largest (sign.abs () - 1.0.AsScalar())))
            |> Result.bind (fun () ->
                if hasEitherSign then
                    Ok()
                else
                    // W for L = I: its determinant has the sign of det W.
                    let signs = sign |> Tensors.inDouble |> torch.diag_embed |> reorder order
                    wrong "sign" "det W > 0" (1.0 - Tensors.number ((Tensors.determinantSign signs).min())))

        member _.Repair buffers = buffers

/// Quantities that the factors of an `invertible` or `nonsingular` matrix give at low cost.
[<RequireQualifiedAccess; CompilationRepresentation(CompilationRepresentationFlags.ModuleSuffix)>]
module Invertible =

    let private nodeOf (value: Parametrization) : InvertibleNode =
        match value.Tree with
        | Tree.Apply(:? InvertibleNode as node, [ Tree.Leaf ], _) -> node
        | _ ->
            raise (
                System.InvalidOperationException
                    $"{value} is not the value of invertible matrices, so its factors are not known. `Solve(b)` and `LogAbsDeterminant()` (F#: `Parametrization.solve`, `logAbsDet`) serve all square matrices."
            )

    /// Computes in float32 for 16-bit floats, as the map itself does.
    let private computed (parts: Parts) (compute: torch.Tensor[] * torch.Tensor[] -> torch.Tensor) : torch.Tensor =
        use _ = torch.NewDisposeScope()
        let wide = Array.map Tensors.widen
        let result = compute (wide parts.ParameterArray, wide parts.BufferArrays[0])
        result.``to``(parts.ParameterArray[0].dtype).MoveToOuterDisposeScope()

    /// `W^-1`, differentiable. The caller disposes it. Throws InvalidOperationException for other values.
    let inverse (value: Parametrization) (parts: Parts) : torch.Tensor =
        let node = nodeOf value
        computed parts node.Inverse

    /// `log |det W|`, one number for each matrix of a batch, differentiable. Throws InvalidOperationException for other
    /// values.
    let logDeterminant (value: Parametrization) (parts: Parts) : torch.Tensor =
        let node = nodeOf value
        computed parts (fun (inputs, _) -> node.LogDeterminant inputs)

namespace Parametrize.Values

open Parametrize

/// The values `invertible`, `nonsingular` and `specialLinear`.
[<AutoOpen>]
module InvertibleValues =

    /// Real n x n matrices with a positive determinant, by their LU factors; see `Invertible` for inverse and determinant.
    let invertible: Parametrization = Parametrization.ofNode (InvertibleNode Determinants.Positive)

    /// Real n x n matrices that have an inverse, by their LU factors, as `invertible`. Training keeps the sign of the determinant;
    /// an assigned matrix brings its own. O(n^3). Projects to the nearest one.
    let nonsingular: Parametrization = Parametrization.ofNode (InvertibleNode Determinants.NotZero)

    /// Real n x n matrices with determinant 1, by their LU factors, as `invertible`. O(n^3). Projects to a matrix of positive
    /// determinant, as `invertible` does, divided by the n-th root of that: a retraction.
    let specialLinear: Parametrization = Parametrization.ofNode (InvertibleNode Determinants.One)
