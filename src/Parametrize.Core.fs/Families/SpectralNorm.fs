namespace Parametrize

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

/// `W = bound X / (u^H X v)`, where u and v approach the leading singular vectors by power iteration while training
/// (Miyato et al. 2018, algorithm 1). A zero matrix yields zeros.
type internal SpectralNormLink(options: SpectralNormOptions) =
    inherit Link()

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

    let withVectors (tensor: torch.Tensor) (u: torch.Tensor) (v: torch.Tensor) = LinkParts.carrying tensor [ u; v ]

    let vectorsOf (tensor: torch.Tensor) =
        let u, _, v = leading tensor
        withVectors tensor u v

    override _.Code =
        let changed =
            [
                if options.Bound <> SpectralNorm.defaults.Bound then
                    $"Bound = {Typed.float options.Bound}"
                if options.Dimension <> SpectralNorm.defaults.Dimension then
                    $"Dimension = {options.Dimension}"
                if options.Iterations <> SpectralNorm.defaults.Iterations then
                    $"Iterations = {options.Iterations}"
                if options.Epsilon <> SpectralNorm.defaults.Epsilon then
                    $"Epsilon = {Typed.float options.Epsilon}"
            ]

        match changed with
        | [] -> "spectralNorm"
        | fields ->
            let fields = String.concat "; " fields
            $"spectralNormWith {{ SpectralNorm.defaults with {fields} }}"

    override _.Requirement = Requirement.vectors
    override _.Expects form = Form.withoutDimension options.Dimension form
    /// A second one of the same bound changes nothing, as in PyTorch.
    override _.Domain = Domain.cones |> Domain.including (Space.SpectralSphere options.Bound)

    override _.Codomain = Space.SpectralSphere options.Bound
    override _.BufferNames = [ "_u"; "_v" ]
    override _.IsBatched = false
    override _.Learns = true

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
    override _.RightInverse(present, tensor, epsilon) =
        if estimateFits present tensor epsilon then
            withVectors tensor present[0] present[1]
        else
            vectorsOf tensor

    /// They need not have converged, and are short where the matrix was smaller than `Epsilon`.
    override this.CanCarry(buffers, epsilon) =
        let isDirection (name: string) (vector: torch.Tensor) =
            let length = Tensors.number ((Tensors.inDouble vector).norm())
            let size = if length > 0.0 then length - 1.0 else 1.0

            Violation.unless $"0 < |{name}| <= 1" size (Tensors.limit epsilon (vector.numel ()) 1.0)
            |> Result.mapError (fun violation -> name, violation)

        Seq.zip this.BufferNames buffers
        |> Seq.fold (fun state (name, vector) -> state |> Result.bind (fun () -> isDirection name vector)) (Ok())

    override _.Mend buffers = Array.map normalized buffers

    override _.Nearest(tensor, _) =
        let _, norm, _ = leading tensor
        if norm = 0.0 then tensor else tensor * (options.Bound / norm)

    override _.Approximate(tensor, _) = vectorsOf tensor

    override _.Advance(inputs, buffers) =
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
