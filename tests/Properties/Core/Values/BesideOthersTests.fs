/// Problems of a batch, one of which is huge, or outside, or on an edge: each is computed and judged as if alone.
module Properties.Core.Values.BesideOthersTests

open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open Properties.Core
open TorchSharp

let private float64, float32 = torch.ScalarType.Float64, torch.ScalarType.Float32

let private normalOf: torch.ScalarType -> uint64 -> int64 list -> torch.Tensor = normalOn torch.CPU

let private normal: uint64 -> int64 list -> torch.Tensor = normalOf float64

let private largeBesideSmall () : unit =
    for value in [ cayley; orthogonalWithoutBase OrthogonalMap.Cayley; skew >>> cayley ] do
        for dtype in [ float32; float64 ] do
            for size in [ 3L; 4L; 5L ] do
                for large in [ 1e4; 1e8; 1e16 ] do
                    use _ = torch.NewDisposeScope()
                    let eyes = torch.stack ([| torch.eye (size, dtype = dtype); torch.eye (size, dtype = dtype) |])
                    let parts = orFail (Parametrization.initialize value eyes)
                    let sizes = torch.tensor([| 1.0; large |], dtype = dtype).reshape(2L, 1L, 1L)
                    let x = normalOf dtype 1UL [ 2L; size; size ] * sizes
                    let found = Parametrization.forward value (withLeaf 0 x value parts)
                    let allowed = Tensors.limit (Form.epsilon dtype) size 1.0
                    let defect = LinearAlgebra.Orthonormal.defect found
                    Expect.isLessThan defect allowed $"{value}, {dtype}, {size} x {size}, entries of {large}"

let private hugeBesideSmall () : unit =
    use _ = torch.NewDisposeScope()
    let diagonal (entries: float[]) = torch.diag (torch.tensor (entries, dtype = float64))
    let small, huge = diagonal [| 0.1; 0.2 |], diagonal [| 1e4; -1e4 |]

    let forward (x: torch.Tensor) =
        Parametrization.forward matrixExponential (Parametrization.ofTensors [ x ] [] matrixExponential)

    let together = forward (torch.stack [| small; huge |])
    Expect.isLessThan (Measures.apart together[0L] (forward small)) 1e-12 "the small one"

/// Of a batch each moves as it does alone.
let private startsAlone () : unit =
    for value in [ spd; spdAbove 0.5; matrixExponential ] do
        use _ = torch.NewDisposeScope()
        let eye = torch.eye (3L, dtype = float64)
        let inside = eye * 2.0.ToScalar()
        let edge = Parametrization.project value (torch.ones_like eye - eye)
        let started (tensor: torch.Tensor) = Parametrization.forward value (orFail (Parametrization.start value tensor))

        for batch, first in [ [| inside; edge |], inside; [| edge; inside |], edge ] do
            let together = started (torch.stack batch)
            Expect.isLessThan (Measures.apart together[0L] (started first)) 1e-12 $"{value}, the first"
            Expect.isLessThan (Measures.apart together[1L] (started batch[1])) 1e-12 $"{value}, the second"

/// Every value that takes batches of square matrices: what is allowed stays, whatever stands beside it.
let private allowedStays () : unit =
    let tried =
        [
            for entry in Catalogue.entries do
                let value = entry.Value
                let form = { Shape = [| 4L; 4L |]; Dtype = float64; Device = torch.CPU }

                let takesMatrices = Result.toOption (Parametrization.parameterForms value form) |> Option.isSome

                if takesMatrices && Parametrization.isBatched value && Parametrization.hasRightInverse value then
                    use _ = torch.NewDisposeScope()
                    use generator = new torch.Generator(5UL, torch.CPU)
                    let allowed = Parametrization.sample value form (Some generator)

                    for seed in 1UL .. 3UL do
                        let other = normal seed [ 4L; 4L ] - torch.eye (4L, dtype = float64)
                        let parts = orFail (Parametrization.start value (torch.stack [| allowed; other |]))
                        let started = Parametrization.forward value parts

                        Expect.isLessThan
                            (Measures.apart started[0L] allowed)
                            1e-9
                            $"{entry.Name}, beside a matrix of seed {seed}"

                        entry.Name
        ]

    Expect.isGreaterThan (List.distinct tried).Length 60 "values that take batches"

