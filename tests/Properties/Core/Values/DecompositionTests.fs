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

let tests: Test =
    testList
        "decompositions"
        [
            testCase "numbers on an edge far below the largest" wide
            for value in matrices do
                testCase $"{value}" (holds value)
        ]
