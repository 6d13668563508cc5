/// Matrices with eigenvalues left of a line or in a disc where random cases seldom are.
module Properties.Core.Values.StableTests

open Expecto
open Parametrize
open Parametrize.LinearAlgebra
open Parametrize.Laws
open Parametrize.Values
open Properties.Core
open TorchSharp

let private float64 = torch.ScalarType.Float64
let private normal = normalOn torch.CPU float64

let private rows (numbers: float list list) : torch.Tensor =
    torch.tensor(List.concat numbers |> List.toArray, dtype = float64).reshape(int64 numbers.Length, -1L)

/// Jordan blocks, companion matrices, equal eigenvalues, singular ones, single rows before and between pairs.
let private matrices () : (string * torch.Tensor) list =
    let companion = (torch.ones (7L, 7L, dtype = float64)).triu(1L).tril 1L
    companion[6L, 0L] <- torch.tensor -1.0

    [
        "zero", torch.zeros (5L, 5L, dtype = float64)
        "the identity", torch.eye (4L, dtype = float64)
        "nilpotent", torch.ones(6L, 6L, dtype = float64).triu 1L
        "a Jordan block",
        torch.eye (6L, dtype = float64) * 2.0.ToScalar()
        + torch.ones(6L, 6L, dtype = float64).triu(1L).tril 1L
        "a cycle", companion
        "equal entries", torch.ones (4L, 4L, dtype = float64)
        "a rotation", rows [ [ 0.0; 1.0 ]; [ -1.0; 0.0 ] ]
        "a number", rows [ [ 3.0 ] ]
        "a single row before a pair", rows [ [ 1.0; 2.0; 3.0 ]; [ 0.0; 0.0; 5.0 ]; [ 0.0; -1.0; 0.0 ] ]
        "the same eigenvalue in both", rows [ [ 1.0; 2.0; 3.0 ]; [ 0.0; 1.0; 5.0 ]; [ 0.0; -1e-9; 1.0 ] ]
        for size in [ 2L; 3L; 8L; 9L; 64L ] do
            $"normal {size}", normal (uint64 size) [ size; size ]
        "graded", normal 3UL [ 8L; 8L ] * (torch.logspace (0.0, -12.0, 8L)).``to`` float64
        "huge", normal 4UL [ 5L; 5L ] * 1e150.ToScalar()
        "tiny", normal 5UL [ 5L; 5L ] * 1e-150.ToScalar()
    ]

let private schurForms () : unit =
    for what, matrix in matrices () do
        use _ = torch.NewDisposeScope()
        let struct (scaled, _) = Norms.matricesInUnits 0.0 matrix
        let struct (q, t) = RealSchur.decompose scaled
        let size = q.shape[0]
        let allowed = 1e-15 * 20.0 * float size
        Expect.isLessThan (Measures.apart (q.matmul(t).matmul q.mT) scaled) allowed $"{what}: Q T Q^T"
        Expect.isLessThan (Measures.apart (q.mT.matmul q) (torch.eye (size, dtype = float64))) allowed $"{what}: Q^T Q"

        for row in 0L .. size - 1L do
            for column in 0L .. row - 1L do
                if row / 2L <> column / 2L then
                    Expect.equal (Tensors.number t[row, column]) 0.0 $"{what}: below the blocks"

let private values =
    [ hurwitz 0.5; hurwitz 0.0; hurwitz -2.0; schurStable 1.0; schurStable 0.01; schurStable 50.0 ]

/// Whatever is registered: an allowed tensor that comes back, with gradients that are numbers.
let private starts (value: Parametrization) () : unit =
    for what, matrix in matrices () do
        use _ = torch.NewDisposeScope()
        let projected = Parametrization.project value matrix
        Expect.isOk (Parametrization.contains value projected) $"{what}: the projection"
        let parts = orFail (Parametrization.initialize value projected)
        let made = Parametrization.forward value parts
        // In units of what is added.
        let allowed = 1e-13 * max 1e-3 (Measures.largest projected)
        Expect.isLessThanOrEqual (Measures.apart made projected) allowed $"{what}: the projection comes back"
        let parts = orFail (Parametrization.start value matrix)
        let started = Parametrization.forward value parts
        Expect.isOk (Parametrization.contains value started) $"{what}: the start"
        let weights = normal 9UL (List.ofArray started.shape)
        let found = torch.autograd.grad ([| (started * weights).sum() |], Seq.toArray parts.Parameters)
        Expect.equal (found |> Seq.sumBy Tensors.nonFinite) 0L $"{what}: gradients"

