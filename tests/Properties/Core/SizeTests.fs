/// Tensors of ordinary layers, which random cases do not reach: what counts as rounding must not grow with them.
module Properties.Core.SizeTests

open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open TorchSharp

let private single: torch.ScalarType = torch.ScalarType.Float32

/// A value, and the shapes of large tensors for which it is tried.
let private norms: (Parametrization * int64 list) list =
    [
        spectralNorm, [ 768L; 768L ]
        spectralNorm, [ 1L; 200_000L ]
        spectralNorm, [ 512L; 512L; 3L; 3L ]
        spectralNormWith { SpectralNorm.defaults with Bound = 2.5 }, [ 1024L; 1024L ]
        sphere 1.0, [ 200_000L ]
        sphereExp 2.0, [ 3L; 200_000L ]
        simplex, [ 768L; 768L ]
        weightStandardized 0, [ 768L; 768L ]
        aol, [ 768L; 256L ]
        simplex, [ 1L; 200_000L ]
        simplexBy SimplexMap.StickBreaking, [ 1L; 200_000L ]
        doublyStochastic, [ 256L; 256L ]
        spdWithTrace 2.5, [ 128L; 128L ]
        correlation, [ 256L; 256L ]
        correlationCholesky, [ 768L; 768L ]
    ]

let private stretched (value: Parametrization) (shape: int64 list) (dtype: torch.ScalarType) : Test =
    testCase $"{value} of {shape} in {dtype} tells a norm that is off" (fun () ->
        use _ = torch.NewDisposeScope()
        use generator = new torch.Generator(3UL, torch.CPU)

        let form = { Shape = List.toArray shape; Dtype = dtype; Device = Case.device }

        let sample = Parametrization.sample value form (Some generator)
        Expect.isOk (Parametrization.contains value sample) "a sample"

        for share in [ 1.0 + 8.0 * Form.epsilon dtype + 1e-4; 3.0 ] do
            Expect.isError (Parametrization.contains value (sample * share)) $"{share} times a sample"

        match Parametrization.initialize value sample with
        | Error error -> failtest $"{error}"
        | Ok parts ->
            let made = Parametrization.forward value parts
            Expect.isOk (Parametrization.contains value made) "what it yields"
            let distance = Measures.apart sample made
            let allowed = 8.0 * Form.epsilon dtype * Measures.largest sample + 1e-6
            Expect.isLessThanOrEqual distance allowed "the round trip"

        let projected = Parametrization.project value (sample * 3.0)
        Expect.isOk (Parametrization.contains value projected) "a projection")

/// |W^T W - I|.
let private defect (made: torch.Tensor) : float =
    let wide = made.``to`` torch.ScalarType.Float64
    let gram = wide.mT.matmul wide
    Measures.largest (gram - Tensors.eyeLike gram)

/// Columns of 200,000 entries are orthonormal to the last digits wherever the map has led, not only at the base.
let private longColumns (value: Parametrization) (columns: int64) : Test =
    testCase $"{value} of 200000 x {columns} keeps its digits" (fun () ->
        use _ = torch.NewDisposeScope()
        use generator = new torch.Generator(4UL, torch.CPU)
        let form = { Shape = [| 200_000L; columns |]; Dtype = single; Device = Case.device }

        match Parametrization.initialize value (Parametrization.sample value form (Some generator)) with
        | Error error -> failtest $"{error}"
        | Ok parts ->
            let near =
                (torch.randn (form.Shape, device = torch.CPU, generator = generator)).``to`` Case.device
                * 0.001f.ToScalar()

            let moved = Parametrization.ofTensorsLike parts [ near ] parts.Buffers value

            for made in [ Parametrization.forward value parts; Parametrization.forward value moved ] do
                Expect.isLessThan (defect made) 4e-6 "|W^T W - I|")

/// Matrices of a given determinant come back, though a determinant sees the rounding of all entries.
let private ofDeterminant (value: Parametrization) (shape: int64 list) : Test =
    testCase $"{value} of {shape} comes back" (fun () ->
        for seed in 1UL .. 3UL do
            use _ = torch.NewDisposeScope()
            use generator = new torch.Generator(seed, torch.CPU)
            let form = { Shape = List.toArray shape; Dtype = single; Device = Case.device }
            let sample = Parametrization.sample value form (Some generator)

            match Parametrization.initialize value sample with
            | Error error -> failtest $"{error}"
            | Ok parts ->
                let made = Parametrization.forward value parts
                Expect.isOk (Parametrization.contains value made) "what it yields"
                Expect.isLessThan (Measures.apart sample made) (2e-5 * Measures.largest sample) "the round trip")

