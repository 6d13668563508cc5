namespace Parametrize

open TorchSharp
open Parametrize.LinearAlgebra

[<RequireQualifiedAccess>]
module internal SpdDeterminantSpaces =

    let ofDeterminant (determinant: float) : Space =
        { new Space((invariant $"positive definite matrices of determinant {determinant}"),
                    [ PositiveDefiniteSpaces.positiveDefinite ],
                    [ Closure.Transposition ]) with
            override _.Dimension form = Dimension.ofMatrices (fun one -> Dimension.ofHalf 1L one - 1L) form
          interface IFixedDeterminant with
              member _.LogAbsDet _ = log determinant
        }

/// Real positive definite matrices of a determinant d by their Cholesky factor: `W = L L^T` with
/// `L_ii = d^(1/2n) exp(X_ii - mean X_ii)`. The strict lower triangle of X is that of L.
type internal SpdDeterminantNode(determinant: float) =
    inherit Node()

    /// The node of positive definite matrices of any determinant.
    let definite = PositiveDefiniteNode 0.0
    let meanOf (diagonal: torch.Tensor) = diagonal.mean ([| -1L |], keepdim = true)

    /// The logarithm of the n-th root of the determinant of L.
    let level (matrix: torch.Tensor) = log determinant / (2.0 * float (Tensors.last matrix))

    /// A factor in double precision, as `definite` finds it.
    let factorFor (tensor: torch.Tensor) (epsilon: float) (want: Want) : Result<torch.Tensor, string> =
        definite.Invert([||], Tensors.inDouble tensor, epsilon, want)
        |> Result.map (fun parts ->
            let x = parts.Inputs[0]
            x.tril -1L +. torch.diag_embed (Entrywise.softplus (Tensors.diagonal x)))

    /// How far `log det W` of each matrix is off.
    let deviation (factor: torch.Tensor) =
        (Tensors.diagonal factor).log().sum -1L * 2.0.AsScalar() - (log determinant).AsScalar()

    let inverseOf (factor: torch.Tensor) =
        torch.linalg.solve_triangular (factor, (Tensors.eyeLike factor).expand_as factor, upper = false)

    /// The deviation of `log det W` up to which one more step of `corrected` is enough.
    let nearby = 1e-3

    /// The factor of nearly the nearest matrix of that determinant to one whose determinant only rounding has moved: along the
    /// gradient of log det, W^-1, no entry moves by more than rounding. A single pivot would have to move by that of all entries
    /// together. `W + c W^-1 = L (I + c (L^-1 L^-T)^2) L^T`.
    let corrected (factor: torch.Tensor) =
        let step (factor: torch.Tensor) =
            let half = inverseOf factor
            let half = half / half.abs().amax([| -2L; -1L |], keepdim = true)
            let inverse = half.matmul half.mT
            let inverse = inverse / inverse.Squared().sum([| -2L; -1L |], keepdim = true).sqrt()
            let missing = FixedDeterminant.missing (deviation factor)
            let inner = Tensors.eyeLike factor +. inverse.matmul inverse * missing
            factor.matmul (torch.linalg.cholesky inner)

        // Rounding moves the determinants of large matrices by more than a step reaches.
        let rec from (left: int) (factor: torch.Tensor) =
            if left = 0 || Tensors.largest (deviation factor) <= nearby then
                factor
            else
                from (left - 1) (step factor)

        factor |> step |> step |> from 10

    /// The deviations of `log det W`, and their tolerances: rounding an entry moves `log det W` by the change times the entry of
    /// W^-1. If the determinant is too small, the tolerance is that of eigenvalues that are all off alike, which is the largest
    /// since `log det` is concave.
    let deviations (factor: torch.Tensor) (epsilon: float) =
        let off = deviation factor
        // In units of the diagonal of W, which changes nothing here.
        let unit = factor / factor.Squared().sum([| -1L |], keepdim = true).sqrt()
        let half = inverseOf unit
        let seen = (half.mT.matmul half * unit.matmul unit.mT).abs().sum([| -2L; -1L |])
        let count = float (Tensors.last factor)
        // The logarithms of the pivots are rounded, too.
        let ofLogarithms = Form.epsilon torch.float64 * count * abs (log determinant)
        let moved = seen * (Tensors.roundoff epsilon 1.0).AsScalar() .+ ofLogarithms.AsScalar()
        let size = count.AsScalar()
        struct (off.abs (), torch.where (off.lt (0.0.AsScalar()), (moved / size).log1p() * size, moved))

    /// That of a start, which has no tiny eigenvalues: with the given determinant, these would come with huge ones.
    let startFactor (tensor: torch.Tensor) (epsilon: float) = factorFor tensor epsilon Want.Start

    /// The factor of the matrix with the nearest eigenvalues of that determinant. Where one of these is so small beside the largest
    /// that rounding hides it, the factor of a start.
    let nearestFactor (tensor: torch.Tensor) (epsilon: float) : Result<torch.Tensor, string> =
        let half = Tensors.inDouble tensor / 2.0.AsScalar()
        let struct (values, vectors) = torch.linalg.eigh (half +. half.mT)
        let mean = torch.full_like (values.narrow (-1L, 0L, 1L), (2.0 * level tensor).AsScalar())
        let nearest = FixedDeterminant.nearestNumbers values mean
        let struct (_, upper) = torch.linalg.qr ((nearest.sqrt().unsqueeze -1L) * vectors.mT)
        let factor = upper.mT * (Tensors.diagonal upper).sign().unsqueeze -2L
        let share = nearest.amin ([| -1L |], keepdim = true) / nearest.amax ([| -1L |], keepdim = true)
        let isSeen = share.ge((epsilon / 16.0).AsScalar()).unsqueeze -1L

        if isSeen.all().item<bool>() then
            Ok factor
        else
            startFactor tensor epsilon |> Result.map (fun start -> torch.where (isSeen, factor, start))

    /// The logarithms of the diagonal of the factor.
    let logPivots (x: torch.Tensor) =
        let farthest = 1e4
        let diagonal = (Tensors.diagonal x).clamp((-farthest).AsScalar(), farthest.AsScalar())
        diagonal - meanOf diagonal .+ (level x).AsScalar()

    let factor (x: torch.Tensor) =
        // Sums of several squares must be numbers, too.
        let range = Entrywise.within (Form.greatest x.dtype ** (if Tensors.last x = 1L then 0.5 else 0.45))
        range (x.tril -1L +. torch.diag_embed (Entrywise.exp (logPivots x)))

    override _.Code = Code.call "spdWithDeterminant" [ Code.Float determinant ]
    override this.Inputs form = Node.same this Requirement.realSquares form
    override _.Codomain _ = SpdDeterminantSpaces.ofDeterminant determinant

    override _.Forward(inputs, _) =
        let factor = factor inputs[0]
        let matrix = factor.matmul factor.mT
        Entrywise.keepFinite matrix
        matrix

    override _.Contains(present, tensor, epsilon) =
        definite.Contains(present, tensor, epsilon)
        |> Result.bind (fun () ->
            match factorFor tensor epsilon Want.Exact with
            | Error reason -> Error { Condition = reason; Size = infinity; Limit = 0.0 }
            | Ok factor ->
                let struct (sizes, limits) = deviations factor epsilon
                let worst = (sizes / limits).flatten().argmax()
                let at (numbers: torch.Tensor) = Tensors.number (numbers.flatten().[worst])
                let condition = invariant $"log det W = {log determinant}"

                Violation.unless condition (at sizes) (at limits)
                |> Result.bind (fun () ->
                    // Rounding may move the determinant of a nearly singular matrix by any factor, but not every such matrix is near
                    // one of this determinant.
                    if Tensors.largest sizes <= nearby then
                        Ok()
                    else
                        let found = corrected factor
                        Tensors.nearEach condition epsilon (found.matmul found.mT) (Tensors.inDouble tensor)))

    override _.Invert(_, tensor, epsilon, want) =
        match want with
        | Want.Exact -> factorFor tensor epsilon want |> Result.map corrected
        | Want.Nearest -> nearestFactor tensor epsilon
        | Want.Start -> startFactor tensor epsilon
        |> Result.bind (fun factor ->
            let logarithms = (Tensors.diagonal factor).log()

            let x =
                if want = Want.Exact then
                    // The last pivot makes the determinant.
                    let others = logarithms.narrow (-1L, 0L, Tensors.last factor - 1L) - (level tensor).AsScalar()
                    let last = -(others.sum ([| -1L |], keepdim = true))
                    factor.tril -1L +. torch.diag_embed (torch.cat ([| others; last |], -1L))
                else
                    let mean = meanOf logarithms
                    let scale = ((level tensor).AsScalar() .- mean).exp().unsqueeze -1L
                    factor.tril -1L * scale +. torch.diag_embed (logarithms - mean)

            NodeParts.ofInput (x.``to`` tensor.dtype))

    interface IHasEdge with
        member _.TouchesEdge(tensor, epsilon) = (definite :> IHasEdge).TouchesEdge(tensor, epsilon)

    interface IVolumeBehind with
        /// Above the diagonal nothing is read.
        member _.Measures before = before.Head.IsLeaf

        /// That of all positive definite matrices, with `log L_ii` in place of L_ii, along the matrices of one determinant:
        /// `sum_i (n - i + 2) log L_ii + log |W^-1| - log (2 sqrt n) + n log 2`, i from 1, with Frobenius' norm, since the gradient of
        /// `log det W` is W^-1; entries beside the diagonal are there twice.
        member _.LogVolume(inputs, _) =
            let x = Tensors.inDouble inputs[0]
            let size = Tensors.last x
            let logarithms = logPivots x
            let places = Tensors.range 0L size x.dtype x.device
            let weights = (float (size + 1L)).AsScalar() .- places
            let factor = factor x
            let identity = (Tensors.eyeLike factor).expand_as factor
            let half = torch.linalg.solve_triangular (factor, identity, upper = false)
            let inverse = Norms.logOfMatrix (half.mT.matmul half)
            let constant = (float size + float (size * (size - 1L)) / 4.0 - 1.0) * log 2.0 - log (float size) / 2.0
            ((weights * logarithms).sum [| -1L |] +. inverse .+ constant.AsScalar()).``to`` inputs[0].dtype

    interface IReaches with
        /// The product of the numbers on the diagonal is at least the determinant (Hadamard).
        member _.Least(form, _) = determinant ** (1.0 / float (max 1L (Array.last form.Shape)))

    interface IHoldsNumbers with
        member _.Factors = [ determinant ]
        member _.Offsets = []

    interface ISolves with
        member _.Solve(inputs, _, right, _, _) = CholeskyFactor.solve (factor inputs[0]) right

    interface INarrows with
        member _.Narrow(tensor, dtype) = Entrywise.saturated dtype tensor

    interface ISampled with
        /// What normal parameters yield, with rows of L that are about as long whatever their number: else the condition number
        /// would grow exponentially with it.
        member this.Sample(form, generator) =
            let normal = Form.normal generator form
            let shorter = normal.tril -1L / (sqrt (float (Tensors.last normal))).AsScalar()
            this.Forward([| shorter +. torch.diag_embed (Tensors.diagonal normal) |], [||])

namespace Parametrize.Values

open System
open Parametrize

/// The value `spdWithDeterminant`.
[<AutoOpen>]
module SpdDeterminantValues =

    /// Real symmetric positive definite n x n matrices of that determinant, by their Cholesky factors. O(n^3). Projects to a matrix
    /// near it, by its eigenvalues: they move by `c / l_i` with one c, as those of the nearest matrix do. Where an eigenvalue would be
    /// lost in rounding beside the largest, it lifts all as for a start of `spd`, and divides the matrix by a number. Throws
    /// ArgumentException for a determinant that is not positive and finite.
    let spdWithDeterminant (determinant: float) : Parametrization =
        Options.requirePositive (nameof determinant) determinant

        Parametrization.ofNode (SpdDeterminantNode determinant)
