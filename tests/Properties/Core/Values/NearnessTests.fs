/// Where the documents say nearest, no other member is nearer.
module Properties.Core.Values.NearnessTests

open Expecto
open FsCheck.FSharp
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open Properties.Core
open TorchSharp

/// Values whose projection is the nearest member, or one that is farther by rounding where there is none.
let private nearest: string list =
    [
        "identity"
        "specialOrthogonal"
        "unitary"
        "polar"
        "bjorck"
        "almostOrthogonal"
        "almostOrthogonal, tanh"
        "grassmann"
        "symmetric"
        "symmetric, lower"
        "hermitian"
        "hermitian, lower"
        "skew"
        "skew, lower"
        "skewHermitian"
        "skewHermitian, lower"
        "triangular, lower"
        "triangular, upper"
        "unitTriangular, lower"
        "unitTriangular, upper"
        "diagonal"
        "banded"
        "toeplitz"
        "hankel"
        "circulant"
        "hamiltonian"
        "kronecker"
        "sumToZero"
        "linearlyConstrained"
        "triangular, transposed"
        "blockDiagonal, mixed"
        "sphere"
        "sphere, radius"
        "sphereExp"
        "sphereExp, radius"
        "oblique"
        "positive"
        "positive, exp"
        "positive, square"
        "simplex"
        "simplex, sticks"
        "doublyStochastic"
        "boundedRatio"
        "ordered"
        "positiveOrdered"
        "bounded"
        "bounded below"
        "bounded above"
        "slices, rows"
        "where"
        "spd"
        "matrixExponential"
        "spdBy"
        "spdWithTrace"
        "psd"
        "psdLowRank"
        "psdFixedRank"
        "hurwitzBlocks"
        "correlation"
        "correlationCholesky"
        "lipschitz"
        "conditioned"
        "lowRank"
        "fixedRank"
        "pruned, mask"
        "pruned, share"
        "pruned, count"
        "pruned, up to"
        "pruned, L2 channels"
        "pruned, channels up to"
        "pruned, 2 of 4"
        "pruned, Bernoulli"
        "pruned, nothing"
        "pruned on kernels"
        "scale"
        "shift"
        "joined"
        "weightNorm 0"
        "weightNorm, whole"
        "sum, low rank"
        "product, triangular"
        "binary"
        "groupSparse"
        "weightStandardized"
    ]

let private members = 200

let private distance (x: torch.Tensor) (w: torch.Tensor) : float =
    let apart = x - w
    sqrt (Tensors.number ((apart.abs().square()).sum()))

/// Samples, and what is projected from near the projection: all at once, where the value takes batches.
let private others (subject: Subject) (case: Case) (projected: torch.Tensor) : torch.Tensor list =
    let samples, near = [ 1..members ] |> List.partition (fun index -> index % 4 = 0)

    let moved =
        [
            for index in near do
                let size = 10.0 ** (-float(index % 4 - 1))
                projected + Case.unit (20UL + uint64 index) case * size
        ]

    [
        for index in samples do
            Subject.sample (20UL + uint64 index) subject case
        if Subject.isBatched subject then
            yield! (Parametrization.project subject.Value (torch.stack moved)).unbind 0
        else
            yield! moved |> List.map (Parametrization.project subject.Value)
    ]

/// A random tensor, for numbers from 1.
let private random (seed: int) (case: Case) : torch.Tensor =
    Case.unit 2UL case * (if seed % 2 = 0 then 1.0 else 3.0) + (if seed % 3 = 0 then 1.0 else 0.0)

/// Tensors from which several ways may be as short: zeros, equal entries, and 1 and -1 in turn, of matrices on the diagonal.
let private even: (Case -> torch.Tensor) list =
    let full (number: float) (case: Case) =
        torch.full (case.Shape, number.ToScalar(), dtype = case.Dtype, device = case.Device)

    let signs (case: Case) =
        let alternating = ((full 1.0 case).cumsum -1L).remainder(2.0.ToScalar()) * 2.0 - 1.0
        if case.Shape.Length < 2 then alternating else (alternating.tril 0L).triu 0L

    [ full 0.0; full 1.0; signs ]

