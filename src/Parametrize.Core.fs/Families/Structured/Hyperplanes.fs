namespace Parametrize

open TorchSharp
open Parametrize.LinearAlgebra

[<RequireQualifiedAccess>]
module internal HyperplaneSpaces =

    let private linear = [ Closure.Scaling; Closure.RowScaling; Closure.Negation; Closure.Sum ]

    let sumToZero: Space =
        { new Space("vectors of sum zero", [], Closure.Reordering :: linear) with
            override _.Dimension form =
                match Array.tryLast form.Shape with
                | None -> System.Nullable()
                | Some size -> System.Nullable(Form.reals form - Form.reals form / size)
        }

    /// The vectors that meet equations; through zero when all right-hand sides are.
    let constrained (name: string) (equations: int64) (throughZero: bool) : Space =
        { new Space(name, [], (if throughZero then linear else [])) with
            override _.Dimension form =
                match Array.tryLast form.Shape with
                | None -> System.Nullable()
                | Some size -> System.Nullable(Form.reals form - equations * (Form.reals form / size))
        }

/// How far vectors (the last dimension) are from an affine space, beside their own norms.
[<RequireQualifiedAccess>]
module internal Hyperplanes =

    /// Checks vectors by their distances. `distances` gets the vectors in double precision, divided by units, and these units.
    /// Every member has an entry of at least `least`.
    let near condition (least: float) epsilon (distances: torch.Tensor -> torch.Tensor -> torch.Tensor) tensor =
        let wide = Tensors.inDouble tensor
        let along = [| wide.dim () - 1L |]
        let unit = (Norms.largest wide along).clamp_min(least.AsScalar()) |> Norms.oneWhereZero
        let scaled = Norms.dividedBy unit wide
        // Subnormal entries are rounded by up to half of the smallest number, however small they are.
        let smallest = Form.smallest (Form.callersType epsilon tensor.dtype)
        let below = unit.reciprocal () * (smallest * sqrt (float (Tensors.last wide)) / 2.0).AsScalar()
        let residuals = ((distances scaled unit).abs() - below).relu() / Norms.ofUnits scaled along
        Violation.unless condition (Tensors.largest residuals) (Tensors.roundoff epsilon 1.0)

/// Vectors (the last dimension, of n >= 2 numbers) of sum zero from n - 1 numbers each: `w = V x` with Helmert's orthonormal
/// basis V, so that lengths and volumes stay.
type internal SumToZeroNode() =
    inherit Node()

    override _.Code = Code.name "sumToZero"

    override this.Inputs form = Helmert.inputs this Requirement.vectors form

    override _.Output inputs = Helmert.vectorForm inputs.Head
    override _.Codomain _ = HyperplaneSpaces.sumToZero
    override _.Forward(inputs, _) = Helmert.expand inputs[0]

    override _.Contains(_, tensor, epsilon) =
        let distances (vectors: torch.Tensor) _ =
            let root = sqrt (float (Tensors.last vectors))
            vectors.sum ([| -1L |], keepdim = true) / root.AsScalar()

        Hyperplanes.near "sum_i w_i / (|w| sqrt n) = 0" 0.0 epsilon distances tensor

    /// The coordinates of a vector are those of the nearest one of sum zero.
    override _.Invert(_, tensor, _, _) =
        NodeParts.ofInput ((Helmert.coordinates (Tensors.inDouble tensor)).``to`` tensor.dtype)

    interface IVolume with
        member _.LogVolume(inputs, _) = Tensors.forEach 1 0.0 inputs[0]

    interface IOneToOne with
        member _.Undo tensor = Helmert.coordinates tensor

