namespace Parametrize

open TorchSharp
open Parametrize.LinearAlgebra

/// A connected group of square matrices with orthonormal columns.
[<RequireQualifiedAccess>]
type internal Group =
    | SpecialOrthogonal
    | Unitary
    | SpecialUnitary

[<RequireQualifiedAccess>]
module internal GroupSpaces =

    /// This is no subset of `StiefelSpaces.stiefel`: `svd` finds singular vectors in that space, which need not lie in each of
    /// these groups.
    let square: Space =
        { new Space("square matrices with orthonormal columns",
                    [],
                    [ Closure.Negation; Closure.Transposition; Closure.DirectSum ]) with
            override _.Dimension _ = System.Nullable()
          interface IStructured with
              member _.Structure = Structure.Orthonormal
        }

    let private within (name: string) (closures: Closure list) (dimension: int64 -> int64) : Space =
        { new Space(name, [ square ], closures) with
            override _.Dimension form = Dimension.ofMatrices (fun one -> dimension one.Rows) form
        }

    let specialOrthogonal: Space =
        within "rotations" [ Closure.Transposition; Closure.DirectSum ] (fun n -> n * (n - 1L) / 2L)

    let unitary: Space =
        within "unitary matrices" [ Closure.Negation; Closure.Transposition; Closure.DirectSum ] (fun n -> n * n)

    let specialUnitary: Space =
        within "unitary matrices of determinant 1" [ Closure.Transposition; Closure.DirectSum ] (fun n -> n * n - 1L)

