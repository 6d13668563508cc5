/// What structured matrices and constrained vectors promise beyond the laws.
module Properties.Core.Values.StructuredTests

open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open Properties.Core
open TorchSharp

let private single, double = torch.ScalarType.Float32, torch.ScalarType.Float64

let private normal: torch.ScalarType -> uint64 -> int64 list -> torch.Tensor = normalOn Case.device

let private refuses (what: string) (message: string) (build: unit -> Parametrization) : Test =
    testCase $"{what} is refused" (fun () ->
        Expect.throwsC (fun () -> build () |> ignore) (fun error ->
            Expect.isTrue (error :? System.ArgumentException) "the kind of exception"
            Expect.stringContains error.Message message "the message"))

let private refusesShape (value: Parametrization) (shape: int64 list) (message: string) : Test =
    testCase $"{value} of {shape} is refused" (fun () ->
        use _ = torch.NewDisposeScope()

        match Parametrization.start value (normal single 1UL shape) with
        | Ok _ -> failtest "it was accepted"
        | Error error -> Expect.stringContains error.Message message "the message")

/// Entries as large as there are: sums and squares of them leave the range.
let private huge: Test =
    inScope "projections of the largest numbers are finite" (fun () ->
        for dtype in [ single; double ] do
            let greatest = Form.greatest dtype

            for value, shape in
                [
                    toeplitz, [ 5L; 4L ]
                    hankel, [ 5L; 4L ]
                    circulant, [ 4L; 4L ]
                    banded 1L 0L, [ 5L; 4L ]
                    hamiltonian, [ 4L; 4L ]
                ] do
                let w = torch.full (List.toArray shape, greatest.ToScalar(), dtype = dtype, device = Case.device)
                let projected = Parametrization.project value w
                Expect.equal (Tensors.nonFinite projected) 0L $"{value} in {dtype}"
                Expect.isOk (Parametrization.contains value projected) $"{value} in {dtype}")

/// Of a large layer; residuals must not grow with the number of entries.
let private large: Test =
    inScope "large tensors come back, and are told from others" (fun () ->
        use generator = new torch.Generator(3UL, torch.CPU)

        for value, shape in
            [
                toeplitz, [| 768L; 768L |]
                hankel, [| 768L; 768L |]
                circulant, [| 768L; 768L |]
                hamiltonian, [| 768L; 768L |]
                kronecker (4L, 6L) identity identity, [| 768L; 768L |]
                symplectic, [| 128L; 128L |]
                sumToZero, [| 768L; 768L |]
                sumToZero, [| 1L; 200_000L |]
            ] do
            for dtype in [ single; torch.ScalarType.BFloat16 ] do
                let what = $"{value} of {Form.Shown shape} in {dtype}"
                let form = { Shape = shape; Dtype = dtype; Device = Case.device }
                let sample = Parametrization.sample value form (Some generator)
                Expect.isOk (Parametrization.contains value sample) what
                let parts = orFail (Parametrization.initialize value sample)
                let made = Parametrization.forward value parts
                Expect.isOk (Parametrization.contains value made) $"{what}, what it yields"
                let limit = 8.0 * Form.epsilon dtype * Measures.largest sample
                Expect.isLessThanOrEqual (Measures.apart sample made) limit $"{what}, the round trip"

                // In 16 bits, the rounding of products of large columns would hide the changed entry.
                if dtype = single then
                    let missed = sample.clone ()
                    let place = [| torch.TensorIndex.Single 0L; torch.TensorIndex.Single 1L |]
                    missed[place] <- missed[place] + Measures.largest sample * 30.0
                    Expect.isError (Parametrization.contains value missed) $"{what}, an entry off")

let private isometric (value: Parametrization) (length: int64) (free: int64) : Test =
    inScope $"{value} keeps distances" (fun () ->
        for dtype in [ double; torch.ScalarType.ComplexFloat64 ] do
            let at (seed: uint64) =
                let x = normal dtype seed [ 3L; free ]
                struct (x, Parametrization.forward value (Parametrization.ofTensors [ x ] [] value))

            let struct (x, w), struct (y, v) = at 1UL, at 2UL
            Expect.equal w.shape [| 3L; length |] "the shape"
            let before, after = (x - y).norm(), (w - v).norm()
            Expect.isLessThan (Measures.apart before after) 1e-14 "the distance")

