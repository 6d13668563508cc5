namespace Parametrize

open TorchSharp
open Parametrize.LinearAlgebra

[<RequireQualifiedAccess>]
module internal SphereSpaces =

    let sphere (radius: float) : Space =
        { new Space((invariant $"vectors of norm {radius}"), [], [ Closure.Negation; Closure.Reordering ]) with
            override _.Dimension form =
                match Array.tryLast form.Shape with
                | None -> System.Nullable()
                | Some size ->
                    // One real number less for each vector.
                    System.Nullable(Form.reals form - Form.entries form / size)
        }

/// Vectors (the last dimension) of a given norm.
[<AbstractClass>]
type internal SphereNode(radius: float) =
    inherit Node()

    let along (vectors: torch.Tensor) = [| vectors.dim () - 1L |]

    let firstAxis (vectors: torch.Tensor) =
        let axis = torch.zeros_like (vectors, requires_grad = false)
        axis.narrow(-1L, 0L, 1L).fill_(1.0.AsScalar()) |> ignore
        axis

    /// The largest entries along the last dimension, which stays with length 1.
    member _.Largest(vectors: torch.Tensor) : torch.Tensor = Norms.largest vectors (along vectors)

    /// Unit vectors of the same directions; zero vectors, which have none, become the first axis.
    member this.Unit(vectors: torch.Tensor) : torch.Tensor =
        match Norms.byFormula vectors (along vectors) with
        | ValueSome norm -> vectors / norm
        | ValueNone ->
            let largest = this.Largest vectors
            let scaled = Norms.inUnits vectors largest
            // Slopes of vectors below the normal numbers are beyond the range: here they are those of a longer vector.
            let slope = Norms.inUnits vectors (largest.clamp_min ((Form.least vectors.dtype).AsScalar()))
            let scaled = slope +. (scaled - slope).detach()
            let unit = scaled / Norms.ofUnits scaled (along vectors)
            torch.where (largest.eq (0.0.AsScalar()), firstAxis vectors, unit)

    /// The largest deviation of the norms from the expected one, relative to it.
    member this.Deviation(vectors: torch.Tensor, expected: float) : float =
        let wide = Tensors.inDouble vectors
        let largest = this.Largest wide
        let norm = Norms.ofUnits (Norms.inUnits wide largest) (along wide)
        Tensors.largest (norm * (largest / expected.AsScalar()) - 1.0.AsScalar())

    override this.Inputs form = Node.same this Requirement.vectors form
    override _.Codomain _ = SphereSpaces.sphere radius

    interface IRefusesInputs with
        member this.Refusal input =
            let isZero = (this.Largest input).eq(0.0.AsScalar())
            let count = isZero.sum().item<int64>()

            if count = 0L then
                null
            else
                $"{count} of its vectors are zero and have no direction: all of their entries are masked, or outside a pattern. Register it without that mask or pattern."

    interface IReaches with
        /// The entry of a vector with equal entries.
        member _.Least(form, _) = radius / sqrt (float (max 1L (Array.last form.Shape)))

    interface IHoldsNumbers with
        member _.Factors = [ radius ]
        member _.Offsets = []

    interface IDimension with
        /// Every ray of a cone meets the sphere once: of full-dimensional cones, each vector loses one number.
        member _.Dimension(form, before, _) =
            if before.Head |> snd = Some(Form.reals form) then
                (SphereSpaces.sphere radius).Dimension form |> Option.ofNullable
            else
                None

    override this.Contains(_, tensor, epsilon) =
        Violation.unless
            (invariant $"|w| = {radius}")
            (this.Deviation(tensor, radius) * radius)
            (Tensors.roundoff epsilon radius)

    member this.Nearest(tensor: torch.Tensor) : torch.Tensor = this.Unit tensor * radius.AsScalar()

/// The sphere by normalising: `w = radius x / |x|`.
type internal NormalizedSphereNode(radius: float) =
    inherit SphereNode(radius)

    override _.Code = Code.call "sphere" [ Code.Float radius ]

    override _.Domains =
        [ Domain.OneOf [ Domain.Needs [ Closure.RowScaling ]; Domain.Within(SphereSpaces.sphere radius) ] ]

    override _.Codomain before = Space.intersect before.Head (SphereSpaces.sphere radius)

    override this.Forward(inputs, _) = this.Unit inputs[0] * radius.AsScalar()

    /// The parameter has norm `radius`: a step turns longer ones by a smaller angle.
    override this.Invert(_, tensor, _, want) =
        NodeParts.ofInput (if want = Want.Exact then tensor else this.Nearest tensor)

