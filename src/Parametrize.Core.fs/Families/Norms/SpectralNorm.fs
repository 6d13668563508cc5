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
        /// Norms below this number count as this number. Default: 1e-12.
        Epsilon: float
    }

/// Options of `spectralNormWith`.
[<RequireQualifiedAccess; CompilationRepresentation(CompilationRepresentationFlags.ModuleSuffix)>]
module SpectralNorm =

    /// PyTorch's defaults, and the bound 1.
    let defaults: SpectralNormOptions = { Bound = 1.0; Dimension = 0; Iterations = 1; Epsilon = 1e-12 }

[<RequireQualifiedAccess>]
module internal SpectralSpaces =

    /// Zero counts as allowed.
    let sphere (norm: float) : Space =
        { new Space((invariant $"tensors of spectral norm {norm}"), [], [ Closure.Negation; Closure.Transposition ]) with
            override _.Dimension form = Nullable(Form.reals form - 1L)
        }

/// `W = bound X / max(|u^H X v|, epsilon)`, where u and v approach the leading singular vectors by power iteration while
/// training (Miyato et al. 2018, algorithm 1). A zero matrix yields zeros.
type internal SpectralNormNode(options: SpectralNormOptions) =
    inherit Node()

    /// The tensor as a matrix. The first `stacked` dimensions count tensors and stay.
    let asMatrixBehind (stacked: int64) (tensor: torch.Tensor) =
        let count = int (tensor.dim () - stacked)
        let dimension = (options.Dimension + count) % count

        let front =
            if dimension = 0 then
                tensor
            else
                tensor.movedim ([| stacked + int64 dimension |], [| stacked |])

        match count with
        | 1 -> front.unsqueeze -1L
        | 2 -> front
        | _ -> front.flatten (stacked + 1L)

    let asMatrix = asMatrixBehind 0L

    /// The next vector if it is finite, else the present one.
    let orElse (present: torch.Tensor) (next: torch.Tensor) = torch.where (next.isfinite().all(), next, present)

    /// `u^H X v`. The product along the longer side comes last, as a sum that does not add one by one.
    let sigma (matrix: torch.Tensor) (u: torch.Tensor) (v: torch.Tensor) =
        if Norms.isLong (matrix.size 1) then (torch.mv(matrix.mH, u).conj() * v).sum()
        elif Norms.isLong (matrix.size 0) then (u.conj () * torch.mv (matrix, v)).sum()
        else torch.vdot (u, torch.mv (matrix, v))

    let whole (tensor: torch.Tensor) = Norms.others tensor -1L

    /// A power iteration in units of the largest entry: for tiny and huge matrices, and for devices where a check of the numbers
    /// would have to wait.
    let iterateInUnits (matrix: torch.Tensor) (u: torch.Tensor) (v: torch.Tensor) =
        let scaled = Norms.inUnits matrix (Norms.largest matrix (whole matrix))
        let next = Norms.direction (torch.mv (scaled, v)) |> orElse u
        // A zero matrix has no directions: vectors that became zero would stay so for ever.
        struct (next, Norms.direction (torch.mv (scaled.mH, next)) |> orElse v)

    let iterate (matrix: torch.Tensor) (struct (u: torch.Tensor, v: torch.Tensor)) =
        match Norms.directionByFormula (torch.mv (matrix, v)) with
        | ValueNone -> iterateInUnits matrix u v
        | ValueSome next ->
            match Norms.directionByFormula (torch.mv (matrix.mH, next)) with
            | ValueNone -> iterateInUnits matrix u v
            | ValueSome other -> struct (next, other)

    /// The leading singular triple to the roundoff of the element type: of the matrix in units of its largest entry, and that
    /// entry.
    let leading (tensor: torch.Tensor) (epsilon: float) =
        let dtype = tensor.dtype
        // Of small ones double precision takes no longer.
        let tensor = if tensor.numel () <= 4096L then Tensors.inDouble tensor else tensor
        let matrix = asMatrix tensor
        let largest = Norms.largest matrix (whole matrix)
        let tolerance = max 1e-14 (8.0 * min epsilon (Form.epsilon torch.ScalarType.Float32))
        let struct (u, norm, v) = LeadingSingular.triple (Norms.inUnits matrix largest) tolerance
        struct (u.``to`` dtype, norm, v.``to`` dtype, Tensors.number largest)

    let isZero (tensor: torch.Tensor) = Tensors.largest tensor = 0.0

    /// The X from which an allowed tensor is computed. Norms below `Epsilon` count as `Epsilon`, so X must have that norm if the
    /// bound is smaller. Scaled in double precision, because the factor may be out of the range of the element type.
    let originalOf (tensor: torch.Tensor) =
        if options.Bound >= options.Epsilon then
            tensor
        else
            (Tensors.inDouble tensor * (options.Epsilon / options.Bound).AsScalar()).``to`` tensor.dtype

    let estimateFits (present: torch.Tensor[]) (tensor: torch.Tensor) (epsilon: float) =
        present.Length = 2
        && options.Bound >= options.Epsilon
        && abs (Tensors.number ((sigma (asMatrix tensor) present[0] present[1]).abs()) - options.Bound)
           <= Tensors.roundoff epsilon options.Bound

    let withVectors (tensor: torch.Tensor) (u: torch.Tensor) (v: torch.Tensor) = NodeParts.carrying tensor [ u; v ]

    let divided (tensor: torch.Tensor) (divisor: torch.Tensor) =
        let divisor = if options.Bound = 1.0 then divisor else divisor / options.Bound.AsScalar()

        Norms.dividedBy divisor tensor

    /// The map by its formula, where the norm is known to be neither tiny nor huge.
    let byFormula (tensor: torch.Tensor) (u: torch.Tensor) (v: torch.Tensor) =
        if tensor.device_type <> DeviceType.CPU then
            ValueNone
        else
            let seen = sigma (asMatrix tensor) u v
            let seen = if seen.is_complex () then seen.abs () else seen
            let read = Tensors.number seen

            if abs read <= options.Epsilon || not (Norms.isModerate seen.dtype read) then
                ValueNone
            else
                ValueSome(divided tensor (if read > 0.0 then seen else seen.abs ()))

    /// The same in units of the largest entry, whatever the numbers.
    let inUnits (tensor: torch.Tensor) (u: torch.Tensor) (v: torch.Tensor) =
        let floor = max options.Epsilon (Form.least tensor.dtype)
        let unit = (Norms.largest tensor (whole tensor)).clamp_min(floor.AsScalar())
        let scaled = Norms.dividedBy unit tensor
        let perUnit = unit.reshape([||]).reciprocal()
        let norm = (sigma (asMatrix scaled) u v).abs()
        let divisor = norm.maximum (perUnit * options.Epsilon.AsScalar())
        // If the norm is zero, the divisor is 1 (in this unit), which keeps gradients moderate where training starts. It is
        // written past the graph, which needs no node for this constant.
        divisor.detach().add_(norm.logical_not () * perUnit, 1.0.AsScalar()) |> ignore
        divided scaled divisor

    let space = SpectralSpaces.sphere options.Bound

    let forward (tensor: torch.Tensor) (u: torch.Tensor) (v: torch.Tensor) =
        match byFormula tensor u v with
        | ValueSome result -> result
        | ValueNone -> inUnits tensor u v

    let advance (tensor: torch.Tensor) (u: torch.Tensor) (v: torch.Tensor) =
        let matrix = asMatrix tensor
        let mutable vectors = struct (u, v)

        for _ in 1 .. options.Iterations do
            vectors <- iterate matrix vectors

        vectors

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

    override _.Codomain before = Space.intersect before.Head space

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

    override _.Forward(inputs, buffers) = forward inputs[0] buffers[0] buffers[1]

    override _.Contains(present, tensor, epsilon) =
        if isZero tensor || estimateFits present tensor epsilon then
            Ok()
        else
            let struct (_, norm, _, unit) = leading tensor epsilon

            Violation.unless
                (invariant $"|W|_2 = {options.Bound}")
                (abs (norm * unit - options.Bound))
                (Tensors.roundoff epsilon options.Bound)

    /// Vectors in use stay when they see the norm that they should, as they do between two power iterations. A tensor that
    /// is not allowed stays, too, also where its norm is smaller than `Epsilon` and the result short of the bound; one so
    /// small that nothing would be left of it starts at the bound.
    override _.Invert(present, tensor, epsilon, want) =
        if want = Want.Exact && estimateFits present tensor epsilon then
            withVectors tensor present[0] present[1]
        else
            let struct (u, norm, v, unit) = leading tensor epsilon

            if want = Want.Exact then
                withVectors (originalOf tensor) u v
            elif norm = 0.0 || norm * unit >= options.Epsilon / 100.0 then
                withVectors tensor u v
            else
                let wide = Tensors.inDouble tensor
                let scaled = Norms.inUnits wide (Norms.largest wide (whole wide))
                let factor = max options.Bound options.Epsilon / norm
                withVectors ((scaled * factor.AsScalar()).``to`` tensor.dtype) u v

    interface IFindsAlike with
        /// `Invert` gives the tensor itself, unless it has to be scaled up.
        member _.FindsAlike = options.Bound >= options.Epsilon

    interface IReaches with
        /// The entry of a matrix of rank one with equal entries.
        member _.Least(form, _) = options.Bound / sqrt (float (max 1L (Array.fold (*) 1L form.Shape)))

    interface IHoldsNumbers with
        member _.Factors = [ options.Bound ]
        member _.Offsets = []

    interface IRepairs with
        /// Only the lengths of the vectors are checked: they need not have converged.
        member _.CanCarry(buffers, epsilon) =
            let isDirection (name: string) (vector: torch.Tensor) =
                let length = Tensors.number ((Tensors.inDouble vector).norm())

                Violation.unless $"|{name}| = 1" (abs (length - 1.0)) (Tensors.roundoff epsilon 1.0)
                |> Result.mapError (fun violation -> name, violation)

            Seq.zip [ "_u"; "_v" ] buffers
            |> Seq.fold (fun state (name, vector) -> state |> Result.bind (fun () -> isDirection name vector)) (Ok())

        member _.Repair buffers = buffers |> Array.map (fun vector -> Norms.direction vector |> orElse vector)

    interface IConverges

    interface ILearns with
        member _.Advance(inputs, buffers) =
            let struct (u, v) = advance inputs[0] buffers[0] buffers[1]
            [| u; v |]

    interface IStacks with
        member _.ForwardStacked(inputs, buffers) =
            let tensors, u, v = inputs[0], buffers[0], buffers[1]

            match StackedSpectralNorm.norms options.Epsilon (asMatrixBehind 1L tensors) u v with
            | ValueSome norms -> divided tensors (norms.reshape [| yield -1L; for _ in 2L .. tensors.dim () -> 1L |])
            | ValueNone ->
                torch.stack [| for index in 0L .. tensors.size 0 - 1L -> forward tensors[index] u[index] v[index] |]

        member _.AdvanceStacked(inputs, buffers) =
            let tensors, u, v = inputs[0], buffers[0], buffers[1]

            match StackedSpectralNorm.iterate options.Iterations (asMatrixBehind 1L tensors) (u, v) with
            | ValueSome(u, v) -> [| u; v |]
            | ValueNone ->
                let us, vs =
                    Array.unzip
                        [|
                            for index in 0L .. tensors.size 0 - 1L do
                                let struct (u, v) = advance tensors[index] u[index] v[index]
                                u, v
                        |]

                [| torch.stack us; torch.stack vs |]

    interface IDimension with
        member _.Dimension(form, before, _) = Dimension.onSphere form before.Head

namespace Parametrize.Values

open System
open Parametrize

/// The values `spectralNormWith` and `spectralNorm`.
[<AutoOpen>]
module SpectralNormValues =

    /// Spectral norm by power iteration with the given options. Throws ArgumentException for a bound or an epsilon that is
    /// not positive and finite, fewer than 1 iteration, or more than 10,000.
    let spectralNormWith (options: SpectralNormOptions) : Parametrization =
        Options.requirePositiveAs (nameof options) "bound" options.Bound
        Options.requirePositiveAs (nameof options) "epsilon" options.Epsilon

        Options.requireSteps (nameof options) "power iteration" 10_000 options.Iterations
        Parametrization.ofNode (SpectralNormNode options)

    /// Spectral norm 1 by power iteration, with PyTorch's defaults.
    let spectralNorm: Parametrization = spectralNormWith SpectralNorm.defaults
