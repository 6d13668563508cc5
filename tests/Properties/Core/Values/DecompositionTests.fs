/// Factors of matrices from values of all kinds: what they yield together is allowed, and comes back.
module Properties.Core.Values.DecompositionTests

open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open Properties.Core
open TorchSharp

type private Dtype = torch.ScalarType

/// Values of singular values; those of eigenvalues may be negative as well.
let private numbers: Parametrization list =
    [
        positive
        positiveBy PositiveMap.Exp
        positiveBy PositiveMap.Square
        unitInterval
        bounded 0.5 2.0
        bounded 0.0 3.0 >>> scale 2.0
        above 0.0
        above 0.25
        simplex
        simplex >>> scale 3.0
        boundedRatio 4.0
        positiveOrdered
    ]

let private signed: Parametrization list =
    [
        identity
        bounded -1.0 1.0
        bounded -1.0 3.0
        above -1.0
        below 1.0
        ordered
        sumToZero
        sphere 2.0
    ]

let private matrices: Parametrization list =
    [
        for factors in numbers do
            svdFull [ orthogonal; factors; orthogonal ]
            svd 2L [ orthogonal; factors; orthogonal ]

        for factors in numbers @ signed do
            eigenFull [ orthogonal; factors ]
            eigen 2L [ orthogonal; factors ]

        // Maps that reach rotations only.
        for rotations in [ orthogonalWithoutBase OrthogonalMap.Cayley; orthogonalWithoutBase OrthogonalMap.MatrixExp ] do
            eigenFull [ rotations; identity ]
            eigenFull [ rotations; positive ]
            svdFull [ rotations; identity; rotations ]
            svdFull [ rotations; positive; orthogonal ]
            svdFull [ orthogonal; positive; rotations ]
            svdFull [ rotations; positive; rotations ]
            schurForm [ rotations; hurwitzBlocks 0.5 ]
            almostOrthogonalOf 0.5 AlmostOrthogonalMap.Tanh [ rotations; identity; orthogonal ]
    ]

let private isAllowed (value: Parametrization) (what: string) (tensor: torch.Tensor) : unit =
    Expect.isOk (Parametrization.contains value tensor) $"{value}: {what}"

    match Parametrization.initialize value tensor with
    | Error error -> failtest $"{value}: {what}: {error}"
    | Ok parts ->
        let apart = Measures.apart (Parametrization.forward value parts) tensor
        let allowed = 2000.0 * Form.epsilon tensor.dtype * Measures.largest tensor
        Expect.isLessThanOrEqual apart allowed $"{value}: {what} comes back"

let private holds (value: Parametrization) () : unit =
    for dtype in [ Dtype.Float64; Dtype.Float32 ] do
        for seed in 1UL .. 5UL do
            use _ = torch.NewDisposeScope()

            let case =
                {
                    Shape = [| 4L; 4L |]
                    Dtype = dtype
                    Scale = 1.0
                    Seed = seed
                    Device = Case.device
                }

            let any = Case.unit 1UL case
            use generator = Case.generator 2UL case
            isAllowed value $"a sample, {case}" (Parametrization.sample value (Case.form case) (Some generator))
            isAllowed value $"a projection, {case}" (Parametrization.project value any)

            match Parametrization.start value any with
            | Error error -> failtest $"{value}: {error}"
            | Ok parts ->
                isAllowed value $"a start, {case}" (Parametrization.forward value parts)

                let moved =
                    parts.Parameters
                    |> Seq.mapi (fun place parameter -> Case.normalOf parameter.shape 1.0 (3UL + uint64 place) case)

                let elsewhere = Parametrization.ofTensorsLike parts moved parts.Buffers value
                isAllowed value $"random parameters, {case}" (Parametrization.forward value elsewhere)

