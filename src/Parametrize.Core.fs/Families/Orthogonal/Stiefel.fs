namespace Parametrize

open TorchSharp
open Parametrize.LinearAlgebra

[<RequireQualifiedAccess>]
module internal StiefelSpaces =

    let stiefel: Space =
        { new Space("matrices with orthonormal columns or rows",
                    [],
                    [ Closure.Negation; Closure.Transposition; Closure.DirectSum ]) with
            /// n k minus the equations of W^H W = I: k of them are real, the others are in pairs that count once.
            override _.Dimension form =
                Dimension.ofMatrices
                    (fun one ->
                        let n, k = max one.Rows one.Columns, min one.Rows one.Columns
                        one.Reals * (n * k - k * (k - 1L) / 2L) - k)
                    form
          interface IStructured with
              member _.Structure = Structure.Orthonormal
        }

/// Matrices with orthonormal columns (rows, when wide), with or without a base: with it the map is a trivialization,
/// `W = base * map X`, whose zero is the base (Lezcano-Casado 2019).
type internal StiefelNode(map: OrthogonalMap, trivialized: bool) =
    inherit Node()

    let upright, asGiven = StiefelBase.upright, StiefelBase.asGiven

    let minusIdentity (given: torch.Tensor) = -(Tensors.eyeLike given).expand(given.shape).clone()

    /// With a base: the base moves to the tensor. The parameter becomes -I, which Householder maps to the identity and
    /// whose skew matrix is zero, as PyTorch has it.
    let inverse (tensor: torch.Tensor) (epsilon: float) =
        if trivialized then
            NodeParts.carrying (minusIdentity tensor) [ StiefelBase.ofMatrix tensor ]
        else
            // A matrix that was rounded to 16 bits is not orthonormal enough for a logarithm.
            Orthonormal.polar (Tensors.inDouble (upright tensor))
            |> OrthogonalMaps.back map epsilon tensor.dtype
            |> Result.bind (fun x -> NodeParts.ofInput (asGiven tensor (x.``to`` tensor.dtype)))

    let turned (epsilon: float) (tall: torch.Tensor) =
        if trivialized then tall else OrthogonalMaps.turned map epsilon tall

    let nearest (tensor: torch.Tensor) (epsilon: float) =
        asGiven tensor (turned epsilon (Orthonormal.retract (upright tensor)))

    override _.Code =
        let name =
            match map with
            | OrthogonalMap.Cayley -> "cayley"
            | OrthogonalMap.MatrixExp -> "matrixExp"
            | OrthogonalMap.Householder -> "householder"
            | OrthogonalMap.Default -> "orthogonal"

        if trivialized then
            Code.name name
        else
            Code.call "orthogonalWithoutBase" [ Code.Symbol $"OrthogonalMap.{map}" ]

    override this.Inputs form =
        let isReal = (map = OrthogonalMap.Householder)
        Node.same this { Requirement.matrices with Complex = not isReal } form

    override _.Domains =
        [
            if map = OrthogonalMap.Householder then
                Domain.free
            else
                Domain.OneOf [ Domain.free; Domain.Within SkewSpaces.skew; Domain.Within SkewSpaces.skewHermitian ]
        ]

    override _.Codomain before =
        Space.made StiefelSpaces.stiefel [ SkewSpaces.skew; SkewSpaces.skewHermitian ] [] before.Head

    override _.Buffers =
        [
            if trivialized then
                { Name = "base"; Role = BufferRole.Base; FormFor = id }
        ]

    override _.Forward(inputs, buffers) =
        let q = OrthogonalMaps.forward map (upright inputs[0])
        asGiven inputs[0] (if trivialized then StiefelBase.times buffers[0] q else q)

    override _.Contains(_, tensor, epsilon) =
        let tall = upright tensor
        let limit = Tensors.limit epsilon (Tensors.rows tall) 1.0

        Violation.unless "W^H W = I" (Orthonormal.defect tall) limit
        |> Result.bind (fun () -> if trivialized then Ok() else OrthogonalMaps.reaches map epsilon tall)

    /// The parts with the parameter as the map reads it.
    abstract Inverse: tensor: torch.Tensor * epsilon: float -> Result<NodeParts, string>
    default _.Inverse(tensor, epsilon) = inverse tensor epsilon

    override this.Invert(_, tensor, epsilon, want) =
        this.Inverse((if want = Want.Exact then tensor else nearest tensor epsilon), epsilon)

    interface IDecomposes with
        member _.Numbers = 0
        member _.Size inputs = max (Tensors.rows inputs[0]) (Tensors.last inputs[0])
        /// No map moves W by more than A is moved.
        member _.IsRelative = false

    interface IRepairs with
        member _.CanCarry(buffers, epsilon) =
            if trivialized then
                StiefelBase.check epsilon buffers[0] |> Result.mapError (fun violation -> "base", violation)
            else
                Ok()

        member _.Repair buffers = Array.map StiefelBase.polish buffers

    interface ICarriesLess with
        member _.PyTorchForms form =
            let count = form.Shape.Length
            let size = max form.Shape[count - 2] form.Shape[count - 1]
            let square = { form with Shape = Array.append form.Shape[.. count - 3] [| size; size |] }
            if trivialized then [ square ] else []

        member _.InPyTorchForms buffers = Array.map StiefelBase.whole buffers

    interface ISampled with
        member _.Sample(form, generator) =
            let haar = Orthonormal.sample form.Shape form.Dtype form.Device generator
            asGiven haar (turned (Form.epsilon form.Dtype) (upright haar))

    interface IProjects with
        /// A logarithm costs more than the projection itself.
        member _.Nearest(tensor, epsilon) = nearest tensor epsilon

    abstract Measures: before: Before -> bool

    /// Above the diagonal nothing is read.
    default _.Measures before =
        match Dimension.matrices before.Form with
        | Some one ->
            let rows, columns = max one.Rows one.Columns, min one.Rows one.Columns
            before.IsLeaf && OrthogonalMaps.isMeasured map rows columns (one.Reals = 2L)
        | None -> false

    abstract LogVolume: input: torch.Tensor -> torch.Tensor
    default _.LogVolume input = OrthogonalMaps.logVolume map (upright input)

    interface IVolumeBehind with
        member this.Measures before = this.Measures before.Head
        /// The base is orthogonal, so it does not change volumes.
        member this.LogVolume(inputs, _) = this.LogVolume inputs[0]

    abstract Behind: before: Space -> Node

    default this.Behind before =
        if before.IsWithin SkewSpaces.skew then
            SkewMapNode(map, trivialized, false)
        elif before.IsWithin SkewSpaces.skewHermitian then
            SkewMapNode(map, trivialized, true)
        else
            this

    interface ISpecialized with
        member this.Behind before = this.Behind before.Head

    interface IDimension with
        /// Behind skew matrices it is a chart of the rotations.
        member _.Dimension(form, before, _) =
            match before.Head with
            | space, dimension when space.IsWithin SkewSpaces.skew || space.IsWithin SkewSpaces.skewHermitian ->
                dimension
            | short when Dimension.fallsShort form short -> None
            | _ -> StiefelSpaces.stiefel.Dimension form |> Option.ofNullable

