namespace Parametrize

open TorchSharp
open Parametrize.LinearAlgebra

/// `W = Q T Q^T` with Q orthogonal and T block triangular, each from a value of its own. The right inverse is the real Schur form,
/// which exists for every matrix and is as exact as rounding lets it be. Real matrices only.
type internal SchurFormNode() =
    inherit Node()

    let blocks = Domain.OneOf [ Domain.free; Domain.Within BlockTriangularSpaces.blockTriangular ]

    override _.Code = Code.call "schurForm" []

    override this.Inputs form =
        match Form.fault Requirement.realSquares form with
        | Some error -> Error(error (Node.text this))
        | None -> Ok [ form; form ]

    override _.Domains = [ Decomposition.vectors; blocks ]

    override _.Codomain before =
        match before[1] with
        | :? StableSpace as stable -> StableSpace(stable.Region, false)
        | free when free.IsClosedUnder Closure.Everything -> Space.all
        | triangular -> Space($"{triangular.Name}, turned by {before[0].Name}")

    override _.Forward(inputs, _) =
        let matrix = (inputs[0].matmul inputs[1]).matmul inputs[0].mT
        Entrywise.keepFinite matrix
        matrix

    override _.Contains(_, _, _) = Ok()

    /// The matrix that is decomposed for a tensor and the wanted parts.
    abstract Found: tensor: torch.Tensor * epsilon: float * Want -> torch.Tensor
    default _.Found(tensor, _, _) = Tensors.inDouble tensor

    override this.Invert(_, tensor, epsilon, want) =
        let struct (scaled, unit) = Norms.matricesInUnits 0.0 (this.Found(tensor, epsilon, want))
        let struct (q, t) = RealSchur.decompose scaled
        // A rotation, which is all that some maps reach; the last row and column of T make up for it.
        let sign = Orthonormal.turn q
        let q = Orthonormal.withLastTimes sign q
        let t = (t |> Orthonormal.withLastTimes sign).mT
        let t = (t |> Orthonormal.withLastTimes sign).mT
        let inputs = [| q; Entrywise.within (Form.greatest tensor.dtype) (t * unit) |]
        Ok { Inputs = inputs |> Array.map _.``to``(tensor.dtype); Buffers = [||] }

    interface ICombines with
        member _.CodeWith inputs = Code.call "schurForm" [ Code.Items inputs ]

    interface INarrows with
        member _.Narrow(tensor, dtype) = Entrywise.saturated dtype tensor

    interface IRelatesInputs with
        /// Behind matrices that are not orthogonal, `Q T Q^T` has other eigenvalues than T.
        member _.DomainsBehind before =
            let isFree = before.Head.IsClosedUnder Closure.Everything
            [ Decomposition.vectors; (if isFree then Domain.free else blocks) ]

    interface IDimension with
        member this.Dimension(form, before, _) =
            if List.exists (Dimension.fallsShort form) before then
                None
            else
                (this.Codomain(List.map fst before)).Dimension form |> Option.ofNullable

    abstract Behind: blocks: Space -> Node

    default this.Behind blocks =
        match blocks with
        | :? StableSpace as stable -> StableSchurNode stable.Region
        | _ -> this

    interface ISpecialized with
        member this.Behind before = this.Behind before[1]