/// Rounding may have made the smallest eigenvalue many times as large as it has to be.
let private nearlySingular: Test =
    testCase "matrices of a given determinant that are nearly singular come back" (fun () ->
        for stretch in [ 1e2; 1e4; 1e6; 1e8 ] do
            for dtype in [ torch.ScalarType.BFloat16; single; torch.ScalarType.Float64 ] do
                for seed in 1UL .. 4UL do
                    use _ = torch.NewDisposeScope()
                    use generator = new torch.Generator(seed, torch.CPU)
                    let form = { Shape = [| 4L; 4L |]; Dtype = torch.ScalarType.Float64; Device = Case.device }
                    let q = Parametrization.sample orthogonal form (Some generator)
                    let stretches = torch.tensor ([| stretch; 1.0; 1.0; 1.0 / stretch |], device = Case.device)
                    let w = ((q * stretches).matmul q.mT).``to`` dtype
                    let w = w.tril 0L + (w.tril -1L).mT

                    for value in [ specialLinear; spdWithDeterminant 1.0 ] do
                        match Parametrization.contains value w with
                        | Error _ -> ()
                        | Ok() ->
                            match Parametrization.initialize value w with
                            | Error error -> failtest $"{value}, {stretch}, {dtype}: {error}"
                            | Ok parts ->
                                let apart = Measures.apart w (Parametrization.forward value parts)
                                let limit = 64.0 * Form.epsilon dtype * Measures.largest w
                                Expect.isLessThan apart limit $"{value}, {stretch}, {dtype}, seed {seed}")

/// Rounding takes no eigenvalue across the line, of many matrices that are far from normal.
let private stableSamples: Test =
    testCase "samples of stable matrices are allowed, many at once" (fun () ->
        for value in [ hurwitz 0.5; hurwitzBlocks 0.5; schurStableBlocks 0.9 ] do
            use _ = torch.NewDisposeScope()
            use generator = new torch.Generator(1UL, torch.CPU)
            let form = { Shape = [| 64L; 128L; 128L |]; Dtype = single; Device = Case.device }
            let sample = Parametrization.sample value form (Some generator)
            Expect.isOk (Parametrization.initialize value sample) $"{value}")

/// A matrix with these singular values, and with 0.5 and smaller ones.
let private withValues (leading: float list) (rows: int64) (columns: int64) (dtype: torch.ScalarType) : torch.Tensor =
    let orthonormal (size: int64) (seed: uint64) =
        let case =
            {
                Shape = [| size; size |]
                Dtype = dtype
                Scale = 1.0
                Seed = seed
                Device = Case.device
            }

        let struct (q, _) = torch.linalg.qr (Case.unit 1UL case)
        q

    let size = min rows columns
    let values = torch.linspace (0.5, 0.1, size, dtype = torch.ScalarType.Float64)

    for position, value in List.indexed leading do
        values[int64 position] <- torch.tensor value

    let left = (orthonormal rows 1UL).narrow(1L, 0L, size)
    let right = (orthonormal columns 2UL).narrow(0L, 0L, size)
    (left * values.``to`` dtype).matmul right

/// Leading values that are equal, close and single, in matrices that are too large for a decomposition at once.
let private close: Test =
    testCase "spectralNorm sees the norm of matrices with close leading values" (fun () ->
        use _ = torch.NewDisposeScope()

        for dtype in [ torch.ScalarType.Float64; torch.ScalarType.ComplexFloat64 ] do
            for rows, columns in [ 150L, 150L; 100L, 300L; 300L, 100L ] do
                for gap in [ 0.0; 1e-13; 1e-11; 1e-9; 1e-6; 1e-3; 0.1 ] do
                    for leading in [ [ 1.0; 1.0 - gap ]; [ 1.0; 1.0 - gap; 1.0 - gap; 1.0 - 2.0 * gap ] ] do
                        let matrix = withValues leading rows columns dtype
                        let what = $"{leading}, {rows} x {columns}, {dtype}"
                        let struct (u, norm, v) = LeadingSingular.triple matrix 1e-14
                        Expect.isLessThan (abs (norm - 1.0)) 1e-14 what
                        Expect.isLessThan (Measures.apart (torch.mv (matrix, v)) (u * norm.ToScalar())) 1e-14 "of v"
                        Expect.isOk (Parametrization.contains spectralNorm matrix) what
                        Expect.isError (Parametrization.contains spectralNorm (matrix * (1.0 + 1e-12).ToScalar())) what

            let eye = torch.eye (100L, dtype = dtype)
            let struct (orthogonal, _) = torch.linalg.qr (withValues [] 100L 100L dtype)

            for matrix in [ eye; orthogonal; orthogonal.narrow (0L, 0L, 70L) ] do
                Expect.isOk (Parametrization.contains spectralNorm matrix) "orthonormal")