/// The same behind a node that yields skew matrices.
and internal SkewMapNode(map: OrthogonalMap, trivialized: bool, hermitian: bool) =
    inherit StiefelNode(map, trivialized)

    override this.Inputs form = Node.same this (if hermitian then Requirement.squares else Requirement.realSquares) form

    /// A real skew matrix is that of its own lower triangle.
    override _.Forward(inputs, buffers) =
        if hermitian then
            base.Forward(inputs, buffers)
        else
            let skew = inputs[0]

            let q =
                if map = OrthogonalMap.Cayley then
                    CayleyMap.ofSkew skew
                else
                    Exponential.ofSkew skew

            if trivialized then buffers[0].matmul q else q

    /// Gives the skew matrix itself as the parameter. Its diagonal is halved, because `SkewMatrix.ofLower` doubles it.
    override _.Inverse(tensor, epsilon) =
        let skewOf (x: torch.Tensor) =
            let skew = SkewMatrix.ofLower x
            skew - torch.diag_embed (Tensors.diagonal skew / 2.0.AsScalar())

        base.Inverse(tensor, epsilon)
        |> Result.map (fun parts -> { parts with Inputs = Array.map skewOf parts.Inputs })

    override _.Measures before = before.IsOpenIn(if hermitian then SkewSpaces.skewHermitian else SkewSpaces.skew)

    /// `SkewMatrix.ofLower` doubles the diagonal of a complex skew matrix.
    override _.LogVolume input =
        let skew = SkewMatrix.ofLower input

        let ofMap =
            if map = OrthogonalMap.Cayley then
                OrthogonalMaps.logVolumeOfCayley input
            else
                EigenvaluePairs.logSincOfSkew skew

        let twice = if input.is_complex () then float (Tensors.last input) * log 2.0 else 0.0
        (ofMap .+ twice.AsScalar()).``to``(Tensors.realType input)

    override this.Behind _ = this
