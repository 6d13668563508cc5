namespace Parametrize

open TorchSharp
open Parametrize.LinearAlgebra

/// Which function takes a number to the distance of a singular value from 1, in units of the radius.
[<RequireQualifiedAccess>]
type AlmostOrthogonalMap =
    /// `sin x`. It does not saturate: it is periodic, so that large parameters still train. Its derivative is 0 at the radius.
    | Sine
    | Tanh
    /// `2 sigmoid x - 1`.
    | Sigmoid

[<RequireQualifiedAccess>]
module internal AlmostOrthogonalSpaces =

    let within (radius: float) : Space =
        { new Space((invariant $"matrices with singular values no farther than {radius} from 1"),
                    [],
                    [ Closure.Negation; Closure.Transposition; Closure.DirectSum ]) with
            override _.Dimension form = System.Nullable(Form.reals form)
        }

/// `W = U diag(1 + radius f(x)) V^T` with U n x m, x of m numbers and V k x m, m = min(n, k), each from a value of its own. f leads
/// to (-1, 1) (Lezcano-Casado 2019, as geotorch has it). Real matrices only.
type internal AlmostOrthogonalNode(radius: float, map: AlmostOrthogonalMap) =
    inherit Node()

    let f (x: torch.Tensor) =
        match map with
        | AlmostOrthogonalMap.Sine -> x.sin ()
        | AlmostOrthogonalMap.Tanh -> x.tanh ()
        | AlmostOrthogonalMap.Sigmoid -> (x / 2.0.AsScalar()).tanh()

    let values (x: torch.Tensor) = f x * radius.AsScalar() .+ 1.0.AsScalar()

    /// `log (1 / cosh x)`.
    let logSech (x: torch.Tensor) =
        let y = x.abs ()
        (log 2.0).AsScalar() .- y - (y * (-2.0).AsScalar()).exp().log1p()

    /// The inverse of f. For tanh and sigmoid, y is moved away from the ends, where the inverse is infinite.
    let back (epsilon: float) (y: torch.Tensor) =
        let short = 1.0 - min epsilon (Form.epsilon torch.ScalarType.Float32) / 2.0
        let inside = y.clamp ((-short).AsScalar(), short.AsScalar())

        match map with
        | AlmostOrthogonalMap.Sine -> y.clamp((-1.0).AsScalar(), 1.0.AsScalar()).asin()
        | AlmostOrthogonalMap.Tanh -> inside.atanh ()
        | AlmostOrthogonalMap.Sigmoid -> inside.atanh () * 2.0.AsScalar()

    let shorter (tensor: torch.Tensor) = min (Tensors.rows tensor) (Tensors.last tensor)
    let limit (epsilon: float) (tensor: torch.Tensor) = Tensors.limit epsilon (shorter tensor) (1.0 + radius)

    /// How far the singular values are from 1, in double precision; huge ones stay finite.
    let offsets (values: torch.Tensor) (unit: torch.Tensor) =
        (values * unit.squeeze -1L).clamp_max(1e300.AsScalar()) - 1.0.AsScalar()

    let farthest (tensor: torch.Tensor) =
        let struct (matrix, unit) = Norms.matricesInUnits 0.0 tensor
        Tensors.largest (offsets (torch.linalg.svdvals matrix) unit)

    let code (inputs: Code list) =
        Code.call
            "almostOrthogonalOf"
            [ Code.Float radius; Code.Symbol $"AlmostOrthogonalMap.{map}"; Code.Items inputs ]

    override _.Code = code (List.replicate 3 (Code.name "identity"))

    override this.Inputs form =
        match Form.fault { Requirement.matrices with Complex = false } form with
        | Some error -> Error(error (Node.text this))
        | None -> Ok(Svd.factorForms id form)

    override _.Output inputs = Svd.productForm inputs

    override _.Domains =
        [ Domain.Exactly StiefelSpaces.stiefel; Domain.free; Domain.Exactly StiefelSpaces.stiefel ]

    override _.Codomain _ = AlmostOrthogonalSpaces.within radius

    override _.Forward(inputs, _) = (inputs[0] * (values inputs[1]).unsqueeze -2L).matmul inputs[2].mT

    override _.Contains(_, tensor, epsilon) =
        Violation.unless (invariant $"|s_i - 1| <= {radius}") (farthest tensor - radius) (limit epsilon tensor)

    /// Singular values beyond the radius come to it, which is the nearest; those at it start at nine tenths of it.
    override _.Invert(_, tensor, epsilon, want) =
        let struct (matrix, unit) = Norms.matricesInUnits 0.0 tensor
        let struct (left, values, right) = Svd.thin matrix
        let share = offsets values unit / radius.AsScalar()
        let isOnEdge = share.abs().ge((1.0 - limit epsilon tensor / radius).AsScalar())
        let nearest = share.clamp ((-1.0).AsScalar(), 1.0.AsScalar())

        let share =
            if want = Want.Start then
                torch.where (isOnEdge, nearest * 0.9.AsScalar(), nearest)
            else
                nearest

        let struct (left, right) = Orthonormal.turnedTogether left right.mT
        let found = [| left; back epsilon share; right |]

        Ok { Inputs = found |> Array.map _.``to``(tensor.dtype); Buffers = [||] }

    interface ICombines with
        member _.CodeWith inputs = code inputs

    interface IHasEdge with
        member _.TouchesEdge(tensor, epsilon) = farthest tensor >= radius - limit epsilon tensor

    interface IRelatesInputs with
        member this.DomainsBehind _ = this.Domains

    interface IDimension with
        member this.Dimension(form, before, _) =
            match this.Inputs form with
            | Ok forms ->
                let given = List.zip forms before
                Decomposition.dimension (Form.reals form) [ given[0]; given[2] ] given[1]
            | Error _ -> None

    interface IDeterminant with
        member _.LogAbsDet(inputs, _, ofInput) =
            (values inputs[1]).abs().log().sum [| -1L |] +. ofInput.Invoke 0 +. ofInput.Invoke 2

    interface IVolumeBehind with
        member _.Measures before = SvdVolume.measures before

        /// That of a singular value decomposition, and `sum_i log (radius |f'(x_i)|)`.
        member _.LogVolume(inputs, _) =
            // In double precision, because singular values near the ends differ by little.
            let x = Tensors.inDouble inputs[1]

            let slopes =
                match map with
                | AlmostOrthogonalMap.Sine -> x.cos().abs().log()
                | AlmostOrthogonalMap.Tanh -> logSech x * 2.0.AsScalar()
                | AlmostOrthogonalMap.Sigmoid -> logSech (x / 2.0.AsScalar()) * 2.0.AsScalar() - (log 2.0).AsScalar()

            (SvdVolume.ofFactors inputs[0] (values x) inputs[2]
             +. (slopes .+ (log radius).AsScalar()).sum [| -1L |])
                .``to``
                inputs[1].dtype

    interface ISampled with
        /// Uniform vectors, and uniform values.
        member _.Sample(form, generator) =
            let count = form.Shape.Length
            let batch = form.Shape[.. count - 3]
            let rows, columns = form.Shape[count - 2], form.Shape[count - 1]
            let least = min rows columns

            let orthonormal (size: int64) =
                Orthonormal.sample (Array.append batch [| size; least |]) form.Dtype form.Device generator

            let uniform = Form.uniform generator { form with Shape = Array.append batch [| least |] }
            let values = (uniform * 2.0.AsScalar() - 1.0.AsScalar()) * radius.AsScalar() .+ 1.0.AsScalar()
            let left = orthonormal rows
            (left * values.unsqueeze -2L).matmul (orthonormal columns).mT