/// The sphere by its exponential map at a base point b: with v the part of x orthogonal to b,
/// `w = radius (cos|v| b + sin|v| v/|v|)` (Absil, Mahony & Sepulchre 2008, example 5.4.1).
type internal GeodesicSphereNode(radius: float) =
    inherit SphereNode(radius)

    /// The real inner product with the base. Complex vectors count as twice as many real numbers, so a change of the phase of the
    /// base is tangent.
    let alongBase (vectors: torch.Tensor) (basePoint: torch.Tensor) =
        let products = basePoint.conj () * vectors
        (if products.is_complex () then products.real else products).sum(-1L, keepdim = true)

    override _.Code = Code.call "sphereExp" [ Code.Float radius ]

    override _.Buffers = [ { Name = "base"; Role = BufferRole.Base; FormFor = id } ]

    override this.Forward(inputs, buffers) =
        let basePoint = buffers[0]
        let range = torch.finfo basePoint.dtype
        // In units of the largest entry, which is a constant to the gradient as any unit is.
        let unit = this.Largest inputs[0] |> Norms.oneWhereZero
        let scaled = inputs[0] |> Norms.dividedBy unit
        let tangent = scaled - basePoint * alongBase scaled basePoint
        let squared = (tangent.conj () * tangent).sum(-1L, keepdim = true)
        let squared = if squared.is_complex () then squared.real else squared
        // The square root has no derivative at 0; sin(t)/t and cos(t) are even, so a floor under t changes nothing.
        let isNone = squared.le (range.tiny.AsScalar())
        let isSmall = (squared.detach().sqrt() * unit).lt((sqrt range.eps).AsScalar()).logical_or isNone
        let length = torch.where(isSmall, torch.ones_like squared, squared).sqrt()
        let angle = (length * unit).clamp_max(range.max.AsScalar())
        // The branch that is not taken must be finite, too: its gradient is multiplied by 0.
        let unit =
            torch.where (isSmall, unit.clamp_max ((sqrt (range.eps / range.tiny)).AsScalar()), torch.ones_like unit)

        let small = squared * unit.Squared()
        let cosine = torch.where (isSmall, 1.0.AsScalar() .- small / 2.0.AsScalar(), angle.cos ())

        let ratio =
            torch.where (isSmall, (1.0.AsScalar() .- small / 6.0.AsScalar()) * unit, angle.sin () / length)
        // Rounding in the tangent of a far point would leave the sphere by its length times epsilon.
        this.Unit(basePoint * cosine +. tangent * ratio) * radius.AsScalar()

    override this.Invert(_, tensor, _, _) = NodeParts.carrying (torch.zeros_like tensor) [ this.Unit tensor ]

    interface IVolumeBehind with
        /// What is along the base is not read.
        member _.Measures before = before.Head.IsLeaf && not (Form.isComplex before.Head.Form.Dtype)

        /// `(n - 1) log radius + (n - 2) log |sin t / t|` for vectors of n numbers, with t = |v|.
        member this.LogVolume(inputs, buffers) =
            let basePoint, x = Tensors.inDouble buffers[0], Tensors.inDouble inputs[0]
            let unit = this.Largest x |> Norms.oneWhereZero
            let scaled = x |> Norms.dividedBy unit
            let tangent = scaled - basePoint * alongBase scaled basePoint
            let squared = (tangent * tangent).sum(-1L, keepdim = true)
            // Of zeros the root has no derivative, and the logarithm is flat.
            let isNone = squared.le ((Form.least x.dtype).AsScalar())
            let length = torch.where(isNone, torch.ones_like squared, squared).sqrt() * unit
            let length = torch.where (isNone, torch.zeros_like length, length)
            let size = float (Tensors.last x)
            let bends = ((EigenvaluePairs.logSinc length).squeeze -1L) * (max 0.0 (size - 2.0)).AsScalar()
            (bends .+ ((size - 1.0) * log radius).AsScalar()).``to`` inputs[0].dtype

    interface IRepairs with
        member this.CanCarry(buffers, epsilon) =
            Violation.unless "|b| = 1 of the base" (this.Deviation(buffers[0], 1.0)) (Tensors.roundoff epsilon 1.0)
            |> Result.mapError (fun violation -> "base", violation)

        member this.Repair buffers = Array.map this.Unit buffers

namespace Parametrize.Values

open System
open Parametrize

/// The values `sphere`, `oblique` and `sphereExp`.
[<AutoOpen>]
module SphereValues =

    /// Vectors (the last dimension) of norm `radius`, by normalising. A zero vector, such as the padding row of an embedding,
    /// has no direction and becomes the first axis: give that row a value of its own, or leave it out.
    let sphere (radius: float) : Parametrization =
        Options.requirePositive (nameof radius) radius
        Parametrization.ofNode (NormalizedSphereNode radius)

    /// Matrices with columns of norm 1, `transposed (sphere 1.0)`: the oblique manifold (Absil & Gallivan 2006). Rows of norm 1 are
    /// `sphere 1.0`.
    let oblique: Parametrization = Parametrization.transposed (sphere 1.0)

    /// Vectors (the last dimension) of norm `radius`, by the exponential map at a base that follows assignments.
    let sphereExp (radius: float) : Parametrization =
        Options.requirePositive (nameof radius) radius
        Parametrization.ofNode (GeodesicSphereNode radius)