/// Far from normal: eigenvalues that rounding moves far.
let private farFromNormal () : unit =
    // Above the blocks as large as eigenvalues are there.
    let cases =
        [
            for size in [ 0.1; 1.0; 10.0 ] do
                hurwitz 0.0, size
                hurwitz 0.5, size
            for size in [ 0.1; 1.0 ] do
                schurStable 1.0, size
                schurStable 0.3, size * 0.3
        ]

    for dtype in [ torch.ScalarType.Float32; float64 ] do
        for value, size in cases do
            for seed in 1UL .. 20UL do
                use _ = torch.NewDisposeScope()
                let x = (normal seed [ 8L; 8L ] * size.ToScalar()).``to`` dtype
                let parts = orFail (Parametrization.start value (torch.zeros (8L, 8L, dtype = dtype)))
                let moved = Parametrization.ofTensorsLike parts [ x * 0.1.ToScalar(); x ] parts.Buffers value
                let made = Parametrization.forward value moved
                let what = $"{value}, {dtype}, {size}, seed {seed}"
                Expect.isOk (Parametrization.contains value made) what
                let back = Parametrization.forward value (orFail (Parametrization.initialize value made))
                // A member may be outside by rounding; its parameters then yield the matrix moved inside.
                let allowed = 1000.0 * Form.epsilon dtype * Measures.largest made
                Expect.isLessThanOrEqual (Measures.apart made back) allowed $"{what}: comes back"

let private refused () : unit =
    use _ = torch.NewDisposeScope()
    let matrix = rows [ [ -0.4; 100.0 ]; [ 0.0; -2.0 ] ]
    Expect.isError (Parametrization.contains (hurwitz 0.5) matrix) "an eigenvalue of -0.4"
    Expect.isOk (Parametrization.contains (hurwitz 0.39) matrix) "left of -0.39"
    let matrix = rows [ [ -0.6; 100.0 ]; [ 0.0; 0.5 ] ]
    Expect.isError (Parametrization.contains (schurStable 0.59) matrix) "an eigenvalue of -0.6"
    Expect.isOk (Parametrization.contains (schurStable 0.61) matrix) "in the disc of 0.61"
    let turning = rows [ [ 0.0; 0.6 ]; [ -0.6; 0.0 ] ]
    Expect.isError (Parametrization.contains (schurStableBlocks 0.59) turning) "eigenvalues of +-0.6i"
    Expect.isOk (Parametrization.contains (schurStableBlocks 0.61) turning) "in the disc of 0.61"

/// Blocks near the edge and on it, at both ends and between, single and equal eigenvalues, come back as they are.
let private nearTheEdge () : unit =
    for gap in [ 0.0; 1e-15; 1e-12; 1e-9; 1e-6; 1e-3 ] do
        let near = 1.0 - gap

        for what, numbers in
            [
                "twice 1", [ [ near; 0.0 ]; [ 0.0; near ] ]
                "twice -1", [ [ -near; 0.0 ]; [ 0.0; -near ] ]
                "1 and -1", [ [ near; 0.3 ]; [ 0.0; -near ] ]
                "1 and less", [ [ near; 5.0 ]; [ 0.0; near - gap / 2.0 ] ]
                "1 and 0.5", [ [ near; 5.0 ]; [ 0.0; 0.5 ] ]
                "-1 and 0.5", [ [ -near; 5.0 ]; [ 0.0; 0.5 ] ]
                "turning", [ [ 0.6 * near; 0.8 * near ]; [ -0.8 * near; 0.6 * near ] ]
                "nilpotent", [ [ 0.0; 1e6 ]; [ 0.0; 0.0 ] ]
                "a number", [ [ near ] ]
            ] do
            for radius in [ 1.0; 3.0 ] do
                use _ = torch.NewDisposeScope()
                let matrix = rows numbers * radius.ToScalar()
                let value = schurStableBlocks radius
                Expect.isOk (Parametrization.contains value matrix) $"{what}, {gap}"
                let made = Parametrization.forward value (orFail (Parametrization.initialize value matrix))
                let allowed = 64.0 * Form.epsilon float64 * Measures.largest matrix
                Expect.isLessThanOrEqual (Measures.apart made matrix) allowed $"{what}, {gap}: comes back"

