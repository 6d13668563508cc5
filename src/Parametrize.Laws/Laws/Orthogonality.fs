/// Points of measure zero for matrices with orthonormal columns: half turns, permutations, the identity and its negative,
/// and tensors of low rank or extreme size that have to be projected.
module internal Parametrize.Laws.Orthogonality

open Parametrize
open Parametrize.Laws.Law
open Parametrize.Laws.Measures
open TorchSharp

let private codomain (subject: Subject) : Space = Tree.space subject.Value.Tree

let private isOfKernels (subject: Subject) : bool = codomain subject = View.space View.Kernel StiefelSpaces.stiefel

/// Own nodes with this space need not reach all of it, or project so much.
let private isOrthogonal (subject: Subject) : bool =
    Subject.isOfLibrary subject && (codomain subject = StiefelSpaces.stiefel || isOfKernels subject)

/// Batch, rows and columns of the matrices that a tensor of this shape holds.
let private layout (subject: Subject) (shape: int64[]) : int * int64 * int64 =
    if isOfKernels subject then
        1, shape[0], Array.fold (*) 1L shape[1..]
    else
        let count = shape.Length
        int (Array.fold (*) 1L shape[.. count - 3]), shape[count - 2], shape[count - 1]

let private wideType (case: Case) =
    if Case.isComplex case then
        torch.ScalarType.ComplexFloat64
    else
        torch.ScalarType.Float64

/// A square orthogonal or unitary matrix that no random draw yields.
let private landmark (kind: int) (size: int64) (dtype: torch.ScalarType) (generator: torch.Generator) : torch.Tensor =
    let identity = torch.eye (size, dtype = dtype, device = torch.CPU)
    let random () = torch.randn ([| size; size |], dtype = dtype, device = torch.CPU, generator = generator)
    let signs () = torch.randint(2L, [| size |], device = torch.CPU, generator = generator).``to`` dtype * 2.0 - 1.0

    let permuted (matrix: torch.Tensor) =
        matrix.index_select (0L, torch.randperm (size, device = torch.CPU, generator = generator))

    let halfTurn () =
        let struct (basis, _) = torch.linalg.qr (random ())
        (basis * signs ()).matmul basis.mH

    let unitary (matrix: torch.Tensor) =
        let struct (left, _, right) = torch.linalg.svd (matrix, fullMatrices = false)
        left.matmul right

    match kind with
    | 0 -> identity
    | 1 -> -identity
    | 2 -> permuted identity
    | 3 -> permuted (identity * signs ())
    | 4 -> identity * signs ()
    | 5 -> halfTurn ()
    | 6 -> unitary (halfTurn () + random () * 1e-7)
    | 7 -> unitary (random () * 1e-6 - identity)
    // A cycle: the roots of unity.
    | 8 -> identity.roll (1L, 0L)
    // Eigenvalue -1 in one plane, an angle that rounding cannot tell from pi in the next.
    | _ -> unitary (identity * signs () + random () * 1e-12)

let private kinds = 10

/// One landmark for each matrix of the batch, each of another kind.
let private landmarks (subject: Subject) (case: Case) : torch.Tensor =
    let batch, rows, columns = layout subject case.Shape
    use generator = new torch.Generator(case.Seed * 1009UL + 7UL, torch.CPU)

    let matrices =
        [|
            for place in 0 .. batch - 1 do
                let kind = int ((case.Seed + uint64 place) % uint64 kinds)
                let square = landmark kind (max rows columns) (wideType case) generator
                square.narrow(0L, 0L, rows).narrow(1L, 0L, columns)
        |]

    (torch.stack matrices).reshape(case.Shape).``to``(case.Dtype, case.Device)

let private roundTrips (what: string) (subject: Subject) (allowed: float) (tensor: torch.Tensor) : Faults =
    ok what (Parametrization.initialize subject.Value tensor) (fun parts ->
        near what allowed tensor (Parametrization.forward subject.Value parts))