/// `W = base exp(A)` with A = X_L - X_L^H of the lower triangle of X (Lezcano-Casado & Martinez-Rubio 2019), minus its mean
/// eigenvalue where the determinant has to stay 1. The base is in the group, and keeps the component.
type internal GroupNode(group: Group) =
    inherit Node()

    let space =
        match group with
        | Group.SpecialOrthogonal -> GroupSpaces.specialOrthogonal
        | Group.Unitary -> GroupSpaces.unitary
        | Group.SpecialUnitary -> GroupSpaces.specialUnitary

    let asMatrices (numbers: torch.Tensor) = numbers.unsqueeze(-1L).unsqueeze -1L

    /// The limit is that of the determinant, too: rounding of orthonormal columns moves it by no more.
    let limit (epsilon: float) (tensor: torch.Tensor) = Tensors.limit epsilon (Tensors.rows tensor) 1.0

    let withoutTrace (skew: torch.Tensor) =
        let mean = (Tensors.diagonal skew).mean([| -1L |], keepdim = true)
        skew - Tensors.eyeLike skew * mean.unsqueeze -1L

    /// The matrix divided by the n-th root of its determinant (the root with the smallest angle), which removes a phase that
    /// rounding has left. The root is a constant for the gradient, because up to rounding it is 1.
    let withoutPhase (unitary: torch.Tensor) =
        let angle =
            (Tensors.determinantSign (unitary.detach ())).angle() / (float (Tensors.rows unitary)).AsScalar()

        unitary * (asMatrices (torch.complex (angle.cos (), -angle.sin()))).``to`` unitary.dtype

    /// The sign of the column of the smallest singular value makes the nearest rotation (Kabsch 1976; Umeyama 1991).
    let nearest (tensor: torch.Tensor) =
        let nearest =
            match group with
            | Group.Unitary -> Svd.polar tensor
            | Group.SpecialUnitary -> withoutPhase (Svd.polar tensor)
            | Group.SpecialOrthogonal ->
                let struct (matrix, _) = Norms.matricesInUnits 0.0 tensor
                let struct (left, _, right) = Svd.thin matrix
                let turned = Orthonormal.withLastTimes (Orthonormal.turn (left.matmul right)) left
                Orthonormal.newtonSchulz (turned.matmul right)

        nearest.``to`` tensor.dtype

    let determinantIsOne (tensor: torch.Tensor) (limit: float) =
        match group with
        | Group.Unitary -> Ok()
        | Group.SpecialOrthogonal ->
            Violation.unless "det W = 1" (1.0 - Tensors.number ((Tensors.determinantSign tensor).min())) 0.5
        | Group.SpecialUnitary ->
            Violation.unless "det W = 1" (Tensors.largest (Tensors.determinantSign tensor - 1.0.AsScalar())) limit

    override _.Code =
        match group with
        | Group.SpecialOrthogonal -> Code.name "specialOrthogonal"
        | Group.Unitary -> Code.name "unitary"
        | Group.SpecialUnitary -> Code.name "specialUnitary"

    override this.Inputs form =
        match group with
        | Group.SpecialOrthogonal -> Node.same this Requirement.realSquares form
        | _ ->
            Node.same this Requirement.squares form
            |> Result.bind (fun forms ->
                if Form.isComplex form.Dtype then
                    Ok forms
                else
                    Error(ParametrizationError.WrongDtype(Node.text this, "a complex tensor", string form.Dtype)))

    override _.Codomain _ = space
    override _.Buffers = [ { Name = "base"; Role = BufferRole.Base; FormFor = id } ]

    override _.Forward(inputs, buffers) =
        let skew = SkewMatrix.ofLower inputs[0]

        if group = Group.SpecialUnitary then
            withoutPhase (buffers[0].matmul(Exponential.ofSkew (withoutTrace skew)))
        else
            buffers[0].matmul(Exponential.ofSkew skew)

    override _.Contains(_, tensor, epsilon) =
        Violation.unless "W^H W = I" (Orthonormal.defect tensor) (limit epsilon tensor)
        |> Result.bind (fun () -> determinantIsOne tensor (limit epsilon tensor))

    override _.Invert(_, tensor, _, want) =
        NodeParts.carrying (torch.zeros_like tensor) [ (if want = Want.Exact then tensor else nearest tensor) ]

    interface IProjects with
        member _.Nearest(tensor, _) = nearest tensor

    interface IVolumeBehind with
        /// Above the diagonal nothing is read.
        member _.Measures before = before.Head.IsLeaf

        /// The trace is subtracted for determinant 1: this removes one direction of the diagonal, which would stretch by 2.
        member _.LogVolume(inputs, _) =
            let x = inputs[0]
            let isComplex = x.is_complex ()
            let lost = if group = Group.SpecialUnitary then log 2.0 else 0.0
            let constant = OrthogonalMaps.logVolumeOfSkew (Tensors.last x) isComplex - lost
            (EigenvaluePairs.logSincOfSkew (SkewMatrix.ofLower x) .+ constant.AsScalar()).``to``(Tensors.realType x)

    interface IRepairs with
        member _.CanCarry(buffers, epsilon) =
            let basePoint = buffers[0]

            Orthonormal.nearInSpectrum "B^H B = I of the base" (limit epsilon basePoint - epsilon) basePoint
            |> Result.bind (fun () -> determinantIsOne basePoint (limit epsilon basePoint))
            |> Result.mapError (fun violation -> "base", violation)

        member _.Repair buffers =
            let polished = Array.map Orthonormal.polish buffers

            if group = Group.SpecialUnitary then
                Array.map withoutPhase polished
            else
                polished

    interface ISampled with
        /// The uniform measure of the larger group stays uniform: what is turned depends on the coset alone.
        member _.Sample(form, generator) =
            let haar = Orthonormal.sample form.Shape form.Dtype form.Device generator

            match group with
            | Group.Unitary -> haar
            | Group.SpecialUnitary -> withoutPhase haar
            | Group.SpecialOrthogonal -> Orthonormal.asRotation haar

namespace Parametrize.Values

open Parametrize

/// The values `specialOrthogonal`, `unitary` and `specialUnitary`.
[<AutoOpen>]
module GroupValues =

    /// Real n x n rotations, orthogonal matrices of determinant 1, by the exponential at a base that follows assignments, O(n^3)
    /// (Lezcano-Casado & Martinez-Rubio 2019). Projects to the nearest rotation: by the singular value decomposition, with the
    /// sign of the smallest singular value changed if the determinant is negative (Kabsch 1976; Umeyama 1991). `orthogonal` has
    /// both components.
    let specialOrthogonal: Parametrization = Parametrization.ofNode (GroupNode Group.SpecialOrthogonal)

    /// Complex n x n matrices with orthonormal columns, by the exponential at a base that follows assignments, O(n^3). Projects to
    /// the nearest one, the polar factor. Real tensors are refused.
    let unitary: Parametrization = Parametrization.ofNode (GroupNode Group.Unitary)

    /// Complex n x n matrices with orthonormal columns and determinant 1, by the exponential of traceless skew-Hermitian matrices
    /// at a base that follows assignments, O(n^3). Projects to the polar factor over the n-th root of its determinant, that of the
    /// smallest angle, which is near but not the nearest. Real tensors are refused.
    let specialUnitary: Parametrization = Parametrization.ofNode (GroupNode Group.SpecialUnitary)
