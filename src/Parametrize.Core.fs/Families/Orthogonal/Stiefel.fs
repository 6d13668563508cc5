namespace Parametrize

open TorchSharp
open Parametrize.LinearAlgebra

/// How a matrix with orthonormal columns is computed from the lower triangle X of an unconstrained one.
[<RequireQualifiedAccess>]
type OrthogonalMap =
    /// `(I + A/2)(I - A/2)^-1` of the skew matrix A = X - X^H (Helfrich, Willmott & Ye 2018).
    | Cayley
    /// `exp A` of the skew matrix A = X - X^H (Lezcano-Casado & Martinez-Rubio 2019).
    | MatrixExp
    /// A product of Householder reflections with the columns of X below the diagonal (Mhammedi et al. 2017).
    | Householder
    /// As PyTorch chooses: `MatrixExp` for square and for complex matrices, else `Householder`.
    | Default

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
        }

/// Matrices with orthonormal columns (rows, when wide), with or without a base: with it the map is a trivialization,
/// `W = base * map X`, whose zero is the base (Lezcano-Casado 2019).
type internal StiefelNode(map: OrthogonalMap, trivialized: bool) =
    inherit Node()

    let isWide (matrix: torch.Tensor) = Tensors.rows matrix < Tensors.last matrix

    /// Wide matrices are handled by their transposes, as PyTorch does.
    let upright (matrix: torch.Tensor) = if isWide matrix then matrix.mT else matrix

    let asGiven (given: torch.Tensor) (tall: torch.Tensor) = if isWide given then tall.mT else tall

    let isSquare (matrix: torch.Tensor) = Tensors.rows matrix = Tensors.last matrix

    let mapFor (matrix: torch.Tensor) =
        match map with
        | OrthogonalMap.Default when isSquare matrix || matrix.is_complex () -> OrthogonalMap.MatrixExp
        | OrthogonalMap.Default -> OrthogonalMap.Householder
        | chosen -> chosen

    let leadingColumns (count: int64) (matrix: torch.Tensor) =
        if Tensors.last matrix = count then matrix else matrix.narrow (-1L, 0L, count)

    /// Signs of the diagonal, sign(0) = 1, so that weight decay cannot zero a column.
    let signs (tall: torch.Tensor) =
        let negative = (Tensors.diagonal tall).detach().lt(0.0.AsScalar())
        1.0.AsScalar() - negative.``to`` tall.dtype * 2.0.AsScalar()

    let evaluate (tall: torch.Tensor) =
        match mapFor tall with
        | OrthogonalMap.Householder -> Reflectors.product tall * (signs tall).unsqueeze -2L
        | OrthogonalMap.Cayley -> CayleyMap.ofSkew (SkewMatrix.ofLower tall) |> leadingColumns (Tensors.last tall)
        | _ -> Exponential.ofSkew (SkewMatrix.ofLower tall) |> leadingColumns (Tensors.last tall)

    /// In the caller's element type, which may be coarser than that of the computation.
    let roundedTo (epsilon: float) (tall: torch.Tensor) (x: torch.Tensor) =
        x.``to`` (Form.halfOf epsilon |> Option.defaultValue tall.dtype)

    /// The parameter without a base; `Error` is a reason.
    let withoutBase (epsilon: float) (tall: torch.Tensor) : Result<torch.Tensor, string> =
        match mapFor tall, isSquare tall with
        | OrthogonalMap.Householder, _ -> Ok(Reflectors.factor tall)
        | OrthogonalMap.Cayley, _ -> Ok(InverseCayley.ofMatrix (roundedTo epsilon tall) tall)
        | _, true -> Ok(SkewMatrix.toLower (Rotation.logarithm tall))
        | _, false ->
            match StiefelLogarithm.tryOf tall with
            | ValueSome x -> Ok x
            | ValueNone -> Error "its logarithm did not converge; use a base."

    /// Without a base, square real matrices are connected to the identity: rotations only.
    let reachesRotationsOnly (tall: torch.Tensor) =
        not trivialized
        && isSquare tall
        && not (tall.is_complex ())
        && mapFor tall <> OrthogonalMap.Householder

    let minusIdentity (given: torch.Tensor) = -(Tensors.eyeLike given).expand(given.shape).clone()

    /// Without a base, the Cayley map reaches matrices near the eigenvalue -1 of the top block in the limit only.
    let isShortOfInfinity (tall: torch.Tensor) = not trivialized && mapFor tall = OrthogonalMap.Cayley

    /// Turns the last column where the determinant is negative, and the directions that lie at infinity.
    let turned (epsilon: float) (tall: torch.Tensor) =
        let rotation =
            if reachesRotationsOnly tall then
                let sign = (Tensors.determinantSign tall).``to``(tall.dtype).unsqueeze(-1L).unsqueeze -1L
                let columns = Tensors.last tall
                torch.cat ([| tall.narrow (-1L, 0L, columns - 1L); tall.narrow (-1L, columns - 1L, 1L) * sign |], -1L)
            else
                tall

        let isReached () = (InverseCayley.reaches epsilon rotation = Ok())

        if isShortOfInfinity tall && not (isReached ()) then
            InverseCayley.awayFromInfinity rotation
        else
            rotation

    /// With a base: the base moves to the tensor. The parameter becomes -I, which Householder maps to the identity and
    /// whose skew matrix is zero, as PyTorch has it.
    let inverse (tensor: torch.Tensor) (epsilon: float) =
        let tall = upright tensor

        if trivialized then
            let foot = if isSquare tall then tall else Orthonormal.complete tall
            NodeParts.carrying (minusIdentity tensor) [ foot ]
        else
            // What 16-bit rounding leaves of orthonormality is too little for a logarithm.
            withoutBase epsilon ((Orthonormal.polar (Tensors.inDouble tall)).``to`` tall.dtype)
            |> Result.bind (fun x -> NodeParts.ofInput (asGiven tensor (x.``to`` tensor.dtype)))

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
        let square (form: Form) =
            let count = form.Shape.Length
            let size = max form.Shape[count - 2] form.Shape[count - 1]
            { form with Shape = Array.append form.Shape[.. count - 3] [| size; size |] }

        [
            if trivialized then
                { Name = "base"; Role = BufferRole.Base; FormFor = square }
        ]

    override _.Forward(inputs, buffers) =
        let q = evaluate (upright inputs[0])
        let q = if trivialized then buffers[0].matmul q else q
        asGiven inputs[0] q

    override _.Contains(_, tensor, epsilon) =
        let tall = upright tensor
        let limit = Tensors.limit epsilon (Tensors.rows tall) 1.0

        Violation.unless "W^H W = I" (Orthonormal.defect tall) limit
        |> Result.bind (fun () ->
            if reachesRotationsOnly tall then
                Violation.unless
                    "det W = 1 (no base)"
                    (1.0 - Tensors.number ((Tensors.determinantSign tall).min()))
                    0.5
            else
                Ok())
        |> Result.bind (fun () -> if isShortOfInfinity tall then InverseCayley.reaches epsilon tall else Ok())

    /// The parts with the parameter as the map reads it.
    abstract Inverse: tensor: torch.Tensor * epsilon: float -> Result<NodeParts, string>
    default _.Inverse(tensor, epsilon) = inverse tensor epsilon

    override this.Invert(_, tensor, epsilon, want) =
        this.Inverse((if want = Want.Exact then tensor else nearest tensor epsilon), epsilon)

    interface IRepairs with
        /// What the map turns the base into must be allowed, after one more rounding.
        member _.CanCarry(buffers, epsilon) =
            if trivialized then
                Violation.unless
                    "B^H B = I of the base"
                    (Orthonormal.spectralDefect buffers[0])
                    (Tensors.limit epsilon (Tensors.rows buffers[0]) 1.0 - epsilon)
                |> Result.mapError (fun violation -> "base", violation)
            else
                Ok()

        member _.Repair buffers = Array.map Orthonormal.polish buffers

    interface ISampled with
        member _.Sample(form, generator) =
            let haar = Orthonormal.sample form.Shape form.Dtype form.Device generator
            asGiven haar (turned (Form.epsilon form.Dtype) (upright haar))

    interface IProjects with
        /// A logarithm costs more than the projection itself.
        member _.Nearest(tensor, epsilon) = nearest tensor epsilon

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

    /// The skew matrix with the same skew matrix, in which its diagonal counts twice.
    override _.Inverse(tensor, epsilon) =
        let skewOf (x: torch.Tensor) =
            let skew = SkewMatrix.ofLower x
            skew - torch.diag_embed (Tensors.diagonal skew / 2.0.AsScalar())

        base.Inverse(tensor, epsilon)
        |> Result.map (fun parts -> { parts with Inputs = Array.map skewOf parts.Inputs })

    override this.Behind _ = this