/// Rounding moves the small singular values by that of the largest.
let private wide () : unit =
    let value = svdFull [ orthogonal; bounded 0.01 1000.0; orthogonal ]

    for dtype in [ Dtype.Float64; Dtype.Float32 ] do
        for seed in 1UL .. 6UL do
            use _ = torch.NewDisposeScope()
            use generator = new torch.Generator(seed, torch.CPU)
            let form = { Shape = [| 3L; 3L |]; Dtype = dtype; Device = Case.device }
            let rotation () = Parametrization.sample orthogonal form (Some generator)
            let numbers = torch.tensor ([| 1000.0; 1.0; 0.01 |], dtype = dtype, device = Case.device)
            let tensor = (rotation () * numbers).matmul(rotation ())
            Expect.isOk (Parametrization.contains value tensor) $"{dtype}, {seed}"

/// Of a batch, each member is computed by itself, and found again.
let private batches (value: Parametrization) () : unit =
    use _ = torch.NewDisposeScope()
    let form = { Shape = [| 3L; 4L; 4L |]; Dtype = Dtype.Float64; Device = Case.device }
    use generator = new torch.Generator(7UL, torch.CPU)
    isAllowed value "a batch" (Parametrization.sample value form (Some generator))

/// A decomposition would find other vectors, or the numbers in another order, than such values can yield.
let private unfit: (string * (unit -> Parametrization)) list =
    let mask = Mask.Parse "4:gA=="
    let blocks = blockDiagonal [ orthogonal; orthogonal ]

    [
        "numbers in an order of their own",
        fun () -> eigenFull [ orthogonal; linearlyConstrained [ [ 1.0; 2.0 ] ] [ 1.0 ] ]
        "numbers of which some are zero", fun () -> eigenFull [ orthogonal; pruned (Pruning.Custom mask) ]
        "numbers of several kinds", fun () -> eigenFull [ orthogonal; where mask positive identity ]
        "numbers of several matrices together", fun () -> eigenFull [ orthogonal; transposed simplex ]
        "numbers that sum to one over matrices", fun () -> svdFull [ orthogonal; doublyStochastic; orthogonal ]
        "signs that no singular value has", fun () -> svdFull [ orthogonal; ordered; orthogonal ]
        "bounds beside vectors of any lengths", fun () -> eigenFull [ identity; simplex ]
        "bounds beside right vectors of any lengths", fun () -> svd 2L [ orthogonal; bounded 0.0 1.0; identity ]
        "vectors in blocks", fun () -> eigenFull [ blocks; positive ]
        "left vectors in blocks", fun () -> svdFull [ blocks; positive; orthogonal ]
        "right vectors in blocks",
        fun () -> almostOrthogonalOf 0.3 AlmostOrthogonalMap.Tanh [ orthogonal; identity; blocks ]
        "vectors of any lengths near orthogonal",
        fun () -> almostOrthogonalOf 0.3 AlmostOrthogonalMap.Tanh [ identity; identity; orthogonal ]
        "a Schur form of positive entries", fun () -> schurForm [ orthogonal; positive ]
        "a Schur form of shifts", fun () -> schurForm [ orthogonal; circulant ]
        "a lower triangular Schur form", fun () -> schurForm [ orthogonal; triangular Triangle.Lower ]
        "eigenvalues behind other than rotations", fun () -> schurForm [ identity; hurwitzBlocks 0.5 ]
        "a Schur form turned within blocks", fun () -> schurForm [ blocks; hurwitzBlocks 0.5 ]
    ]

let tests: Test =
    testList
        "decompositions"
        [
            testCase "numbers on an edge far below the largest" wide
            for name, make in unfit do
                testCase $"refused: {name}" (fun () ->
                    let refusal = Expect.throwsC (make >> ignore) id
                    Expect.isTrue (refusal :? System.ArgumentException) $"{refusal}"
                    Expect.stringContains refusal.Message " yields " "what it is about")
            for value in matrices do
                testCase $"a batch, {value}" (batches value)
            for value in matrices do
                testCase $"{value}" (holds value)
        ]