let private solves: Test =
    inScope "constrained vectors solve their equations, whatever the size of the rows" (fun () ->
        let rows = [ [ 1.0; 2.0; 3.0; 4.0; 5.0 ]; [ 1e3; 0.0; -1e3; 1.0; 0.0 ]; [ 0.0; 0.0; 0.0; 0.0; 1e-3 ] ]
        let right = [ 3.0; -50.0; 2e-3 ]
        let value = linearlyConstrained rows right
        let a = torch.tensor(List.concat rows |> List.toArray).reshape(3L, 5L)
        let projected = Parametrization.project value (normal double 1UL [ 7L; 5L ])
        let residual = projected.matmul a.T - torch.tensor (List.toArray right)
        let units = torch.tensor [| 1.0; 1e3; 1e-3 |]
        Expect.isLessThan (Measures.largest (residual / units)) 1e-13 "A w = b"
        let large = linearlyConstrained [ [ 1e200; 1e200; 0.0 ] ] [ 2e200 ]
        let one = Parametrization.project large (torch.zeros (3L, dtype = double))
        Expect.isLessThan (Measures.apart one (torch.tensor [| 1.0; 1.0; 0.0 |])) 1e-15 "the shortest solution"
        Expect.isError (Parametrization.contains large (torch.zeros (3L, dtype = double))) "zero is none"
        let tiny = linearlyConstrained [ [ 1.0; 1.0 ] ] [ 1e-20 ]
        Expect.isError (Parametrization.contains tiny (torch.zeros (2L, dtype = double))) "nor for a tiny number"

        // Only where all right-hand sides are zero do multiples stay.
        for right, isThroughZero in [ [ 0.0; 0.0 ], true; [ 0.0; 1.0 ], false; [ 1.0; 0.0 ], false ] do
            let value = linearlyConstrained [ [ 1.0; 2.0; 3.0 ]; [ 0.0; 1.0; 1.0 ] ] right
            let scaled = Parametrization.tryAndThen (scale 2.0) value
            Expect.isOk scaled "an image needs no claim"
            let normed = Parametrization.tryAndThen spectralNorm value
            Expect.equal (Result.isOk normed) isThroughZero $"spectralNorm behind {value}")

/// What no symplectic matrix is near: zeros, rank one, singular pairs, a reflection, huge and tiny entries.
let private symplectics: Test =
    inScope "every matrix has a symplectic projection" (fun () ->
        let random = normal double 3UL [ 6L; 6L ]
        let reflection = torch.diag (torch.tensor [| 1.0; 1.0; 1.0; 1.0; 1.0; -1.0 |])
        let column = random.narrow (1L, 0L, 1L)

        for what, w in
            [
                "zero", torch.zeros_like random
                "of rank 1", column.matmul column.T
                "ones", torch.ones_like random
                "the identity", torch.eye (6L, dtype = double)
                "a reflection", reflection
                "random", random
                "singular", random * torch.tensor ([| 1.0; 1.0; 0.0; 1.0; 1.0; 0.0 |])
                "huge", random * (1e250).ToScalar()
                "tiny", random * (1e-250).ToScalar()
                "negative", -torch.eye(6L, dtype = double)
            ] do
            let projected = Parametrization.project symplectic w
            Expect.isOk (Parametrization.contains symplectic projected) what
            let again = Parametrization.project symplectic projected
            Expect.isLessThan (Measures.apart projected again) 1e-12 $"{what}, twice"
            let within = w.clamp((-1e30).ToScalar(), (1e30).ToScalar()).``to`` single
            let narrow = Parametrization.project symplectic within
            Expect.isOk (Parametrization.contains symplectic narrow) $"{what}, single")