/// What some maps without a base have to refuse: half turns have no inverse Cayley map, and reflections no logarithm.
let private mayRefuse (subject: Subject) (case: Case) (tensor: torch.Tensor) : bool =
    let _, rows, columns = layout subject case.Shape
    let code = string subject.Value
    let hasBase = not (List.isEmpty (Parametrization.bufferNames subject.Value))

    let isReflection () =
        let matrices = (tensor.``to`` (wideType case)).reshape(-1L, rows, columns)
        rows = columns && not (Case.isComplex case) && (torch.linalg.det matrices).min().item<float>() < 0.0

    not hasBase && not (code.Contains "Householder") && (code.Contains "Cayley" || isReflection ())

/// Allowed and given back to rounding, or refused and projected on what is.
let private reachesLandmarks (subject: Subject) (case: Case) : Faults =
    let tensor = landmarks subject case

    let allowed =
        if string subject.Value = "orthogonalWithoutBase OrthogonalMap.Cayley" then
            Subject.slack subject case tensor
        else
            Subject.slack { subject with Accuracy = fun _ -> 1.0 } case tensor

    match Parametrization.contains subject.Value tensor with
    | Ok() -> roundTrips "landmark" subject allowed tensor
    | Error error when mayRefuse subject case tensor ->
        let refused =
            match Parametrization.initialize subject.Value tensor with
            | Ok _ -> false
            | Error _ -> true

        let projected = Parametrization.project subject.Value tensor

        fault (not refused) $"contains refuses a landmark, {error}, but there is a right inverse"
        @ isOk "contains (project landmark)" (Parametrization.contains subject.Value projected)
        @ roundTrips "projected landmark" subject allowed projected
    | Error error -> [ Fault.ofError "contains refuses a landmark" error ]

/// Zeros, ones, products of vectors, columns that fade out, and entries at the ends of the element type.
let private degenerate (subject: Subject) (case: Case) : torch.Tensor =
    let batch, rows, columns = layout subject case.Shape
    let wide = wideType case

    let struct (smallest, largest) =
        let info = torch.finfo case.Dtype
        struct (info.tiny, info.max)

    use generator = new torch.Generator(case.Seed * 1009UL + 8UL, torch.CPU)
    let random (shape: int64[]) = torch.randn (shape, dtype = wide, device = torch.CPU, generator = generator)
    let ones = torch.ones ([| rows; columns |], dtype = wide, device = torch.CPU)

    let column (exponent: int64 -> float) =
        torch.tensor([| for place in 0L .. columns - 1L -> 2.0 ** exponent place |], device = torch.CPU).``to`` wide

    let matrix (kind: uint64) =
        match kind with
        | 0UL -> ones * 0.0
        | 1UL -> ones
        | 2UL -> (random [| rows; 1L |]).matmul(random [| 1L; columns |])
        | 3UL -> random [| rows; columns |] * column (fun place -> -40.0 * float place)
        | 4UL -> ones * (largest * 0.5)
        | 5UL -> torch.sgn (random [| rows; columns |]) * (largest * 0.5)
        | 6UL -> random [| rows; columns |] * smallest
        | 7UL -> ones * smallest
        | _ -> (random [| rows; columns |]).triu 1L

    let matrices = [| for place in 0 .. batch - 1 -> matrix ((case.Seed + uint64 place) % 9UL) |]
    (torch.stack matrices).reshape(case.Shape).``to``(case.Dtype, case.Device)

let private projectsDegenerate (subject: Subject) (case: Case) : Faults =
    let tensor = degenerate subject case
    let projected = Parametrization.project subject.Value tensor

    isOk "contains (project x)" (Parametrization.contains subject.Value projected)
    @ same "project (project x) = project x" projected (Parametrization.project subject.Value projected)
    @ ok "initializeNearest" (Parametrization.initializeNearest subject.Value tensor) (fun parts ->
        let found = Parametrization.forward subject.Value parts
        near "forward (initializeNearest x) = project x" (Subject.slack subject case projected) projected found)

let laws: Law list =
    [
        law
            "2f"
            "half turns, permutations and the like are given back"
            "Half turns, permutations and other matrices that no random draw yields are given back, or refused and projected."
            reachesLandmarks
        |> onlyFor "the library's orthogonal matrices" isOrthogonal
        law
            "4c"
            "matrices of low rank or extreme size are projected"
            "Matrices of low rank or of extreme size are projected into the space."
            projectsDegenerate
        |> onlyFor "the library's orthogonal matrices" isOrthogonal
    ]