/// Vectors (the last dimension) with `A w = b`, for m equations of n > m numbers: `w = Q [y; x]`, where Q R = A^T is the QR
/// decomposition by Householder reflections, so that `Q [y; 0]` is the shortest solution and the other columns of Q are an
/// orthonormal basis of the null space (Golub & Van Loan 2013, section 6.2). O(m n) a vector.
type internal ConstrainedNode(equations: Equations, rows: float list list, right: float list) =
    inherit Node()

    let code =
        let numbers (row: float list) = Code.Items(List.map Code.Float row)
        Code.call "linearlyConstrained" [ Code.Items(List.map numbers rows); numbers right ]

    let space =
        HyperplaneSpaces.constrained
            $"vectors of {FSharpText.ofCode code}"
            (int64 rows.Length)
            (List.forall (fun number -> number = 0.0) right)

    let count = int64 rows.Length

    let tensorOf (numbers: float[]) (shape: int64[]) (like: torch.Tensor) =
        torch.tensor(numbers, device = torch.CPU).reshape(shape).``to``(like.dtype, like.device)

    /// The vectors and the triangle of `Q = I - V T V^T`.
    let reflections (like: torch.Tensor) =
        struct (tensorOf equations.Reflectors [| equations.Size; count |] like,
                tensorOf equations.Triangle [| count; count |] like)

    /// `y` for each vector.
    let fixedPart (like: torch.Tensor) =
        let y = tensorOf equations.Solution [| count |] like
        y.expand (Array.append like.shape[.. like.shape.Length - 2] [| count |])

    /// `Q^T w`, of which the first numbers are `y`.
    let turnedBack (w: torch.Tensor) =
        let struct (v, t) = reflections w
        w - w.matmul(v).matmul(t).matmul v.mT

    override _.Code = code

    override this.Inputs form =
        match Form.fault Requirement.vectors form with
        | Some error -> Error(error (Node.text this))
        | None when Array.last form.Shape <> equations.Size ->
            Node.wrongShape this $"a tensor of {equations.Size} in the last dimension" form
        | None ->
            Ok
                [
                    { form with
                        Shape = Array.append form.Shape[.. form.Shape.Length - 2] [| equations.Size - count |]
                    }
                ]

    override _.Output inputs =
        let shape = inputs.Head.Shape

        { inputs.Head with
            Shape = Array.append shape[.. shape.Length - 2] [| equations.Size |]
        }

    override _.Codomain _ = space

    override _.Forward(inputs, _) =
        let x = inputs[0]
        let z = torch.cat ([| fixedPart x; x |], -1L)
        let struct (v, t) = reflections x
        z - z.matmul(v).matmul(t.mT).matmul v.mT

    override _.Contains(_, tensor, epsilon) =
        let distances (vectors: torch.Tensor) (unit: torch.Tensor) =
            let made = (turnedBack vectors).narrow(-1L, 0L, count)
            let off = made - fixedPart vectors / unit
            torch.linalg.norm (off, [| off.dim () - 1L |], keepdim = true)

        let least = equations.Solution |> Array.map abs |> Array.max
        Hyperplanes.near "A w = b" (least / sqrt (float equations.Size)) epsilon distances tensor

    override _.Invert(_, tensor, _, _) =
        let z = turnedBack (Tensors.inDouble tensor)
        NodeParts.ofInput ((z.narrow (-1L, count, equations.Size - count)).``to`` tensor.dtype)

    interface IHoldsNumbers with
        member _.Factors = []
        member _.Offsets = List.ofArray equations.Solution

    interface IVolume with
        member _.LogVolume(inputs, _) = Tensors.forEach 1 0.0 inputs[0]

    interface IOneToOne with
        member _.Undo tensor = (turnedBack tensor).narrow(-1L, count, equations.Size - count)

namespace Parametrize.Values

open Parametrize
open Parametrize.LinearAlgebra

/// The values `sumToZero` and `linearlyConstrained`.
[<AutoOpen>]
module HyperplaneValues =

    /// Vectors (the last dimension, of n >= 2 numbers) of sum zero, from n - 1 numbers by Helmert's orthonormal basis: an isometry.
    /// O(n). Projects to the nearest one, by subtracting the mean.
    let sumToZero: Parametrization = Parametrization.ofNode (SumToZeroNode())

    /// Vectors w (the last dimension, of n numbers) with `A w = b`, for m < n equations: `linearlyConstrained [ [ 1.0; 2.0; 3.0 ] ]
    /// [ 6.0 ]`. From n - m numbers, by the shortest solution and an orthonormal basis of the null space: an isometry. O(m n).
    /// Projects to the nearest one. Throws ArgumentException for rows of different lengths, rows that depend on one another, a
    /// number that is not finite, no rows, as many rows as columns, or another number of right-hand sides.
    let linearlyConstrained (rows: float list list) (right: float list) : Parametrization =
        Parametrization.ofNode (ConstrainedNode(Equations.Of(rows, right), rows, right))
