namespace Parametrize

open TorchSharp
open Parametrize.LinearAlgebra

/// Positive definite matrices as the exponential of the Hermitian part of X, `W = exp((X + X^H) / 2)`, whose inverse is the
/// logarithm (Arsigny et al. 2007, section 2.2). Behind symmetric (Hermitian) matrices that is their exponential.
type internal MatrixExponentialNode(requirement: Requirement) =
    inherit Node()

    let hermitian (matrix: torch.Tensor) = matrix / 2.0.AsScalar() +. matrix.mH / 2.0.AsScalar()

    let column (values: torch.Tensor) (like: torch.Tensor) = values.unsqueeze(-2L).``to`` like.dtype

    /// The Hermitian part in units, and these.
    let inUnits (tensor: torch.Tensor) : struct (torch.Tensor * torch.Tensor) =
        let struct (matrix, unit) = Norms.matricesInUnits 0.0 tensor
        struct (hermitian matrix, unit.squeeze -1L)

    let largest (values: torch.Tensor) = values.amax ([| -1L |], keepdim = true)

    /// Smaller eigenvalues are rounding beside the largest one.
    let floored (epsilon: float) (values: torch.Tensor) =
        let floor = largest (values.abs ()) * epsilon.AsScalar()
        values.maximum(floor).clamp_min((epsilon * epsilon).AsScalar())

    /// The least eigenvalue over the largest, for each matrix.
    let conditioningOf (values: torch.Tensor) =
        let largest = largest values
        let isPositive = largest.gt (0.0.AsScalar())
        let share = values.narrow (-1L, 0L, 1L) / largest
        torch.where (isPositive, share, torch.full_like (share, (-1.0).AsScalar()))

    let conditioning (tensor: torch.Tensor) =
        let struct (matrix, _) = inUnits tensor
        conditioningOf (torch.linalg.eigvalsh matrix)

    let rounding (tensor: torch.Tensor) (epsilon: float) = Tensors.limit epsilon (Tensors.last tensor) 1.0

    /// The logarithms of the eigenvalues for a start, given the eigenvalues over a unit. Those of matrices inside stay. In other
    /// matrices, each eigenvalue is raised to a quarter of the mean modulus, or more if that is too small to train; a zero matrix
    /// has no scale of its own.
    let insideLogarithms (epsilon: float) (values: torch.Tensor) (unit: torch.Tensor) (logarithms: torch.Tensor) =
        let mean = values.abs().mean([| -1L |], keepdim = true)
        let quarter = (mean / 4.0.AsScalar()).log() +. unit.log ()
        let quarter = quarter.clamp_min ((log Entrywise.leastStart).AsScalar())
        let quarter = torch.where (mean.eq (0.0.AsScalar()), torch.zeros_like mean, quarter)
        let isInside = (conditioningOf values).gt((rounding values epsilon).AsScalar())
        torch.where (isInside, logarithms, logarithms.maximum quarter)

    override _.Code = Code.name "matrixExponential"
    override this.Inputs form = Node.same this requirement form

    override _.Domains =
        [
            Domain.OneOf
                [ Domain.free; Domain.Within SymmetricSpaces.symmetric; Domain.Within SymmetricSpaces.hermitian ]
        ]

    override _.Codomain before =
        Space.made
            PositiveDefiniteSpaces.positiveDefinite
            [ SymmetricSpaces.symmetric; SymmetricSpaces.hermitian ]
            [ Closure.Transposition ]
            before.Head

    override _.Forward(inputs, _) = Exponential.ofHermitian (hermitian inputs[0])

    override _.Contains(_, tensor, epsilon) =
        Tensors.nearEach "W = W^H" epsilon tensor.mH tensor
        |> Result.bind (fun () ->
            let least = Tensors.number ((conditioning tensor).min())
            Violation.unless "l_min / l_max > 0" -least (rounding tensor epsilon))

    override _.Invert(_, tensor, epsilon, want) =
        let struct (matrix, unit) = inUnits tensor
        let struct (values, vectors) = torch.linalg.eigh matrix
        let exact = (floored epsilon values).log() +. unit.log ()

        let logarithms = if want = Want.Start then insideLogarithms epsilon values unit exact else exact

        let logarithm = hermitian ((vectors * column logarithms vectors).matmul vectors.mH)
        NodeParts.ofInput (logarithm.``to`` tensor.dtype)

    interface IHasEdge with
        member _.TouchesEdge(tensor, epsilon) = Tensors.number ((conditioning tensor).min()) <= rounding tensor epsilon

    interface IDecomposes with
        member _.Numbers = 0
        member _.Size inputs = Tensors.last inputs[0]

        /// Rounding may move X by as much times the condition number, but a change of X as large could move W by more than
        /// rounding.
        member _.IsRelative = false

    interface ISpecialized with
        member this.Behind before =
            if before.Head.IsWithin SymmetricSpaces.symmetric then
                MatrixExponentialNode Requirement.realSquares
            else
                this

    interface IDimension with
        member _.Dimension(form, before, _) =
            match before.Head with
            | space, dimension when space.IsWithin SymmetricSpaces.symmetric || space.IsWithin SymmetricSpaces.hermitian ->
                dimension
            | short when Dimension.fallsShort form short -> None
            | _ -> PositiveDefiniteSpaces.positiveDefinite.Dimension form |> Option.ofNullable

    interface IDeterminant with
        /// The trace.
        member _.LogAbsDet(inputs, _, _) =
            let diagonal = Tensors.realDiagonal inputs[0]
            let scale = Exponential.scaleOfHermitian (hermitian inputs[0])
            let trace = (Tensors.inDouble diagonal).sum [| -1L |]
            (trace * scale.squeeze(-1L).squeeze -1L).``to`` diagonal.dtype

    interface IVolumeBehind with
        /// Of a parameter, the Hermitian part is read, which is a projection.
        member _.Measures before =
            let before = before.Head

            before.IsLeaf
            || before.IsOpenIn SymmetricSpaces.hermitian
            || not (Form.isComplex before.Form.Dtype) && before.IsOpenIn SymmetricSpaces.symmetric

        /// `sum_i l_i + sum_{i<j} log ((e^l_i - e^l_j) / (l_i - l_j))`, the second sum twice for complex matrices.
        member _.LogVolume(inputs, _) =
            let matrix = hermitian inputs[0]
            let trace = (Tensors.inDouble (Tensors.diagonal matrix)).sum [| -1L |]
            let trace = if trace.is_complex () then trace.real else trace
            let size = float (Tensors.last matrix)
            let pairs = EigenvaluePairs.logSinhcOfHermitian matrix

            let whole =
                if matrix.is_complex () then
                    trace * size.AsScalar() +. pairs * 2.0.AsScalar()
                else
                    trace * ((size + 1.0) / 2.0).AsScalar() +. pairs

            whole.``to`` (Tensors.realType matrix)

    interface INarrows with
        member _.Narrow(tensor, dtype) = PositiveDefinite.narrowed dtype tensor

    interface ISampled with
        member _.Sample(form, generator) =
            let normal = Form.normal generator form

            normal.matmul normal.mH / (float (Tensors.last normal)).AsScalar()
            +. Tensors.eyeLike normal * (0.1).AsScalar()

namespace Parametrize.Values

open Parametrize

/// The value `matrixExponential`.
[<AutoOpen>]
module MatrixExponentialValues =

    /// Positive definite n x n matrices as the exponential of symmetric (Hermitian) ones: `symmetric >>> matrixExponential` as
    /// in PyTorch's tutorial; alone it reads the Hermitian part of its parameter. Eigenvalues stay within the numbers of the
    /// element type. Projects by lifting eigenvalues, O(n^3).
    let matrixExponential: Parametrization =
        Parametrization.ofNode (MatrixExponentialNode Requirement.squares)