/// Every step starts from the matrix before.
let private moves: Test =
    inScope "roundoff does not add up over many bases of symplectic matrices" (fun () ->
        for dtype in [ single; double ] do
            let start = Parametrization.project symplectic (normal dtype 5UL [ 4L; 4L ])
            let step = normal dtype 6UL [ 4L; 4L ] * (0.01).ToScalar()

            let move (parts: Parts) (index: int) =
                use _scope = torch.NewDisposeScope()
                // There and back, so that norms stay.
                let step = if index % 2 = 0 then step else -step
                let away = Parametrization.ofTensors [ parts.Parameters[0] + step ] parts.Buffers symplectic
                let moved = orFail (Parametrization.rebase symplectic away)
                moved.Tensors |> Seq.iter (fun tensor -> tensor.MoveToOuterDisposeScope() |> ignore)
                moved

            let last = Seq.fold move (orFail (Parametrization.initialize symplectic start)) [ 1..500 ]
            Expect.isOk (Parametrization.contains symplectic (Parametrization.forward symplectic last)) $"{dtype}")

/// The product has the same gradient zero at zero factors: a start there would never move.
let private zeroProduct: Test =
    inScope "a zero matrix becomes a Kronecker product that trains" (fun () ->
        for factor in [ identity; skew; symmetric ] do
            let value = kronecker (2L, 2L) factor identity
            let parts = orFail (Parametrization.start value (torch.zeros (4L, 6L, dtype = double)))
            let leaves = [| for p in parts.Parameters -> p.detach().clone().requires_grad_ true |]
            let made = Parametrization.forward value (Parametrization.ofTensors leaves parts.Buffers value)
            Expect.equal (Measures.largest made) 0.0 $"{value}, the tensor"
            let gradient = torch.autograd.grad ([| made.sum () + made.select(1L, 0L).sum() |], leaves) |> Seq.last
            Expect.isGreaterThan (Measures.largest gradient) 0.0 $"{value}, a gradient")

/// One factor tells its norm, the other takes the rest, of zeros too.
let private orthogonalFactors: Test =
    inScope "orthogonal factors of Kronecker products come back" (fun () ->
        for first, second in [ orthogonal, identity; identity, orthogonal; orthogonal, orthogonal ] do
            let value = kronecker (2L, 3L) first second
            use generator = new torch.Generator(5UL, torch.CPU)
            let form = { Shape = [| 7L; 4L; 6L |]; Dtype = double; Device = Case.device }
            let sample = Parametrization.sample value form (Some generator)
            let hasFree = first.Equals identity || second.Equals identity

            for w in
                [
                    sample
                    if hasFree then
                        torch.zeros_like sample
                        sample * (-3e5).ToScalar()
                ] do
                let parts = orFail (Parametrization.initialize value w)
                let made = Parametrization.forward value parts
                Expect.isLessThanOrEqual (Measures.apart w made) (1e-14 * Measures.largest w) $"{value}")

let private composes: Test =
    inScope "structure stays behind maps that keep it" (fun () ->
        for value, within in
            [
                toeplitz >>> spectralNorm, toeplitz
                sumToZero >>> sphere 2.0, sumToZero
                circulant >>> positive, circulant
                hamiltonian >>> scale -2.0, hamiltonian
                joined [ positive; positive ] toeplitz, toeplitz
                kronecker (2L, 2L) symmetric symmetric, symmetric
                kronecker (2L, 2L) orthogonal orthogonal, orthogonal
                kronecker (2L, 2L) orthogonal symmetric, identity
                kronecker (2L, 2L) skew (skew >>> cayley), identity
                product [ symplectic; identity ], identity
                transposed toeplitz, toeplitz
                transposed circulant, circulant
                transposed positive >>> circulant, circulant
                transposed (lowRank 2L), identity
            ] do
            let w = Parametrization.project value (normal double 4UL [ 4L; 4L ])
            Expect.isOk (Parametrization.contains value w) $"{value}"
            Expect.isOk (Parametrization.contains within w) $"{value} in {within}"
            Expect.isOk (Parametrization.start value w) $"{value}, from what it yields")