let private isNearest (subject: Subject) (dtype: torch.ScalarType) (seed: int) (given: Case -> torch.Tensor) : unit =
    use _ = torch.NewDisposeScope()
    let value = subject.Value
    let shapes = subject.Shapes |> Gen.sampleWithSeed (FsCheck.Rnd(uint64 seed, 1UL)) 10 1

    let case =
        {
            Shape = shapes[0]
            Dtype = dtype
            Scale = 1.0
            Seed = uint64 seed
            Device = Case.device
        }

    let x = given case
    let projected = Parametrization.project value x
    let found = distance x projected

    for other in others subject case projected do
        // Only what is nearer has to be a member.
        if distance x other < found * (1.0 - 1e-9) - 1e-9 && Result.isOk (Parametrization.contains value other) then
            failtest $"{case}: a member is nearer than the projection, which is {found} away"

/// A matrix of negative determinant has no nearest one of positive determinant: the smallest singular value changes its sign.
let private turnsTheSmallest () : unit =
    use _ = torch.NewDisposeScope()

    for seed in 1UL .. 20UL do
        let case =
            {
                Shape = [| 4L; 4L |]
                Dtype = torch.ScalarType.Float64
                Scale = 1.0
                Seed = seed
                Device = Case.device
            }

        let x = Case.unit 1UL case
        let struct (sign, _) = torch.linalg.slogdet x
        let smallest = Tensors.number ((torch.linalg.svdvals x).min())
        let expected = if Tensors.number sign > 0.0 then 0.0 else 2.0 * smallest
        let found = distance x (Parametrization.project Parametrize.Values.InvertibleValues.invertible x)
        Expect.isLessThanOrEqual (abs (found - expected)) 1e-12 $"{case}: the way to the projection"

let private behindViews: Test =
    testCase "nodes behind nested views project to what is near"
    <| fun () ->
        for value, shape in
            [
                transposed (onKernel symplectic), [| 4L; 2L; 2L |]
                transposed (onKernel orthogonal), [| 3L; 2L; 2L |]
                onKernel (transposed orthogonal), [| 3L; 2L; 2L |]
                transposed (onKernel orthogonal), [| 6L; 4L |]
                transposed (onKernel orthogonal), [| 3L; 5L |]
                transposed (onKernel orthogonal), [| 2L; 3L; 5L |]
                transposed (onKernel (transposed householder)), [| 5L; 3L |]
            ] do
            use _ = torch.NewDisposeScope()
            use generator = new torch.Generator(1UL, torch.CPU)
            let form = { Shape = shape; Dtype = torch.ScalarType.Float64; Device = torch.CPU }
            let sample = Parametrization.sample value form (Some generator)
            let noise = normalOn torch.CPU form.Dtype 2UL (List.ofArray shape)
            let near = sample + noise * 1e-3.ToScalar()
            let projected = Parametrization.project value near
            Expect.isOk (Parametrization.contains value projected) $"{value}"
            let distance = Measures.apart projected near
            Expect.isLessThan distance 0.05 $"{value}"

let tests: Test =
    testList
        "nearness"
        [
            testCase "invertible" turnsTheSmallest
            for name in nearest do
                testCase name (fun () ->
                    let subject = Generators.Subjects.all |> List.find (fun subject -> subject.Name = name)

                    for dtype in [ torch.ScalarType.Float64; torch.ScalarType.ComplexFloat64 ] do
                        if List.contains dtype subject.Dtypes then
                            for seed in 1..4 do
                                isNearest subject dtype seed (random seed)

                    if List.contains torch.ScalarType.Float64 subject.Dtypes then
                        for seed, given in List.indexed even do
                            isNearest subject torch.ScalarType.Float64 (seed + 1) given)
            behindViews
        ]
