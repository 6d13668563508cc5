namespace Parametrize

open TorchSharp
open Parametrize.LinearAlgebra

[<RequireQualifiedAccess>]
module internal CorrelationSpaces =

    let private belowDiagonal (one: Dimension.Matrices) : int64 = one.Rows * (one.Rows - 1L) / 2L

    let correlation: Space =
        { new Space("correlation matrices",
                    [ PositiveDefiniteSpaces.positiveDefinite ],
                    [ Closure.Transposition; Closure.DirectSum ]) with
            override _.Dimension form = Dimension.ofMatrices belowDiagonal form
        }

    let factor: Space =
        { new Space("Cholesky factors of correlation matrices",
                    [
                        TriangularSpaces.triangular Triangle.Lower
                        InvertibleSpaces.positiveDeterminant
                        SphereSpaces.sphere 1.0
                    ],
                    [ Closure.DirectSum ]) with
            override _.Dimension form = Dimension.ofMatrices belowDiagonal form
            override _.IsLeftByRounding = true

            /// No diagonal entry becomes zero.
            override _.Rounded(tensor, dtype) =
                let diagonal = Tensors.diagonal tensor
                let raised = diagonal.clamp_min ((Form.smallest dtype).AsScalar())
                (tensor + torch.diag_embed (raised - diagonal)).``to`` dtype
        }

/// Partial correlations `z = tanh x` of n variables, those of i with j < i given the ones before j (Lewandowski, Kurowicka & Joe
/// 2009, section 2), row by row, and the Cholesky factor of their correlation matrix:
/// `L_ij = z_ij prod_{k<j} sqrt(1 - z_ik^2)` with 1 in place of z_ii.
[<RequireQualifiedAccess>]
module internal PartialCorrelations =

    /// For each entry of an n x n matrix, row by row, its place among the numbers below the diagonal, which are counted row by
    /// row; for the others one place more.
    let private places (size: int64) (device: torch.Device) =
        let all = torch.arange (size.AsScalar(), dtype = torch.ScalarType.Int64, device = device)
        let rows, columns = all.unsqueeze -1L, all.unsqueeze 0L
        let before = (all.cumsum 0L - all).unsqueeze -1L
        let none = torch.full_like (rows + columns, (size * (size - 1L) / 2L).AsScalar())
        (torch.where (columns.lt rows, before + columns, none)).flatten()

    let sizeOf (count: int64) : int64 = int64 (round ((1.0 + sqrt (1.0 + 8.0 * float count)) / 2.0))

    /// The numbers below the diagonal, zeros elsewhere.
    let spread (numbers: torch.Tensor) : torch.Tensor =
        let size = sizeOf (Tensors.last numbers)
        let batch = numbers.shape[.. numbers.shape.Length - 2]
        let padded = torch.nn.functional.pad (numbers, [| 0L; 1L |])
        (padded.index_select (-1L, places size numbers.device)).reshape(Array.append batch [| size; size |])

    let private gathered (matrix: torch.Tensor) : torch.Tensor =
        let size = Tensors.last matrix
        let batch = matrix.shape[.. matrix.shape.Length - 3]
        let count = size * (size - 1L) / 2L

        let zeros =
            torch.zeros (Array.append batch [| count + 1L |], dtype = matrix.dtype, device = matrix.device)

        (zeros.index_copy (-1L, places size matrix.device, matrix.flatten -2L)).narrow(-1L, 0L, count)

    /// `log sqrt(1 - tanh^2 x)`, smooth at zero.
    let logSech (x: torch.Tensor) : torch.Tensor = x + (log 2.0).AsScalar() - Entrywise.softplus (x * 2.0.AsScalar())

    let factor (numbers: torch.Tensor) : torch.Tensor =
        let x = spread numbers
        let sums = (logSech x).cumsum -1L
        let before = torch.nn.functional.pad (sums.narrow (-1L, 0L, Tensors.last x - 1L), [| 1L; 0L |])
        let lengths = before.clamp_min((log (Form.least x.dtype)).AsScalar()).exp()
        (x.tanh () + Tensors.eyeLike x) * lengths

    /// Of a lower triangular matrix with a positive diagonal, whose rows may be of any length: `sinh x_ij = L_ij / |L_i,j+1..i|`.
    let ofFactor (factor: torch.Tensor) : torch.Tensor =
        let size = Tensors.last factor
        let squares = (factor.tril ()).square()
        let from = (squares.flip -1L).cumsum(-1L).flip -1L
        let behind = torch.nn.functional.pad (from.narrow (-1L, 1L, size - 1L), [| 0L; 1L |])
        gathered ((factor / behind.sqrt().clamp_min(1e-150.AsScalar())).asinh())

    /// `sum_{i>j} weight(j, i) log sqrt(1 - z_ij^2)` with weights from the places of rows and columns.
    let weighted (numbers: torch.Tensor) (weight: torch.Tensor -> torch.Tensor -> torch.Tensor) : torch.Tensor =
        let size = sizeOf (Tensors.last numbers)
        let all = torch.arange (size.AsScalar(), dtype = numbers.dtype, device = numbers.device)
        (spread (logSech numbers) * weight (all.unsqueeze -1L) (all.unsqueeze 0L)).sum()