let private bandMessages: Test =
    inScope "what is outside a band is told by the band" (fun () ->
        for lower, upper, band in [ 2L, 0L, "0 <= i - j <= 2"; 0L, 1L, "-1 <= i - j <= 0"; 1L, 2L, "-2 <= i - j <= 1" ] do
            match Parametrization.contains (banded lower upper) (torch.ones ([| 4L; 4L |], dtype = double)) with
            | Error error -> Expect.stringContains error.Message $"W_ij = 0 unless {band}" "the message"
            | Ok() -> failtest $"{band}")

let private bands: Test =
    inScope "bands are those of the formula, on every side of every shape" (fun () ->
        for rows in [ 1L; 3L; 6L ] do
            for columns in [ 1L; 3L; 6L ] do
                for lower in [ 0L; 1L; 2L; 4L; 9L ] do
                    for upper in [ 0L; 1L; 2L; 4L; 9L ] do
                        let x = normal double 1UL [ rows; columns ]

                        let expected =
                            torch.tensor (
                                Array2D.init (int rows) (int columns) (fun i j ->
                                    if int64 (i - j) <= lower && int64 (j - i) <= upper then
                                        x[int64 i, int64 j].item<float>()
                                    else
                                        0.0)
                            )

                        let projected = Parametrization.project (banded lower upper) x

                        Expect.equal
                            (Measures.apart (projected.cpu ()) expected)
                            0.0
                            $"{rows} x {columns}, {lower} below and {upper} above")

let tests: Test =
    testList
        "structured"
        [
            bands
            bandMessages
            huge
            large
            isometric sumToZero 6L 5L
            isometric (linearlyConstrained [ [ 1.0; 2.0; 3.0; 0.0 ]; [ 0.0; 1.0; 1.0; -7.0 ] ] [ 1.0; 2.0 ]) 4L 2L
            solves
            symplectics
            moves
            zeroProduct
            orthogonalFactors
            composes
            refuses "a negative band" "not be negative, but it is -1" (fun () -> banded 0L -1L)
            refuses "a factor of no rows" "its rows are 0" (fun () -> kronecker (0L, 1L) identity identity)
            refuses "a factor that is positive" "does not fit" (fun () -> kronecker (2L, 2L) positive identity)
            refuses "a dependent row" "row 2 is a combination" (fun () ->
                linearlyConstrained [ [ 1.0; 2.0; 3.0 ]; [ 0.1; 0.2; 0.3 ] ] [ 1.0; 0.1 ])
            refuses "a row of zeros" "Row 1 has zeros only" (fun () -> linearlyConstrained [ [ 0.0; 0.0 ] ] [ 0.0 ])
            refuses "no row" "At least one row" (fun () -> linearlyConstrained [] [])
            refuses "a square system" "fewer rows than columns" (fun () ->
                linearlyConstrained [ [ 1.0; 0.0 ]; [ 0.0; 1.0 ] ] [ 1.0; 1.0 ])
            refuses "a row of another length" "3 and 2 numbers" (fun () ->
                linearlyConstrained [ [ 1.0; 2.0; 3.0 ]; [ 1.0; 2.0 ] ] [ 1.0; 0.1 ])
            refuses "a missing right-hand side" "1 rows and 2 numbers" (fun () ->
                linearlyConstrained [ [ 1.0; 2.0; 3.0 ] ] [ 1.0; 0.1 ])
            refuses "NaN" "must be finite" (fun () -> linearlyConstrained [ [ 1.0; nan ] ] [ 1.0 ])
            refusesShape toeplitz [ 3L; 1L ] "at least 2 columns"
            refusesShape hamiltonian [ 3L; 3L ] "an even size"
            refusesShape symplectic [ 5L; 5L ] "an even size"
            refusesShape (kronecker (2L, 3L) identity identity) [ 4L; 4L ] "multiples of 2 and 3"
            refusesShape (linearlyConstrained [ [ 1.0; 2.0; 3.0 ] ] [ 1.0 ]) [ 2L; 4L ] "3 in the last dimension"
        ]