/// The same where eigenvalues have to be in a region. Rounding may take some out, and far where they are ill-conditioned, so they count
/// as inside where a change of the matrix as small as rounding takes them back: the least one for a simple eigenvalue, along its
/// left and right eigenvectors.
and internal StableSchurNode(region: Region) =
    inherit SchurFormNode()

    let mostSteps = 6

    let beyond = Region.beyond region

    let largestOf (matrices: torch.Tensor) = matrices.abs().amax([| -2L; -1L |], keepdim = true)

    /// One step to the nearest matrix whose eigenvalues are inside.
    let nearer (matrix: torch.Tensor) : torch.Tensor =
        let struct (values, vectors) = Eigenvalues.withVectors matrix
        let dual = torch.linalg.pinv vectors
        // A little too far, so that it ends inside.
        let weights = beyond values * 1.01.AsScalar() / dual.abs().Squared().sum(-1L).``to`` values.dtype
        let change = ((dual.mH * weights.unsqueeze -2L).matmul vectors.mH).real
        let next = matrix - change
        torch.where (next.isfinite (), next, matrix)

    /// Matrices with eigenvalues inside, near `wide`; how far they are from it, and how far they may be. A matrix ten times as
    /// far will not come back, so it gets no more steps: decompositions are expensive.
    let mend (wide: torch.Tensor) (epsilon: float) : struct (torch.Tensor * torch.Tensor * torch.Tensor) =
        let limits = largestOf wide * (4.0 * Tensors.limit epsilon (Tensors.last wide) 1.0).AsScalar()

        let isDone (matrix: torch.Tensor) (apart: torch.Tensor) =
            let outside = (beyond (Eigenvalues.values matrix)).ne(0.0.AsScalar()).any(-1L)
            let isNear = apart.le(limits * 10.0.AsScalar()).squeeze(-1L).squeeze -1L
            not ((outside.logical_and isNear).any().item<bool>())

        let rec from (left: int) (matrix: torch.Tensor) =
            let apart = largestOf (matrix - wide)

            if left = 0 || isDone matrix apart then
                struct (matrix, apart, limits)
            else
                from (left - 1) (nearer matrix)

        from mostSteps wide

    let inside (wide: torch.Tensor) (margin: float) =
        let scale = (largestOf wide).clamp_min((Region.unit region).AsScalar())
        Region.inside region margin (Norms.oneWhereZero scale) wide

    override _.Found(tensor, epsilon, want) =
        let wide = Tensors.inDouble tensor
        let struct (mended, apart, limits) = mend wide epsilon

        if want = Want.Exact then
            mended
        else
            let margin = if want = Want.Start then 0.25 else max 1e-3 (sqrt epsilon)
            torch.where (apart.le limits, mended, inside wide margin)

    override _.Contains(_, tensor, epsilon) =
        let struct (_, apart, limits) = mend (Tensors.inDouble tensor) epsilon
        let worst = (apart / Norms.oneWhereZero limits).argmax()
        let at (tensor: torch.Tensor) = Tensors.number (tensor.flatten().[worst])
        Violation.unless $"W in {StableSpace(region, false)} (how far entries are from one)" (at apart) (at limits)

    override this.Behind _ = this

    interface IReaches with
        /// Some number on the diagonal is at most the mean of the eigenvalues.
        member _.Least(_, _) =
            match region with
            | Region.HalfPlane alpha -> max alpha 0.0
            | Region.Disc _ -> 0.0

namespace Parametrize.Values

open System
open Parametrize

/// The values `hurwitzBlocks`, `schurStableBlocks`, `schurForm`, `hurwitz` and `schurStable`.
[<AutoOpen>]
module SchurFormValues =

    /// Block triangular n x n matrices whose eigenvalues have real parts below `-alpha`. Blocks have two rows; the last has one
    /// if n is odd. Each block comes from as many numbers as it has entries; the entries above the blocks are free. O(n^2).
    /// Projects each block to the nearest one with real parts of at most `-alpha`. Throws ArgumentException for an alpha that is
    /// not finite.
    let hurwitzBlocks (alpha: float) : Parametrization =
        if not (Double.IsFinite alpha) then
            invalidArg (nameof alpha) (invariant $"Alpha must be finite, but it is {alpha}.")

        Parametrization.ofNode (StableBlocksNode alpha)

    /// Block triangular n x n matrices whose eigenvalues have moduli below a radius. Blocks have two rows; the last has one if n
    /// is odd. Each block comes from as many numbers as it has entries; the entries above the blocks are free. O(n^2). Projects
    /// blocks by scaling them: a retraction. Rounding errors are relative to the radius: entries far below it have fewer digits.
    /// Throws ArgumentException for a radius that is not positive and finite.
    let schurStableBlocks (radius: float) : Parametrization =
        Options.requirePositive (nameof radius) radius
        Parametrization.ofNode (DiscBlocksNode radius)

    /// `Q T Q^T` from values of Q (n x n) and of T (n x n, block triangular: blocks have two rows, the last has one if n is odd).
    /// These are real matrices by the real Schur form; their eigenvalues are those of the blocks (Kerg et al. 2019). O(n^3).
    /// Throws ArgumentException for other than two values, and values whose spaces do not fit.
    let schurForm (inputs: Parametrization list) : Parametrization = Parametrization.join (SchurFormNode()) inputs

    /// Real n x n matrices whose eigenvalues have real parts below `-alpha`: `Q T Q^T` with orthogonal Q and T from
    /// `hurwitzBlocks alpha`. O(n^3), without a decomposition. The right inverse is the real Schur form, so every such matrix is
    /// found exactly up to rounding, even if its eigenvectors are nearly dependent. Projects by moving all eigenvalues to the
    /// left until they are slightly inside, because on the edge rounding would move some outside: `W - c I`, a retraction. Throws
    /// ArgumentException for an alpha that is not finite.
    let hurwitz (alpha: float) : Parametrization = schurForm [ orthogonal; hurwitzBlocks alpha ]

    /// Real n x n matrices whose eigenvalues have moduli below a radius, so that `x <- W x / radius` decays: `Q T Q^T` with
    /// orthogonal Q and T from `schurStableBlocks radius`. O(n^3), without a decomposition; the right inverse is the real Schur
    /// form, as for `hurwitz`. Projects by scaling a matrix until its eigenvalues are slightly inside: a retraction. Throws
    /// ArgumentException for a radius that is not positive and finite.
    let schurStable (radius: float) : Parametrization = schurForm [ orthogonal; schurStableBlocks radius ]