/// Every value that takes batches of square matrices: what a matrix starts as, or is projected to, is no concern of its
/// neighbour, which may be of another scale, or of a lower rank. Values that know entries only start by the scale of all.
let private asIfAlone () : unit =
    let form = { Shape = [| 4L; 4L |]; Dtype = float64; Device = torch.CPU }

    let isEntrywise (name: string) =
        List.exists (fun (part: string) -> name.Contains part) [ "positive"; "bounded"; "transposed >>> sphere" ]

    let tried =
        [
            for entry in Catalogue.entries do
                let value = entry.Value
                let takesMatrices = Result.isOk (Parametrization.parameterForms value form)

                if takesMatrices && Parametrization.isBatched value then
                    for scale in [ 1e-3; 1e3 ] do
                        use _ = torch.NewDisposeScope()
                        let lower = (normal 2UL [ 4L; 2L ]).matmul(normal 3UL [ 2L; 4L ])
                        let batch = torch.stack [| normal 1UL [ 4L; 4L ]; lower * scale.ToScalar() |]

                        let started (tensor: torch.Tensor) =
                            Parametrization.forward value (orFail (Parametrization.start value tensor))

                        for what, act in [ "start", started; "project", Parametrization.project value ] do
                            if what = "project" || not (isEntrywise entry.Name) then
                                let alone = torch.stack [| act batch[0L]; act batch[1L] |]
                                let largest (tensor: torch.Tensor) = tensor.abs().amax([| -2L; -1L |])

                                let apart (found: torch.Tensor) =
                                    (largest (found - alone) / largest alone).max().ToDouble()

                                // The last directions of a matrix of lower rank are as rounding has them.
                                let spread () =
                                    Rounding.spread
                                        (fun batch -> apart (torch.stack [| act batch[0L]; act batch[1L] |]))
                                        batch

                                let found = apart (act batch)

                                if found > 1e-7 then
                                    Expect.isLessThan
                                        found
                                        (1e-7 + spread ())
                                        $"{what} of {entry.Name}, beside one {scale} times as large"

                    entry.Name
        ]

    Expect.isGreaterThan (List.distinct tried).Length 60 "values that take batches"

/// In every way in which a matrix can be outside.
let private outsideBesideInside () : unit =
    use _ = torch.NewDisposeScope()
    let diagonal (entries: float list) = torch.diag (torch.tensor (List.toArray entries, dtype = float64))
    let eye = diagonal [ 1.0; 1.0; 1.0 ]

    for value, outside in
        [
            spd, diagonal [ 0.0; 0.0; 0.0 ]
            spd, diagonal [ 1.0; 1.0; -1e-6 ]
            spdAbove 0.5, diagonal [ 1.0; 1.0; 0.2 ]
            matrixExponential, diagonal [ 1.0; 1.0; -1.0 ]
            invertible, diagonal [ 1.0; 1.0; 1e-18 ]
            invertible, diagonal [ 1.0; 1.0; -1.0 ]
            invertible, diagonal [ 0.0; 0.0; 0.0 ]
            orthogonalWithoutBase OrthogonalMap.MatrixExp, diagonal [ 1.0; 1.0; -1.0 ]
            orthogonalWithoutBase OrthogonalMap.Cayley, diagonal [ 1.0; 1.0; -1.0 ]
            orthogonalWithoutBase OrthogonalMap.Default, diagonal [ 1.0; 1.0; -1.0 ]
        ] do
        for batch in [ [| eye; outside |]; [| outside; eye |]; [| eye; outside; eye |] ] do
            Expect.isError (Parametrization.contains value (torch.stack batch)) $"{value}"

/// In a batch an allowed vector stays, whatever the others do; a matrix of zeros is one beside a huge one.
let private besideOthers () : unit =
    use _ = torch.NewDisposeScope()
    let vectors = torch.tensor ([| 0.7; 0.2; 0.1; 2.0; 0.0; -1.0 |], dtype = float64)
    let x = vectors.reshape (2L, 3L)
    let started = Parametrization.forward simplex (orFail (Parametrization.start simplex x))
    Expect.isLessThan (Measures.apart started[0L] x[0L]) 1e-12 "the allowed one"

    let value = orthogonalWithoutBase OrthogonalMap.MatrixExp
    let huge = torch.tensor([| 0.0; 0.0; 1e4; 0.0 |], dtype = float64).reshape(2L, 2L)
    let both = torch.stack [| torch.zeros_like huge; huge |]
    let found = Parametrization.forward value (Parametrization.ofTensors [ both ] [] value)
    Expect.isLessThan (Measures.apart found[0L] (torch.eye (2L, dtype = float64))) 1e-12 "that of zeros"

let tests: Test =
    testList
        "beside others"
        [
            testCase "matrices of a batch do not spoil one another" largeBesideSmall
            testCase "a huge matrix does not spoil a small one" hugeBesideSmall
            testCase "what starts in a batch starts as it does alone" startsAlone
            testCase "what is allowed stays beside others" allowedStays
            testCase "starts and projections are those of each alone" asIfAlone
            testCase "one that is outside is refused beside others" outsideBesideInside
            testCase "vectors and matrices beside others" besideOthers
        ]
