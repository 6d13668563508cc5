namespace Parametrize

open System
open TorchSharp

/// How `spectralNormWith` normalises.
type SpectralNormOptions =
    {
        /// The spectral norm of the result. Default: 1.
        Bound: float
        /// The dimension that becomes the rows of the matrix, the others its columns. Default: 0; transposed
        /// convolutions take 1.
        Dimension: int
        /// Power iterations for each training step. Default: 1.
        Iterations: int
        /// Norms below it count as this. Default: 1e-12.
        Epsilon: float
    }

[<RequireQualifiedAccess>]
module SpectralNorm =

    /// PyTorch's defaults, and the bound 1.
    let defaults: SpectralNormOptions = { Bound = 1.0; Dimension = 0; Iterations = 1; Epsilon = 1e-12 }

[<RequireQualifiedAccess>]
module internal SpectralSpaces =

    /// Zero counts as allowed.
    let sphere (norm: float) : Space =
        { new Space($"tensors of spectral norm {norm}", [], [ Closure.Negation; Closure.Transposition ]) with
            override _.Dimension form = Nullable(Form.reals form - 1L)
        }

/// `W = bound X / (u^H X v)`, where u and v approach the leading singular vectors by power iteration while training
/// (Miyato et al. 2018, algorithm 1). A zero matrix yields zeros.
type internal SpectralNormNode(options: SpectralNormOptions) =
    inherit Node()

    let asMatrix (tensor: torch.Tensor) =
        let count = int (tensor.dim ())

        let dimension = (options.Dimension + count) % count

        let front =
            if dimension = 0 then
                tensor
            else
                tensor.movedim ([| int64 dimension |], [| 0L |])

        match count with
        | 1 -> front.unsqueeze 1L
        | 2 -> front
        | _ -> front.flatten 1L

    let normalized (vector: torch.Tensor) =
        torch.nn.functional.normalize (vector, p = 2.0, dim = 0L, eps = options.Epsilon)

    let sigma (matrix: torch.Tensor) (u: torch.Tensor) (v: torch.Tensor) = torch.vdot (u, torch.mv (matrix, v))

    let iterate (matrix: torch.Tensor) (_: torch.Tensor, v: torch.Tensor) =
        let u = normalized (torch.mv (matrix, v))
        u, normalized (torch.mv (matrix.mH, u))

    /// The leading singular triple, to machine precision.
    let leading (tensor: torch.Tensor) =
        let struct (left, values, right) =
            torch.linalg.svd (Tensors.inDouble (asMatrix tensor), fullMatrices = false)

        let back (vector: torch.Tensor) = vector.``to`` tensor.dtype
        back (left.select (1L, 0L)), Tensors.number (values[0L]), back (right.select(0L, 0L).conj().resolve_conj())

    let isZero (tensor: torch.Tensor) = Tensors.largest tensor = 0.0
    let limit (epsilon: float) (tensor: torch.Tensor) = Tensors.limit epsilon (tensor.numel ()) options.Bound

    let estimateFits (present: torch.Tensor[]) (tensor: torch.Tensor) (epsilon: float) =
        present.Length = 2
        && Tensors.number ((sigma (asMatrix tensor) present[0] present[1] - options.Bound.ToScalar()).abs())
           <= limit epsilon tensor

    let withVectors (tensor: torch.Tensor) (u: torch.Tensor) (v: torch.Tensor) = NodeParts.carrying tensor [ u; v ]

    let vectorsOf (tensor: torch.Tensor) =
        let u, _, v = leading tensor
        withVectors tensor u v

    let space = SpectralSpaces.sphere options.Bound

    override _.Code =
        let changed =
            [
                if options.Bound <> SpectralNorm.defaults.Bound then
                    "Bound", Code.Float options.Bound
                if options.Dimension <> SpectralNorm.defaults.Dimension then
                    "Dimension", Code.Integer options.Dimension
                if options.Iterations <> SpectralNorm.defaults.Iterations then
                    "Iterations", Code.Integer options.Iterations
                if options.Epsilon <> SpectralNorm.defaults.Epsilon then
                    "Epsilon", Code.Float options.Epsilon
            ]

        match changed with
        | [] -> Code.name "spectralNorm"
        | fields -> Code.call "spectralNormWith" [ Code.Fields("SpectralNorm.defaults", fields) ]

    override this.Inputs form =
        match Form.fault Requirement.vectors form, Form.withoutDimension options.Dimension form with
        | Some error, _ -> Error(error (Node.text this))
        | None, Some expected -> Node.wrongShape this expected form
        | None, None -> Ok [ form ]

    /// A second one of the same bound changes nothing, as in PyTorch.
    override _.Domains = [ Domain.OneOf [ Domain.Needs [ Closure.Scaling ]; Domain.Within space ] ]

    override _.Codomain before =
        if before.Head.IsClosedUnder Closure.Scaling then
            Space.intersect before.Head space
        else
            space

    override _.Buffers =
        let rows (form: Form) = form.Shape[(options.Dimension + form.Shape.Length) % form.Shape.Length]
        let vector (size: Form -> int64) (form: Form) = { form with Shape = [| size form |] }

        [
            {
                Name = "_u"
                Role = BufferRole.Learned
                FormFor = vector rows
            }
            {
                Name = "_v"
                Role = BufferRole.Learned
                FormFor = vector (fun form -> Form.entries form / rows form)
            }
        ]

    override _.IsBatched = false

    override _.Forward(inputs, buffers) =
        let norm = sigma (asMatrix inputs[0]) buffers[0] buffers[1]
        // A zero divides as 1; written behind the graph, which needs no node for it.
        norm.detach().add_(norm.logical_not ()) |> ignore

        if options.Bound = 1.0 then
            inputs[0] / norm
        else
            inputs[0] * (options.Bound.ToScalar() / norm)

    override _.Contains(present, tensor, epsilon) =
        if isZero tensor || estimateFits present tensor epsilon then
            Ok()
        else
            let _, norm, _ = leading tensor
            Violation.unless $"|W|_2 = {options.Bound}" (abs (norm - options.Bound)) (limit epsilon tensor)

    /// Vectors in use stay when they see the norm that they should, as they do between two power iterations.
    override _.Invert(present, tensor, epsilon, want) =
        if want = Want.Exact && estimateFits present tensor epsilon then
            withVectors tensor present[0] present[1]
        else
            vectorsOf tensor

    interface IRepairs with
        /// They need not have converged, and are short where the matrix was smaller than `Epsilon`.
        member _.CanCarry(buffers, epsilon) =
            let isDirection (name: string) (vector: torch.Tensor) =
                let length = Tensors.number ((Tensors.inDouble vector).norm())
                let size = if length > 0.0 then length - 1.0 else 1.0

                Violation.unless $"0 < |{name}| <= 1" size (Tensors.limit epsilon (vector.numel ()) 1.0)
                |> Result.mapError (fun violation -> name, violation)

            Seq.zip [ "_u"; "_v" ] buffers
            |> Seq.fold (fun state (name, vector) -> state |> Result.bind (fun () -> isDirection name vector)) (Ok())

        member _.Repair buffers = Array.map normalized buffers

    interface ILearns with
        member _.Advance(inputs, buffers) =
            let matrix = asMatrix inputs[0]
            let mutable vectors = buffers[0], buffers[1]

            for _ in 1 .. options.Iterations do
                vectors <- iterate matrix vectors

            // A zero matrix has no directions: vectors that became zero would stay so for ever.
            let isAlive = (snd vectors).any()

            Array.map2
                (fun (next: torch.Tensor) present -> torch.where (isAlive, next, present))
                [| fst vectors; snd vectors |]
                buffers

    interface IDimension with
        /// Every ray of a cone meets the sphere once.
        member _.Dimension(_, before, _) =
            match before.Head with
            | space', dimension when space'.IsClosedUnder Closure.Scaling ->
                dimension |> Option.map (fun cone -> max 0L (cone - 1L))
            | _, dimension -> dimension

namespace Parametrize.Values

open System
open Parametrize

[<AutoOpen>]
module SpectralNormValues =

    /// Spectral norm by power iteration with the given options. Throws ArgumentException for a bound or an epsilon that is
    /// not positive, or fewer than 1 iteration.
    let spectralNormWith (options: SpectralNormOptions) : Parametrization =
        if not (options.Bound > 0.0 && Double.IsFinite options.Bound) then
            invalidArg (nameof options) $"The bound must be positive and finite, but it is {options.Bound}."

        if not (options.Epsilon > 0.0) then
            invalidArg (nameof options) $"Epsilon must be positive, but it is {options.Epsilon}."

        if options.Iterations < 1 then
            invalidArg (nameof options) $"At least 1 power iteration is needed, but {options.Iterations} were asked for."

        Parametrization.ofNode (SpectralNormNode options)

    /// Spectral norm 1 by power iteration, with PyTorch's defaults.
    let spectralNorm: Parametrization = spectralNormWith SpectralNorm.defaults