let private options () : unit =
    for call in
        [
            (fun () -> hurwitz nan)
            (fun () -> hurwitzBlocks infinity)
            (fun () -> schurStable 0.0)
            (fun () -> schurStableBlocks nan)
            (fun () -> schurForm [ orthogonal ])
        ] do
        Expect.throwsT<System.ArgumentException> (call >> ignore) "an option out of range"

let private large () : unit =
    for value in [ hurwitz 0.5; schurStable 0.9 ] do
        for shape in [ [| 192L; 192L |]; [| 2_000L; 3L; 3L |] ] do
            use _ = torch.NewDisposeScope()
            use generator = new torch.Generator(3UL)
            let form = { Shape = shape; Dtype = torch.ScalarType.Float32; Device = torch.CPU }

            for what, tensor in
                [
                    "a projection", Parametrization.project value (Form.normal generator form)
                    "a sample", Parametrization.sample value form (Some generator)
                ] do
                Expect.isOk (Parametrization.contains value tensor) $"{value}, {shape}: {what}"
                let made = Parametrization.forward value (orFail (Parametrization.initialize value tensor))
                let allowed = 64.0 * Form.epsilon form.Dtype * Measures.largest tensor
                Expect.isLessThanOrEqual (Measures.apart tensor made) allowed $"{value}, {shape}: {what} comes back"

/// Equal entries have all eigenvalues but one at 0, of which LAPACK finds none at some sizes.
let private equalEntries (value: Parametrization) () : unit =
    for dtype in [ torch.ScalarType.Float32; float64 ] do
        for size in [ 8L; 13L; 20L; 22L; 24L; 64L ] do
            for entry in [ -1.0; 0.1; 1.0; 1e30 ] do
                use _ = torch.NewDisposeScope()
                let what = $"{size} x {size} of {entry} in {dtype}"
                let matrix = torch.full ([| size; size |], entry.ToScalar(), dtype = dtype)
                let projected = Parametrization.project value matrix
                Expect.isOk (Parametrization.contains value projected) $"{what}: the projection"
                let started = Parametrization.forward value (orFail (Parametrization.start value matrix))
                Expect.isOk (Parametrization.contains value started) $"{what}: the start"

/// Zeros are on the edge where alpha is 0: they start where gradients move them.
let private zerosTrain (value: Parametrization) () : unit =
    use _ = torch.NewDisposeScope()
    let parts = orFail (Parametrization.start value (torch.zeros (4L, 4L, dtype = float64)))
    let target = -torch.eye(4L, dtype = float64)
    use optimizer = torch.optim.SGD(parts.Trainable, 0.1)
    let loss () = (Parametrization.forward value parts - target).square().sum()

    for _ in 1..300 do
        optimizer.zero_grad ()
        loss().backward()
        optimizer.step () |> ignore

    Expect.isLessThan (Tensors.number (loss ())) 1e-3 $"{value}"

/// Also beside entries above the blocks that are as large.
let private huge () : unit =
    for size in [ 1L; 2L; 3L; 4L ] do
        for scale in [ 1e90; 1e110; 1e140; 1e160; 1e300 ] do
            use _ = torch.NewDisposeScope()
            let matrix = normal 6UL [ size; size ] * scale.ToScalar()
            let value = schurStableBlocks 0.8
            Expect.isError (Parametrization.contains value matrix) $"{size}, {scale}"
            let projected = Parametrization.project value matrix
            Expect.isOk (Parametrization.contains value projected) $"{size}, {scale}: the projection"

let tests: Test =
    testList
        "stable matrices"
        [
            testCase "real Schur forms" schurForms
            for value in values do
                testCase $"{value} starts from whatever is registered" (starts value)
                testCase $"{value} takes equal entries" (equalEntries value)
            testCase "eigenvalues that rounding moves far" farFromNormal
            testCase "eigenvalues outside are refused" refused
            testCase "blocks near the edge of the disc" nearTheEdge
            testCase "options" options
            testCase "large ones come back" large
            for value in [ hurwitz 0.0; hurwitzBlocks 0.0 ] do
                testCase $"{value} trains from zeros" (zerosTrain value)
            testCase "huge blocks are scaled" huge
        ]
