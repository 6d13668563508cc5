namespace Parametrize

open TorchSharp
open Parametrize.LinearAlgebra

/// Matrices with orthonormal columns (rows, when wide) as polar factors, `W = X (X^H X)^-1/2`.
type internal PolarNode() =
    inherit Node()

    let polar (matrix: torch.Tensor) =
        if Tensors.rows matrix < Tensors.last matrix then
            (PolarFactor.ofTall matrix.mT).mT
        else
            PolarFactor.ofTall matrix

    override _.Code = Code.name "polar"
    override this.Inputs form = Node.same this Requirement.matrices form
    override _.Codomain _ = StiefelSpaces.stiefel
    override _.Forward(inputs, _) = polar inputs[0]

    override _.Contains(_, tensor, epsilon) =
        let tall = if Tensors.rows tensor < Tensors.last tensor then tensor.mT else tensor
        Violation.unless "W^H W = I" (Orthonormal.defect tall) (Tensors.limit epsilon (Tensors.rows tall) 1.0)

    /// The parameter is the matrix itself, with singular values 1: longer ones turn by smaller angles.
    override _.Invert(_, tensor, _, want) =
        NodeParts.ofInput (if want = Want.Exact then tensor else (Svd.polar tensor).``to`` tensor.dtype)

    interface ISampled with
        member _.Sample(form, generator) = Orthonormal.sample form.Shape form.Dtype form.Device generator

namespace Parametrize.Values

open Parametrize

/// The value `polar`.
[<AutoOpen>]
module PolarValues =

    /// n x k matrices with orthonormal columns (rows, when wide) as polar factors `X (X^H X)^-1/2`, without a base; by a singular
    /// value decomposition in each pass, O(n k min(n, k)). Projects to the nearest one, which is the polar factor itself (Fan &
    /// Hoffman 1955). Gradients and second derivatives are exact; where X loses rank, what has no derivative counts as
    /// constant.
    let polar: Parametrization = Parametrization.ofNode (PolarNode())