namespace Parametrize.Values

open Parametrize

/// The values `almostOrthogonalOf` and `almostOrthogonal`.
[<AutoOpen>]
module AlmostOrthogonalValues =

    /// `U diag(1 + radius f(x)) V^T` from values of U (n x m), x (m numbers) and V (k x m), m = min(n, k). Throws
    /// ArgumentException for a radius outside (0, 1], other than three values, and values whose spaces do not fit.
    let almostOrthogonalOf (radius: float) (map: AlmostOrthogonalMap) (inputs: Parametrization list) : Parametrization =
        if not (radius > 0.0 && radius <= 1.0) then
            invalidArg (nameof radius) (invariant $"The radius must be positive and at most 1, but it is {radius}.")

        Parametrization.join (AlmostOrthogonalNode(radius, map)) inputs

    /// Real n x k matrices whose singular values are within a radius of 1, as `U diag(1 + radius f(x)) V^T` with orthonormal U
    /// and V, O(n k min(n, k)). Projects to the nearest one: singular values outside are moved to the edge. At a matrix with
    /// equal singular values, such as an orthonormal one, gradients have no part in directions that would make these differ.
    /// Throws ArgumentException for a radius outside (0, 1].
    let almostOrthogonal (radius: float) (map: AlmostOrthogonalMap) : Parametrization =
        almostOrthogonalOf radius map [ orthogonal; Parametrization.identity; orthogonal ]