/// What correlation matrices and their factors have in common: they read n (n - 1) / 2 numbers.
[<AbstractClass>]
type internal CorrelationNodeBase() =
    inherit Node()

    /// A factor of a random matrix of the uniform distribution: that of the correlation of a Wishart matrix with n + 1 degrees of
    /// freedom.
    member _.SampleFactor(form: Form, generator: torch.Generator | null) : torch.Tensor =
        let shape = Array.copy form.Shape
        let size = Array.last shape
        shape[shape.Length - 1] <- size + 1L

        let normal =
            torch.randn (shape, dtype = torch.ScalarType.Float64, device = form.Device, generator = generator)

        let squares = normal.square ()
        let from = (squares.flip -1L).cumsum(-1L).flip -1L
        let rows = (normal.narrow (-1L, 0L, size)).tril -1L
        let diagonal = (Tensors.diagonal from).narrow(-1L, 0L, size).sqrt()
        let norm = (from.narrow (-1L, 0L, 1L)).sqrt()
        (rows + torch.diag_embed diagonal) / norm

    override this.Inputs form =
        match Form.fault Requirement.realSquares form with
        | Some error -> Error(error (Node.text this))
        | None ->
            let size = Array.last form.Shape

            if size < 2L then
                Node.wrongShape this "matrices of at least 2 rows and columns" form
            else
                let batch = form.Shape[.. form.Shape.Length - 3]
                Ok [ { form with Shape = Array.append batch [| size * (size - 1L) / 2L |] } ]

    override _.Output inputs =
        let shape = inputs.Head.Shape
        let size = PartialCorrelations.sizeOf (Array.last shape)

        { inputs.Head with
            Shape = Array.append shape[.. shape.Length - 2] [| size; size |]
        }

/// Cholesky factors of correlation matrices: lower triangular, with rows of norm 1 and a positive diagonal.
type internal CorrelationFactorNode() =
    inherit CorrelationNodeBase()

    let last = [| -1L |]

    /// The nearest rows, with a diagonal of at least this: what is above the diagonal goes, and the diagonal that is negative.
    let nearest (least: float) (tensor: torch.Tensor) =
        let lower = (Tensors.inDouble tensor).tril()
        let unit = Norms.largest lower [| lower.dim () - 1L |]
        let rows = Norms.inUnits lower unit
        let diagonal = Tensors.diagonal rows
        let kept = rows.tril -1L + torch.diag_embed (diagonal.clamp_min (0.0.AsScalar()))
        let isZero = kept.eq(0.0.AsScalar()).all(-1L, keepdim = true)
        // Such a row is as far from all that are orthogonal to its own axis.
        let isAcross = isZero.logical_and ((diagonal.lt (0.0.AsScalar())).unsqueeze -1L)
        let firstAxis = torch.zeros_like rows
        firstAxis.narrow(-1L, 0L, 1L).fill_(1.0.AsScalar()) |> ignore
        let axes = torch.where (isAcross, firstAxis.tril (), Tensors.eyeLike rows)
        let rows = torch.where (isZero, axes, kept)
        let normalized (rows: torch.Tensor) = rows / rows.square().sum(last, keepdim = true).sqrt()
        let unit = normalized rows
        let raised = (Tensors.diagonal unit).clamp_min(least.AsScalar())
        normalized (unit.tril -1L + torch.diag_embed raised)

    let deviations (tensor: torch.Tensor) =
        ((Tensors.inDouble tensor).square().sum(last, keepdim = true).sqrt() - 1.0.AsScalar()).abs()

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

    interface ISampled with
        member this.Sample(form, generator) = (this.SampleFactor(form, generator)).``to`` form.Dtype