namespace Parametrize.Values

open Parametrize

[<AutoOpen>]
module OrthogonalValues =

    let internal stiefel (map: OrthogonalMap) (trivialized: bool) : Parametrization =
        Parametrization.ofNode (StiefelNode(map, trivialized))

    /// n x k matrices with orthonormal columns (rows, when wide) by the Cayley map, at a base that follows assignments.
    /// Behind `skew` it takes the skew matrix as it is.
    let cayley: Parametrization = stiefel OrthogonalMap.Cayley true

    /// n x k matrices with orthonormal columns (rows, when wide) by the matrix exponential, at a base that follows
    /// assignments.
    let matrixExp: Parametrization = stiefel OrthogonalMap.MatrixExp true

    /// Real n x k matrices with orthonormal columns (rows, when wide) as products of k Householder reflections, at a base
    /// that follows assignments.
    let householder: Parametrization = stiefel OrthogonalMap.Householder true

    /// Orthogonal matrices with PyTorch's defaults: `matrixExp` for square or complex tensors, else `householder`, at a
    /// base. Projects by QR, as PyTorch does.
    let orthogonal: Parametrization = stiefel OrthogonalMap.Default true

    /// The map alone, as PyTorch's `use_trivialization=False`. Square real matrices of the exponential and the Cayley map
    /// then have determinant 1; the Cayley map reaches tall matrices whose top block has the eigenvalue -1 in the limit only.
    let orthogonalWithoutBase (map: OrthogonalMap) : Parametrization = stiefel map false
