namespace Parametrize

open TorchSharp
open Parametrize.LinearAlgebra

[<RequireQualifiedAccess>]
module internal GrassmannSpaces =

    /// This is no subset of `StiefelSpaces.stiefel`: nodes that read that space may tell bases of one subspace apart.
    let grassmann: Space =
        { new Space("orthonormal bases of subspaces", [], [ Closure.Negation; Closure.Transposition; Closure.DirectSum ]) with
            override _.Dimension form =
                Dimension.ofMatrices
                    (fun one ->
                        let n, k = max one.Rows one.Columns, min one.Rows one.Columns
                        one.Reals * k * (n - k))
                    form
          interface IStructured with
              member _.Structure = Structure.Orthonormal
        }

/// Subspaces by orthonormal bases, along geodesics from a base: with H the part of X that is orthogonal to it,
/// `W = base cos(|H|) + H sin(|H|) / |H|` where |H| = (H^H H)^1/2 (Edelman, Arias & Smith 1998, theorem 2.3).
type internal GrassmannNode() =
    inherit Node()

    let isWide (matrix: torch.Tensor) = Tensors.rows matrix < Tensors.last matrix
    let upright (matrix: torch.Tensor) = if isWide matrix then matrix.mT else matrix
    let asGiven (given: torch.Tensor) (tall: torch.Tensor) = if isWide given then tall.mT else tall

    /// Below one, so that zeros and equal columns are beyond it, however far rounding may have moved them.
    let limit (epsilon: float) (tall: torch.Tensor) = min 0.5 (Tensors.limit epsilon (Tensors.rows tall) 1.0)

    /// The part of X that is orthogonal to the base. The base part is removed twice, because the first removal rounds in the size
    /// of X, not of the result. `solve` is needed because the base is orthonormal only up to rounding to its element type.
    let horizontal (basePoint: torch.Tensor) (x: torch.Tensor) =
        let gram = Norms.gram basePoint
        let off (x: torch.Tensor) = x - basePoint.matmul (torch.linalg.solve (gram, Norms.inner basePoint x))
        off (off x)

    let nearest (tensor: torch.Tensor) = (Svd.polar tensor).``to`` tensor.dtype

    override _.Code = Code.name "grassmann"
    override this.Inputs form = Node.same this Requirement.matrices form
    override _.Codomain _ = GrassmannSpaces.grassmann

    override _.Buffers =
        let tall (form: Form) =
            let count = form.Shape.Length
            let rows, columns = form.Shape[count - 2], form.Shape[count - 1]

            { form with
                Shape = Array.append form.Shape[.. count - 3] [| max rows columns; min rows columns |]
            }

        [ { Name = "base"; Role = BufferRole.Base; FormFor = tall } ]

    override _.Forward(inputs, buffers) =
        let basePoint = buffers[0]
        // Far along a geodesic the sine and the cosine have lost digits, which one step gives back.
        let w = Orthonormal.newtonSchulz (Geodesic.along basePoint (horizontal basePoint (upright inputs[0])))
        asGiven inputs[0] w

    override _.Contains(_, tensor, epsilon) =
        let tall = upright tensor
        Violation.unless "W^H W = I" (Orthonormal.defect tall) (limit epsilon tall)

    override _.Invert(_, tensor, _, want) =
        let element = if want = Want.Exact then tensor else nearest tensor
        NodeParts.carrying (torch.zeros_like tensor) [ (upright element).contiguous() ]

    interface IProjects with
        member _.Nearest(tensor, _) = nearest tensor

    interface IRepairs with
        member _.CanCarry(buffers, epsilon) =
            Orthonormal.nearInSpectrum "B^H B = I of the base" (limit epsilon buffers[0] - epsilon) buffers[0]
            |> Result.mapError (fun violation -> "base", violation)

        member _.Repair buffers = Array.map Orthonormal.polish buffers

    interface ISampled with
        member _.Sample(form, generator) = Orthonormal.sample form.Shape form.Dtype form.Device generator

namespace Parametrize.Values

open Parametrize

/// The value `grassmann`.
[<AutoOpen>]
module GrassmannValues =

    /// k-dimensional subspaces of n-space, each by an n x k matrix whose columns (rows, when wide) are an orthonormal basis.
    /// Computed along geodesics from a base, which is also an n x k matrix and follows assignments, O(n k^2) (Edelman, Arias &
    /// Smith 1998). Gradients move the subspace, in its k (n - k) dimensions, and do not turn the basis in it: two bases of one
    /// subspace stand for the same point, and both can be assigned. Projects to the nearest orthonormal basis, the polar factor,
    /// of the same subspace where the rank is full.
    let grassmann: Parametrization = Parametrization.ofNode (GrassmannNode())