/// Correlation matrices: symmetric and positive definite, with ones on the diagonal.
type internal CorrelationNode() =
    inherit CorrelationNodeBase()

    let sides = [| -2L; -1L |]
    let hermitian (matrix: torch.Tensor) = matrix / 2.0.AsScalar() + matrix.mT / 2.0.AsScalar()

    let product (factor: torch.Tensor) =
        let strict = (factor.matmul factor.mT).tril -1L
        strict + strict.mT + Tensors.eyeLike strict

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
        struct (least, rows * (epsilon / 2.0).AsScalar() + (Tensors.limit epsilon (Tensors.last wide) 1.0).AsScalar())

    let areAllowed (wide: torch.Tensor) (epsilon: float) : struct (torch.Tensor * torch.Tensor) =
        let struct (asymmetry, offDiagonal) = residuals wide
        let struct (least, limit) = leastOf wide epsilon
        let entries = (Tensors.roundoff epsilon 1.0).AsScalar()

        struct (asymmetry.le(entries).logical_and(offDiagonal.le entries).logical_and(least.ge -limit), least.le limit)

    /// A factor of each, raised by what rounding has taken.
    let factorOf (wide: torch.Tensor) =
        let struct (least, floor) = leastOf wide (Form.epsilon torch.ScalarType.Float64)
        let raised = hermitian wide + Tensors.eyeLike wide * (floor - least).clamp_min(0.0.AsScalar())
        let struct (factor, _) = torch.linalg.cholesky_ex raised
        factor

    let nearest (wide: torch.Tensor) (share: float) =
        let found = NearestCorrelation.ofSymmetric (hermitian wide)
        found * (1.0 - share).AsScalar() + Tensors.eyeLike found * share.AsScalar()

    override _.Code = Code.name "correlation"
    override _.Codomain _ = CorrelationSpaces.correlation
    override _.Forward(inputs, _) = product (PartialCorrelations.factor inputs[0])

    override _.Contains(_, tensor, epsilon) =
        let wide = Tensors.inDouble tensor
        let struct (asymmetry, offDiagonal) = residuals wide
        let entries = Tensors.roundoff epsilon 1.0

        Violation.unless "W = W^T" (Tensors.largest asymmetry) entries
        |> Result.bind (fun () -> Violation.unless "W_ii = 1" (Tensors.largest offDiagonal) entries)
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

            PartialCorrelations.weighted numbers (fun _ column -> size.AsScalar() - column)
            + (float (numbers.numel ()) * log 2.0 / 2.0).AsScalar()

    interface ISampled with
        member this.Sample(form, generator) = (product (this.SampleFactor(form, generator))).``to`` form.Dtype

namespace Parametrize.Values

open Parametrize

[<AutoOpen>]
module CorrelationValues =

    /// Real correlation matrices (n >= 2): symmetric, positive definite, ones on the diagonal, from n (n - 1) / 2 partial
    /// correlations `tanh x` (Lewandowski, Kurowicka & Joe 2009). O(n^3). Projects to the nearest one (Higham 2002; by the Newton
    /// method of Qi & Sun 2006), some tens of eigenvalue decompositions. Samples are uniform: LKJ(1).
    let correlation: Parametrization = Parametrization.ofNode (CorrelationNode())

    /// Lower triangular Cholesky factors of real correlation matrices (n >= 2): rows of norm 1, a positive diagonal. O(n^2).
    /// Projects to the nearest one, row by row. Samples are the factors of uniform correlation matrices.
    let correlationCholesky: Parametrization = Parametrization.ofNode (CorrelationFactorNode())
