namespace Parametrize

open TorchSharp
open Parametrize.LinearAlgebra

/// `W = L^-T X` for the Cholesky factor of `B = L L^T`: n x k matrices (k <= n) in which B has the place of the identity, so that
/// `W^H B W = X^H X`. A bijection. O(n^2 k).
type internal MetricNode(rows: float list list, factor: float[], inverse: float[]) =
    inherit Node()

    let size = int64 rows.Length
    let numbers (row: float list) = Code.Items(List.map Code.Float row)
    let code = Code.call "inMetric" [ Code.Items(List.map numbers rows) ]

    let matrix (numbers: float[]) (like: torch.Tensor) =
        torch.tensor(numbers, device = torch.CPU).reshape(size, size).``to``(like.dtype, like.device)

    let back (w: torch.Tensor) = (matrix factor w).mT.matmul w

    let space =
        { new Space($"matrices with W^H B W = I for {FSharpText.ofCode code}", [], [ Closure.Negation ]) with
            override _.Dimension form = StiefelSpaces.stiefel.Dimension form
        }

    member _.Apply(x: torch.Tensor) : torch.Tensor =
        Entrywise.within (Form.greatest x.dtype) ((matrix inverse x).mT.matmul x)

    override _.Code = code

    override this.Inputs form =
        match Form.fault Requirement.matrices form with
        | Some error -> Error(error (Node.text this))
        | None when form.Shape[form.Shape.Length - 2] <> size || Array.last form.Shape > size ->
            Node.wrongShape this $"matrices of {size} rows and as many columns at most" form
        | None -> Ok [ form ]

    override _.Domains = [ Domain.AnySpace ]

    override _.Codomain before =
        if before.Head.IsClosedUnder Closure.Everything then
            Space.all
        elif before.Head.Equals StiefelSpaces.stiefel then
            space
        elif before.Head.IsWithin StiefelSpaces.stiefel then
            Space($"{space.Name} made from {before.Head.Name}", [ space ])
        else
            Space $"{FSharpText.ofCode code} of {before.Head.Name}"

    override this.Forward(inputs, _) = this.Apply inputs[0]

    override _.Contains(_, tensor, epsilon) =
        let part = back (Tensors.inDouble tensor) / (Entrywise.greatestOf epsilon tensor.dtype).AsScalar()
        Violation.unless "L^T W has numbers of the element type (over the largest)" (Tensors.largest part) 1.0

    override _.Invert(_, tensor, _, _) =
        let exact = back (Tensors.inDouble tensor)
        NodeParts.ofInput ((Entrywise.within (Form.greatest tensor.dtype) exact).``to`` tensor.dtype)

    interface IBijection with
        member _.Back tensor = back tensor

    interface IMixesEntries with
        member _.Moved(tensor, distances, roundoff) =
            let sizes (numbers: float[]) = (matrix numbers distances).abs().mT
            let summed = (sizes inverse).matmul((back tensor).abs())
            (sizes factor).matmul(distances +. summed * roundoff.AsScalar())

    interface INarrows with
        member _.Narrow(tensor, dtype) = Entrywise.saturated dtype tensor

    interface IDimension with
        member _.Dimension(_, before, _) = snd before.Head

    interface IVolume with
        member _.LogVolume(inputs, _) =
            let x = inputs[0]
            let one = Seq.sum (seq { for i in 0 .. rows.Length - 1 -> log factor[i * rows.Length + i] })
            let reals = if x.is_complex () then 2.0 else 1.0
            Tensors.forEach 2 (-one * reals * float (Tensors.last x)) x

    abstract Behind: before: Space -> Node

    default this.Behind before =
        if before.Equals StiefelSpaces.stiefel then
            StiefelMetricNode(rows, factor, inverse)
        else
            this

    interface ISpecialized with
        member this.Behind before = this.Behind before.Head

/// The same behind all matrices with orthonormal columns.
and internal StiefelMetricNode(rows: float list list, factor: float[], inverse: float[]) =
    inherit MetricNode(rows, factor, inverse)

    override this.Behind _ = this

    interface ISampled with
        /// From uniform orthonormal columns.
        member this.Sample(form, generator) = this.Apply(Orthonormal.sample form.Shape form.Dtype form.Device generator)

namespace Parametrize.Values

open System
open Parametrize

/// The values `inMetric` and `generalizedStiefel`.
[<AutoOpen>]
module GeneralizedStiefelValues =

    /// The lower Cholesky factor, row by row.
    let private cholesky (rows: float list list) : float[] =
        let size = rows.Length

        if size = 0 || rows |> List.exists (fun row -> row.Length <> size) then
            invalidArg (nameof rows) $"B must be square, but its {size} rows have {List.map List.length rows} numbers."

        let b = rows |> List.concat |> List.toArray
        let at i j = b[i * size + j]
        let largest = b |> Array.map abs |> Array.max

        for i in 0 .. size - 1 do
            for j in 0 .. i - 1 do
                if not (abs (at i j - at j i) <= 1e-12 * largest) then
                    invalidArg
                        (nameof rows)
                        $"B must be symmetric, but B[{i}, {j}] is {at i j} and B[{j}, {i}] is {at j i}."

        let l: float[] = Array.zeroCreate (size * size)

        for i in 0 .. size - 1 do
            for j in 0..i do
                let sum = Seq.sum (seq { for k in 0 .. j - 1 -> l[i * size + k] * l[j * size + k] })
                let rest = at i j - sum

                if i > j then
                    l[i * size + j] <- rest / l[j * size + j]
                elif rest > 1e-12 * at i i && Double.IsFinite rest then
                    l[i * size + j] <- sqrt rest
                else
                    invalidArg (nameof rows) (invariant $"B must be positive definite, but its pivot {i} is {rest}.")

        l

    /// The inverse of a lower triangular matrix, so that each pass needs only a product.
    let private inverted (l: float[]) : float[] =
        let size = int (sqrt (float l.Length))
        let inverse: float[] = Array.zeroCreate l.Length

        for j in 0 .. size - 1 do
            for i in j .. size - 1 do
                let sum = Seq.sum (seq { for k in j .. i - 1 -> l[i * size + k] * inverse[k * size + j] })
                inverse[i * size + j] <- ((if i = j then 1.0 else 0.0) - sum) / l[i * size + i]

        inverse

    /// n x k matrices (k <= n) `W = L^-T X` for a positive definite `B = L L^T`, given by its rows, so that `W^H B W = X^H X`. A
    /// bijection: alone it yields every matrix. O(n^2 k). Throws ArgumentException for a B that is not square, symmetric and
    /// positive definite.
    let inMetric (rows: float list list) : Parametrization =
        let factor = cholesky rows
        Parametrization.ofNode (MetricNode(rows, factor, inverted factor))

    /// n x k matrices (k <= n) with `W^H B W = I` for a positive definite B, given by its rows: `orthogonal >>> inMetric rows`, the
    /// generalized Stiefel manifold. Projects by the QR decomposition of `L^T W`, a retraction. Samples are uniform ones of
    /// `orthogonal` in that metric. O(n^2 k). Throws ArgumentException as `inMetric`.
    let generalizedStiefel (rows: float list list) : Parametrization = orthogonal >>> inMetric rows