/// Residuals of computations in n steps may grow with the square root of n only.
let private matrices: Test =
    testCase "orthogonal and definite matrices of size 512 are told from others" (fun () ->
        use _ = torch.NewDisposeScope()
        use generator = new torch.Generator(5UL, torch.CPU)

        let form = { Shape = [| 512L; 512L |]; Dtype = single; Device = Case.device }

        for value in [ orthogonal; spd; specialOrthogonal; polar; grassmann ] do
            let sample = Parametrization.sample value form (Some generator)
            Expect.isOk (Parametrization.contains value sample) $"{value}"
            let missed = sample.clone ()
            missed[0, 1] <- missed[0, 1] + Measures.largest sample * 1e-2
            Expect.isError (Parametrization.contains value missed) $"{value}, an entry off by a hundredth")

/// A negative eigenvalue may be spread over all entries, each of which is then off by little.
let private indefinite: Test =
    testCase "spd tells a small negative eigenvalue at every size, and never refuses its own values" (fun () ->
        use _ = torch.NewDisposeScope()

        for size, dtypes in
            [
                2L, [ single; torch.ScalarType.Float64; torch.ScalarType.ComplexFloat32 ]
                32L, [ single; torch.ScalarType.Float64; torch.ScalarType.ComplexFloat32 ]
                512L, [ single ]
            ] do
            for dtype in dtypes do
                let eye = torch.eye (size, dtype = dtype)
                let ones = torch.full_like (eye, (1.0 / float size).ToScalar())
                // Rows of very different sizes are each judged in their own unit.
                let rows = torch.logspace (0.0, -8.0, size, dtype = torch.ScalarType.Float64)
                let graded (matrix: torch.Tensor) = (matrix * (rows.unsqueeze 0L * rows.unsqueeze 1L)).``to`` dtype

                for share in [ 1.01; 2.0 ] do
                    let bad = eye - ones * share.ToScalar()
                    Expect.isError (Parametrization.contains spd bad) $"{share} of {size} in {dtype}"
                    Expect.isError (Parametrization.contains spd (graded bad)) $"{share} of {size} in {dtype}, graded"
                    Expect.isOk (Parametrization.contains spd (Parametrization.project spd bad)) $"{share} of {size}"

                let good = eye - ones * 0.999.ToScalar()
                Expect.isOk (Parametrization.contains spd (graded good)) $"graded, {size} in {dtype}"

        for dtype in [ single; torch.ScalarType.Float16; torch.ScalarType.BFloat16; torch.ScalarType.ComplexFloat32 ] do
            for size in [ 3L; 256L ] do
                let normal =
                    Case.unit
                        1UL
                        {
                            Shape = [| size; size |]
                            Dtype = dtype
                            Scale = 1.0
                            Seed = 1UL
                            Device = Case.device
                        }

                for what, x in
                    [
                        "small", normal * 0.1.ToScalar()
                        "normal", normal
                        "of one direction", normal * 0.01.ToScalar() + 1.0.ToScalar()
                        "graded", normal * torch.logspace(2.0, -6.0, size).unsqueeze(1L).``to`` dtype
                    ] do
                    for value in [ spd; spdAbove 0.1 ] do
                        let weight = Parametrization.forward value (Parametrization.ofTensors [ x ] [] value)
                        Expect.isOk (Parametrization.contains value weight) $"{value}, {what}, {size}, {dtype}")

/// Carries a square matrix beside a tall one.
type private Squared() =
    inherit Node()

    override _.Code = Code.name "squared"
    override _.Codomain _ = Space.all

    override _.Buffers =
        let square (form: Form) =
            let size = Array.max form.Shape
            { form with Shape = [| size; size |] }

        [ { Name = "square"; Role = BufferRole.Constant; FormFor = square } ]

    override _.Forward(inputs, _) = inputs[0] * (1.0).ToScalar()
    override _.Contains(_, _, _) = Ok()
    override _.Invert(_, tensor, _, _) = NodeParts.carrying tensor [ torch.eye (Array.max tensor.shape) ]

let private tall: Test =
    testCase "what cannot be held is refused, with its size" (fun () ->
        use _ = torch.NewDisposeScope()

        for shape in [ [| 1_000_000L; 2L |]; [| 2L; 1_000_000L |] ] do
            use tensor = torch.eye (shape[0], shape[1], device = Case.device)

            match Parametrization.start (Parametrization.ofNode (Squared())) tensor with
            | Ok _ -> failtest "it was held"
            | Error error ->
                Expect.stringContains error.Message "8,000 GB" "its size"
                Expect.stringContains error.Message "[1000000, 1000000]" "its shape"

            for value in [ orthogonal; cayley; matrixExp ] do
                Expect.isOk (Parametrization.start value tensor) $"{value} of a large embedding")

