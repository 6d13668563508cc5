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

[<RequireQualifiedAccess; CompilationRepresentation(CompilationRepresentationFlags.ModuleSuffix)>]
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

/// `W = bound X / max(|u^H X v|, epsilon)`, where u and v approach the leading singular vectors by power iteration while
/// training (Miyato et al. 2018, algorithm 1). A zero matrix yields zeros.
type internal SpectralNormNode(options: SpectralNormOptions) =
    inherit Node()

    /// What keeps sums of huge entries from overflowing; a power of two rounds nothing.
    let small = 2.0 ** -16.0

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

    /// The unit vector of the same direction; NaN where there is none. Divided by the largest entry first, so that squares
    /// neither overflow nor vanish.
    let normalized (vector: torch.Tensor) =
        let scaled = vector / torch.linalg.vector_norm (vector, infinity)
        scaled / torch.linalg.vector_norm (scaled, 2.0)

    /// The same where the next vector is one, else the present one.
    let orElse (present: torch.Tensor) (next: torch.Tensor) = torch.where (next.isfinite().all(), next, present)

    let sigma (matrix: torch.Tensor) (u: torch.Tensor) (v: torch.Tensor) = torch.vdot (u, torch.mv (matrix, v))

    let iterate (matrix: torch.Tensor) (u: torch.Tensor, v: torch.Tensor) =
        let next = normalized (torch.mv (matrix, v)) |> orElse u
        // A zero matrix has no directions: vectors that became zero would stay so for ever.
        next, normalized (torch.mv (matrix.mH, next)) |> orElse v

    /// The matrix in double precision and units of its largest entry, so that norms stay within the range of numbers.
    let inUnits (tensor: torch.Tensor) =
        let exact = Tensors.inDouble (asMatrix tensor)
        let largest = Tensors.largest exact
        (if largest > 0.0 then exact / largest.ToScalar() else exact), largest

    /// The spectral norm, to machine precision.
    let normOf (tensor: torch.Tensor) =
        let matrix, unit = inUnits tensor
        unit * Tensors.number ((torch.linalg.svdvals matrix)[0L])

    /// The leading singular triple, to machine precision.
    let leading (tensor: torch.Tensor) =
        let matrix, unit = inUnits tensor
        let struct (left, values, right) = torch.linalg.svd (matrix, fullMatrices = false)
        let back (vector: torch.Tensor) = vector.``to`` tensor.dtype

        back (left.select (1L, 0L)), unit * Tensors.number values[0L], back (right.select(0L, 0L).conj().resolve_conj())

    /// Scaled in double precision, where the factor may be out of the range of the tensor's own.
    let times (factor: float) (tensor: torch.Tensor) = (Tensors.inDouble tensor * factor.ToScalar()).``to`` tensor.dtype

    let isZero (tensor: torch.Tensor) = Tensors.largest tensor = 0.0

    /// Norms below count as `Epsilon`, so that X of a smaller bound has to have that norm.
    let originalOf (tensor: torch.Tensor) =
        if options.Bound >= options.Epsilon then
            tensor
        else
            times (options.Epsilon / options.Bound) tensor

    let estimateFits (present: torch.Tensor[]) (tensor: torch.Tensor) (epsilon: float) =
        present.Length = 2
        && options.Bound >= options.Epsilon
        && abs (Tensors.number ((sigma (asMatrix tensor) present[0] present[1]).abs()) - options.Bound)
           <= Tensors.roundoff epsilon options.Bound

    let withVectors (tensor: torch.Tensor) (u: torch.Tensor) (v: torch.Tensor) = NodeParts.carrying tensor [ u; v ]

    let nearest (tensor: torch.Tensor) (norm: float) =
        if norm = 0.0 then tensor else times (options.Bound / norm) tensor

    /// The floor of the norm, in these units; a zero divides as 1, which keeps gradients moderate where training starts.
    let divisor (norm: torch.Tensor) (unit: float) =
        let divisor = norm.abs().clamp_min((options.Epsilon * unit).ToScalar())

        // What cannot be read without waiting for the device may be anything.
        let read = if divisor.device_type = DeviceType.CPU then divisor.ToDouble() else nan

        if not (read > options.Epsilon * unit) then
            // Written behind the graph, which needs no node for it.
            divisor.detach().add_(norm.logical_not ()) |> ignore

        divisor, Double.IsFinite read

    let divided (tensor: torch.Tensor) (divisor: torch.Tensor) =
        if options.Bound = 1.0 then
            tensor / divisor
        else
            tensor / (divisor / options.Bound.ToScalar())

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
            { Name = "_u"; Role = BufferRole.Learned; FormFor = vector rows }
            {
                Name = "_v"
                Role = BufferRole.Learned
                FormFor = vector (fun form -> Form.entries form / rows form)
            }
        ]

    override _.IsBatched = false

    override _.Forward(inputs, buffers) =
        let ofUnit (tensor: torch.Tensor) (unit: float) =
            let divisor, isFinite = divisor (sigma (asMatrix tensor) buffers[0] buffers[1]) unit
            divided tensor divisor, isFinite

        match ofUnit inputs[0] 1.0 with
        | result, true -> result
        | _ -> fst (ofUnit (inputs[0] * small.ToScalar()) small)

    override _.Contains(present, tensor, epsilon) =
        if isZero tensor || estimateFits present tensor epsilon then
            Ok()
        else
            Violation.unless
                $"|W|_2 = {options.Bound}"
                (abs (normOf tensor - options.Bound))
                (Tensors.roundoff epsilon options.Bound)

    /// Vectors in use stay when they see the norm that they should, as they do between two power iterations. A tensor that
    /// is not allowed stays, too, also where its norm is smaller than `Epsilon` and the result short of the bound; one so
    /// small that nothing would be left of it starts at the bound.
    override _.Invert(present, tensor, epsilon, want) =
        if want = Want.Exact && estimateFits present tensor epsilon then
            withVectors tensor present[0] present[1]
        else
            let u, norm, v = leading tensor

            if want = Want.Exact then withVectors (originalOf tensor) u v
            elif norm = 0.0 || norm >= options.Epsilon / 100.0 then withVectors tensor u v
            else withVectors (originalOf (nearest tensor norm)) u v

    interface IRepairs with
        /// They need not have converged.
        member _.CanCarry(buffers, epsilon) =
            let isDirection (name: string) (vector: torch.Tensor) =
                let length = Tensors.number ((Tensors.inDouble vector).norm())

                Violation.unless $"|{name}| = 1" (abs (length - 1.0)) (Tensors.roundoff epsilon 1.0)
                |> Result.mapError (fun violation -> name, violation)

            Seq.zip [ "_u"; "_v" ] buffers
            |> Seq.fold (fun state (name, vector) -> state |> Result.bind (fun () -> isDirection name vector)) (Ok())

        member _.Repair buffers = buffers |> Array.map (fun vector -> normalized vector |> orElse vector)

    interface IConverges

    interface ILearns with
        member _.Advance(inputs, buffers) =
            let matrix = asMatrix inputs[0]
            let mutable vectors = buffers[0], buffers[1]

            for _ in 1 .. options.Iterations do
                vectors <- iterate matrix vectors

            [| fst vectors; snd vectors |]

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
            invalidArg
                (nameof options)
                $"At least 1 power iteration is needed, but {options.Iterations} were asked for."

        Parametrization.ofNode (SpectralNormNode options)

    /// Spectral norm 1 by power iteration, with PyTorch's defaults.
    let spectralNorm: Parametrization = spectralNormWith SpectralNorm.defaults