/// Of small parameters, reflectors have a one beside thousands of numbers whose squares are below the roundoff.
let private columnsOfEverySize: Test =
    testCase "columns are orthonormal whatever their length and the size of the parameter" (fun () ->
        for rows in [ 100L; 300L; 1000L; 4000L; 16_384L; 20_000L ] do
            for value in
                [
                    orthogonal
                    householder
                    cayley
                    matrixExp
                    orthogonalWithoutBase OrthogonalMap.Householder
                    orthogonalWithoutBase OrthogonalMap.Cayley
                    orthogonalWithoutBase OrthogonalMap.MatrixExp
                ] do
                use _ = torch.NewDisposeScope()
                use generator = new torch.Generator(5UL, torch.CPU)
                let form = { Shape = [| rows; 4L |]; Dtype = single; Device = Case.device }

                let parts =
                    match Parametrization.start value (Form.normal generator form) with
                    | Ok parts -> parts
                    | Error error -> failtest $"{error}"

                for size in [ 1e-3; 1e-2; 0.1; 1.0; 10.0 ] do
                    let x = Form.normal generator form * (size / sqrt (float rows)).ToScalar()
                    let moved = Parametrization.ofTensorsLike parts [ x ] parts.Buffers value
                    let allowed = 128.0 * Form.epsilon single

                    Expect.isLessThan
                        (defect (Parametrization.forward value moved))
                        allowed
                        $"{value}, {rows} rows, {size}")

/// One number beside thousands whose squares are below the roundoff of its own.
let private unequalEntries: Test =
    testCase "norms of one large entry and many small ones" (fun () ->
        for count in [ 100L; 700L; 5000L; 16_384L; 20_000L; 200_000L ] do
            for value, shape in
                [
                    weightNorm 0, [| 2L; count |]
                    weightNorm 1, [| count; 2L |]
                    weightNormWhole, [| count |]
                    sphere 1.0, [| 2L; count |]
                ] do
                use _ = torch.NewDisposeScope()
                use generator = new torch.Generator(6UL, torch.CPU)
                let form = { Shape = shape; Dtype = single; Device = Case.device }

                let along = int64 (Array.findIndex ((=) count) shape)

                for size in [ 1e-3; 0.02; 0.3 ] do
                    let direction = Form.normal generator form * (size / sqrt (float count)).ToScalar()
                    direction.narrow(along, 0L, 1L).fill_(1.0.ToScalar()) |> ignore

                    let parameters =
                        match Parametrization.parameterForms value form with
                        | Ok forms ->
                            [
                                for part in forms do
                                    if part.Shape = shape then
                                        direction
                                    else
                                        torch.ones (part.Shape, dtype = single, device = Case.device)
                            ]
                        | Error error -> failtest $"{error}"

                    let parts = Parametrization.ofTensorsOfShape shape parameters [] value
                    let made = (Parametrization.forward value parts).``to`` torch.ScalarType.Float64
                    let norms = torch.linalg.vector_norm (made, 2.0, [| along |])
                    let off = Measures.largest (norms - 1.0.ToScalar())
                    Expect.isLessThan off (16.0 * Form.epsilon single) $"{value}, {count} numbers, {size}")

let tests: Test =
    testList
        "sizes"
        [
            for value, shape in norms do
                stretched value shape single
            for value in [ cayley; matrixExp; householder; orthogonal; grassmann ] do
                for columns in [ 1L; 4L ] do
                    longColumns value columns
            for value in [ specialLinear; spdWithDeterminant 1.0; spdWithDeterminant 2.5 ] do
                ofDeterminant value [ 768L; 768L ]
                ofDeterminant value [ 64L; 512L; 3L; 3L ]
            nearlySingular
            stableSamples
            stretched spectralNorm [ 768L; 768L ] torch.ScalarType.BFloat16
            stretched (sphere 1.0) [ 200_000L ] torch.ScalarType.BFloat16
            stretched spectralNorm [ 1L; 200_000L ] torch.ScalarType.ComplexFloat32
            stretched spectralNorm [ 200_000L; 1L ] torch.ScalarType.Float64
            stretched (sphere 1.0) [ 200_000L ] torch.ScalarType.ComplexFloat32
            close
            columnsOfEverySize
            unequalEntries
            matrices
            indefinite
            tall
        ]
