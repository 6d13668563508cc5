/// Digits, not only places: entries next to a bound, long sums, permutations, and what is learnt of complex numbers.
module Properties.Core.Values.AccuracyTests

open System
open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open Properties.Core.Formulas
open Properties.Core
open TorchSharp

let private caseOf (seed: uint64) (dtype: torch.ScalarType) (shape: int64 list) : Case =
    {
        Shape = List.toArray shape
        Dtype = dtype
        Scale = 1.0
        Seed = seed
        Device = Case.device
    }

let private normal seed dtype shape : torch.Tensor = Case.unit 1UL (caseOf seed dtype shape)

let private numbers (tensor: torch.Tensor) : float[] =
    tensor.detach().cpu().``to``(torch.ScalarType.Float64).contiguous().data<double>().ToArray()

let private forwardOf (value: Parametrization) (x: float[]) (dtype: torch.ScalarType) : float[] =
    let parameter = torch.tensor(x).``to``(dtype, Case.device)
    numbers (Parametrization.forward value (Parametrization.ofTensors [ parameter ] [] value))

/// log(1 + y) by its series, for y that is small.
let private logarithm (y: float) : float =
    Seq.sum (seq { for power in 1..14 -> (if power % 2 = 1 then 1.0 else -1.0) * y ** float power / float power })

/// log(1 + exp x) to the last digits.
let private softplus (x: float) : float =
    if x < -3.0 then logarithm (exp x)
    elif x > 3.0 then x + logarithm (exp -x)
    else log (1.0 + exp x)

/// Around zero a logarithm of nearly 1 loses digits; elsewhere none are lost.
let private digitsAt (x: float) : float = if abs x < 3.0 then 1e-10 else 1e-13

let private arguments: float[] =
    [| for x in -80.0 .. 0.5..80.0 -> x |] |> Array.append [| -600.0; -300.0; 300.0; 600.0 |]

let private near (what: string) (expected: float[]) (found: float[]) : unit =
    for x, expected, found in Array.zip3 arguments expected found do
        let off = abs (found - expected) / max (abs expected) 1e-300
        Expect.isLessThan off (digitsAt x) $"{what} at {x}: {found} for {expected}"

let private maps: (string * Parametrization * (float -> float)) list =
    [
        "positive", positive, softplus
        "positive, exp", positiveBy PositiveMap.Exp, exp
        "bounded", bounded 0.0 2.0, (fun x -> 2.0 / (1.0 + exp -x))
        "bounded, from above", bounded -2.0 0.0, (fun x -> -2.0 / (1.0 + exp x))
        "bounded, to both sides", bounded -2.0 2.0, (fun x -> 2.0 * tanh (x / 2.0))
        "bounded below", bounded 0.0 infinity, softplus
        "bounded above", bounded -infinity 0.0, (fun x -> -(softplus x))
    ]

let private relative: Test list =
    [
        for name, value, map in maps do
            inScope $"{name} keeps the digits of every entry" (fun () ->
                let expected = arguments |> Array.map map
                near name expected (forwardOf value arguments torch.ScalarType.Float64)
                let some = arguments |> Array.filter (fun x -> abs x <= 80.0)
                let found = forwardOf value some torch.ScalarType.Float32

                for x, found in Array.zip some found do
                    let expected = map x
                    Expect.isLessThan (abs (found - expected) / abs expected) 3e-5 $"{name} at {x} in float32")

            inScope $"{name} brings back every entry" (fun () ->
                for dtype, reach, digits in
                    [ torch.ScalarType.Float64, 690.0, 1e-9; torch.ScalarType.Float32, 80.0, 1e-3 ] do
                    for x in [ -reach; -reach / 2.0; -40.0; -1.0; 0.5; 30.0; reach / 2.0; reach ] do
                        let tensor = torch.tensor([| map x |]).``to``(dtype, Case.device)

                        match Parametrization.initialize value tensor with
                        | Error error -> failtest $"{name} at {x}: {error}"
                        | Ok parts ->
                            let back = (numbers (Parametrization.forward value parts))[0]
                            let expected = (numbers tensor)[0]

                            Expect.isLessThanOrEqual
                                (abs (back - expected))
                                (digits * abs expected)
                                $"{name} at {x} of {dtype}")
    ]

/// Numbers of which none is near an end are computed otherwise than beside some that are.
let private moderate: Test list =
    [
        for name, value, map in
            maps
            @ [
                "the unit interval", unitInterval, (fun x -> 1.0 / (1.0 + exp -x))
                "an interval", bounded -1.0 3.0, (fun x -> 4.0 / (1.0 + exp -x) - 1.0)
            ] do
            inScope $"{name} keeps the digits of entries alone" (fun () ->
                for dtype in [ torch.ScalarType.Float64; torch.ScalarType.Float32 ] do
                    for x in [ -7.9; -2.0; -1.0; -0.3; 0.0; 0.7; 2.0; 7.9; 8.1 ] do
                        let expected, size = map x, max (abs (map x)) (if name = "an interval" then 1.0 else 0.0)
                        let allowed = 16.0 * Form.epsilon dtype * size

                        for beside in [ [||]; [| 50.0 |] ] do
                            let leaf =
                                torch.tensor(Array.append [| x |] beside).``to``(dtype, Case.device).requires_grad_
                                    true

                            let made = Parametrization.forward value (Parametrization.ofTensors [ leaf ] [] value)

                            Expect.isLessThanOrEqual
                                (abs ((numbers made)[0] - expected))
                                allowed
                                $"{name} at {x} of {dtype}"

                            let slope = (torch.autograd.grad ([| made[0] |], [| leaf |]))[0]
                            let by = 1e-5
                            let secant = (map (x + by) - map (x - by)) / (2.0 * by)

                            Expect.isLessThan
                                (abs ((numbers slope)[0] - secant))
                                (1e-3 * abs secant)
                                $"its slope at {x} of {dtype}")
    ]

/// Of weights that are small beside their bounds.
let private smallWeights: Test =
    inScope "small weights between two bounds come back with their digits" (fun () ->
        for dtype in [ torch.ScalarType.Float64; torch.ScalarType.Float32 ] do
            for bound in [ 1.0; 2.5 ] do
                for size in [ 1e-3; 1e-6; 1e-12; 1e-30 ] do
                    for beside in [ [||]; [| 0.999 |] ] do
                        let entries = Array.append [| size; -0.3 * size |] beside
                        let tensor = torch.tensor(entries).``to``(dtype, Case.device)

                        match Parametrization.initialize (bounded -bound bound) tensor with
                        | Error error -> failtest $"{error}"
                        | Ok parts ->
                            let back = numbers (Parametrization.forward (bounded -bound bound) parts)

                            for back, expected in Array.zip back (numbers tensor) do
                                Expect.isLessThan
                                    (abs (back - expected))
                                    (16.0 * Form.epsilon dtype * abs expected)
                                    $"{expected} between {-bound} and {bound} of {dtype}")

/// The share of entries whose derivative, by its formula, is below a hundredth of the largest.
let private saturation: Test =
    inScope "saturation counts small derivatives" (fun () ->
        let x = [| -9.0; -5.5; -5.0; -4.5; -4.0; -2.0; 0.0; 2.0; 4.0; 5.0; 5.5; 6.5 |]
        let parameter = torch.tensor (x, device = Case.device)
        let slope x = 1.0 / (1.0 + exp -x)
        let curve x = 4.0 * slope x * slope -x

        let share (derivative: float -> float) =
            float (x |> Array.filter (fun x -> derivative x < 0.01) |> Array.length) / float x.Length

        let found value = Parametrization.saturation value (Parametrization.ofTensors [ parameter ] [] value)

        for value, expected in
            [
                positive, Some(share slope)
                bounded 1.0 infinity, Some(share slope)
                bounded -infinity 1.0, Some(share slope)
                bounded -1.0 3.0, Some(share curve)
                positiveBy PositiveMap.Exp, None
                identity, None
                // The worst of several.
                positive >>> scale 0.001 >>> bounded -1.0 1.0, Some(share slope)
                // The last of them: negative numbers.
                bounded -10.0 10.0 >>> scale 100.0 >>> positive, Some 0.5
            ] do
            Expect.equal (found value) expected $"{value}")

/// From every order of rows, not only that of a matrix that is nearly diagonal.
let private invertibles: Test =
    inScope "inverse and determinant of any matrix" (fun () ->
        for size in [ 1L; 2L; 3L; 5L; 7L ] do
            let matrices =
                [
                    for seed in 1UL .. 20UL do
                        Parametrization.project invertible (normal seed torch.ScalarType.Float64 [ 3L; size; size ])
                    let turned = torch.roll (torch.eye (size, dtype = torch.ScalarType.Float64), [| 1L |], [| 0L |])

                    if size % 2L = 1L then
                        turned.unsqueeze 0L
                ]

            for matrix in matrices do
                let parts = Parametrization.initialize invertible matrix |> orFail
                let inverse = Invertible.inverse invertible parts
                let product = matrix.matmul inverse
                let condition = Measures.largest inverse * Measures.largest matrix
                let identity = torch.eye (size, dtype = matrix.dtype)
                Expect.isLessThan (Measures.largest (product - identity)) (1e-12 * (1.0 + condition)) $"W W^-1, {size}"
                let logarithm = matrix.det().log()
                let distance = Measures.apart logarithm (Invertible.logDeterminant invertible parts)
                Expect.isLessThan distance (1e-11 * (1.0 + condition)) $"log det W, {size}")

let private learning: Test =
    inScope "power iterations find the norm of any matrix" (fun () ->
        for dtype in [ torch.ScalarType.Float64; torch.ScalarType.ComplexFloat64 ] do
            for value, shape in
                [
                    spectralNorm, [ 4L; 3L ]
                    spectralNormWith { SpectralNorm.defaults with Dimension = 2 }, [ 2L; 3L; 4L ]
                ] do
                for seed in 1UL .. 5UL do
                    let tensor = normal seed dtype shape
                    let start = Parametrization.initializeNearest value tensor |> orFail

                    let vectors =
                        start.Buffers
                        |> Seq.map (fun buffer ->
                            let v = normal 9UL dtype (List.ofArray buffer.shape) in v / v.norm ())

                    let mutable parts = Parametrization.ofTensors [ tensor ] vectors value

                    for _ in 1..600 do
                        parts <- Parametrization.advance value parts

                    let found, expected = Parametrization.forward value parts, Parametrization.forward value start
                    Expect.isLessThan (Measures.apart expected found) 1e-6 $"{value} of {dtype}")

/// Sums of more entries than are added one by one.
let private longOnes: Test =
    inScope "long matrices and vectors" (fun () ->
        for dtype in [ torch.ScalarType.Float64; torch.ScalarType.ComplexFloat64 ] do
            for shape in [ [ 2L; 20000L ]; [ 20000L; 2L ] ] do
                let x = normal 3UL dtype shape
                let g = (normal 4UL torch.ScalarType.Float64 [ shape[0]; 1L ]).abs()
                let direction (size: int64) = let v = normal 5UL dtype [ size ] in v / v.norm ()
                let vectors = [ direction shape[0]; direction shape[1] ]

                let compare (value: Parametrization) parameters buffers (formula: Naive.Formula) =
                    let parts = Parametrization.ofTensors parameters buffers value
                    let expected, found = formula parameters buffers, Parametrization.forward value parts
                    let size = 1.0 + Measures.largest expected
                    Expect.isLessThan (Measures.apart expected found) (1e-9 * size) $"{value} of {dtype}, {shape}"

                compare spectralNorm [ x ] vectors (Naive.spectralNorm 0 1.0)
                compare (sphere 2.0) [ x.[0].unsqueeze 0L ] [] (fun parameters _ -> Naive.sphere 2.0 parameters.Head)

                if shape[0] = 2L then
                    compare (weightNorm 0) [ g; x ] [] (Naive.weightNorm 0))

/// What the documents promise of tensors that have no nearest one.
let private undecided: Test =
    inScope "zeros start where the documents say" (fun () ->
        let zeros = torch.zeros ([| 2L; 3L |], dtype = torch.ScalarType.Float64)
        let axis = (torch.tensor [| 2.0; 0.0; 0.0 |]).expand(2L, 3L)

        for value in [ sphere 2.0; sphereExp 2.0 ] do
            Expect.equal (Measures.apart axis (Parametrization.project value zeros)) 0.0 $"{value} at zero"

        let square = torch.zeros ([| 3L; 3L |], dtype = torch.ScalarType.Float64)
        let identity = torch.eye (3L, dtype = torch.ScalarType.Float64)

        for value in [ cayley; matrixExp; householder; orthogonal ] do
            let projected = Parametrization.project value square
            Expect.isLessThan (Measures.apart identity projected) 1e-15 $"{value} at zero")

/// The factor Q of Gram and Schmidt, column by column, whose R has a positive diagonal.
let private orthogonalProjection: Test =
    inScope "orthogonal projection is that of Gram and Schmidt" (fun () ->
        for dtype in [ torch.ScalarType.Float64; torch.ScalarType.ComplexFloat64 ] do
            for shape in [ [ 4L; 4L ]; [ 5L; 3L ]; [ 3L; 5L ] ] do
                let x = normal 6UL dtype shape
                let tall = if shape[0] < shape[1] then Naive.transpose x else x
                let columns = ResizeArray<torch.Tensor>()

                for column in tall.unbind 1 do
                    let mutable rest = column

                    for _ in 1..2 do
                        for known in columns do
                            rest <- rest - known * (known.conj () * rest).sum()

                    columns.Add(rest / Naive.norm rest)

                let q = torch.stack (columns.ToArray(), 1L)
                let expected = if shape[0] < shape[1] then Naive.transpose q else q

                for value in [ orthogonal; matrixExp; cayley ] do
                    let projected = Parametrization.project value x
                    Expect.isLessThan (Measures.apart expected projected) 1e-12 $"{value} of {dtype}, {shape}")

/// Half turns, reflections of pairs and permutations, real and complex, in every map with and without a base.
let private measureZero: Test =
    inScope "points that random matrices miss" (fun () ->
        for size in [ 1L; 2L; 3L; 4L; 5L; 6L ] do
            let eye = torch.eye (size, dtype = torch.ScalarType.Float64)
            let rolled = torch.roll (eye, [| 1L |], [| 0L |])

            let pairTurned =
                torch.diag (
                    torch.tensor [| for index in 0L .. size - 1L -> if index < size / 2L * 2L then -1.0 else 1.0 |]
                )

            for matrix in [ eye; -eye; rolled; -rolled; pairTurned; rolled.matmul pairTurned; eye.flip [| 0L |] ] do
                let complex = matrix.``to`` torch.ScalarType.ComplexFloat64
                let turned = complex * torch.tensor (System.Numerics.Complex(0.0, 1.0))

                for tensor in [ matrix; complex; turned; -turned ] do
                    for value in
                        [
                            cayley
                            matrixExp
                            householder
                            orthogonal
                            skewHermitian >>> cayley
                            for map in
                                [
                                    OrthogonalMap.Cayley
                                    OrthogonalMap.MatrixExp
                                    OrthogonalMap.Householder
                                    OrthogonalMap.Default
                                ] do
                                orthogonalWithoutBase map
                        ] do
                        let isReal = not (tensor.is_complex ())

                        if
                            isReal
                            || not (Result.isError (Parametrization.parameterForms value (Form.ofTensor tensor)))
                        then
                            let projected = Parametrization.project value tensor
                            Expect.isOk (Parametrization.contains value projected) $"{value}: the projection"
                            let parts = Parametrization.initialize value projected |> orFail
                            let distance = Measures.apart projected (Parametrization.forward value parts)
                            Expect.isLessThan distance 1e-10 $"{value} of size {size}"

                            // Allowed but for the sign of the determinant, and for what lies at infinity.
                            let code = string value

                            if not (code.StartsWith "orthogonalWithoutBase") || code.Contains "Householder" then
                                Expect.equal (Measures.apart tensor projected) 0.0 $"{value} contains it"
                            elif code.Contains "MatrixExp" && (not isReal || tensor.det().ToDouble() > 0.0) then
                                Expect.equal (Measures.apart tensor projected) 0.0 $"{value} contains it")

/// Near the edge and on it, where rounding has put a matrix that is allowed.
let private undoneCorrelations: Test =
    inScope "correlations of nearly singular matrices are found in single precision" (fun () ->
        for r in [ 0.9; 0.999; 0.9999; -0.99999 ] do
            let matrix = torch.tensor (array2D [ [ 1.0; r ]; [ r; 1.0 ] ])
            let single = matrix.``to`` torch.ScalarType.Float32
            let found = numbers (Parametrization.undo correlation single)
            // Of the number that float32 has.
            let exact = Math.Atanh((numbers single)[1])
            Expect.isLessThan (abs (found[0] / exact - 1.0)) 1e-6 $"{r}"

        for rank in [ 1L; 3L; 11L ] do
            let rows = normal (uint64 rank) torch.ScalarType.Float32 [ 12L; rank ]
            let unit = rows / rows.norm (1, true)
            let matrix = unit.matmul unit.mT
            let eye = torch.eye (12L, device = Case.device)
            let matrix = matrix * (1.0 - eye) + eye

            if (Parametrization.contains correlation matrix).IsOk then
                Expect.equal (Tensors.nonFinite (Parametrization.undo correlation matrix)) 0L $"rank {rank}")

/// The angle of each plane: those from which powers tell the largest with ease, and those from which they do not.
let private spectra: (string * (int -> float)) list =
    [
        "one far from the others", (fun i -> if i = 0 then 4.7 else 1e-3)
        "one among zeros", (fun i -> if i = 0 then 9.9 else 0.0)
        "one a little larger", (fun i -> if i = 0 then 2.7 else 2.3)
        "all alike", (fun _ -> 3.7)
        "evenly spread", (fun i -> 4.9 * float (i % 97) / 97.0)
        "two kinds", (fun i -> if i % 2 = 0 then 5.3 else 0.4)
        "none large", (fun i -> 1.2 / float (1 + i))
    ]

/// Q diag(blocks) Q^T of the angles in the planes of Q.
let private inPlanes (q: torch.Tensor) (block: float -> float[,]) (angles: float[]) : torch.Tensor =
    let blockOf (entries: float[,]) = torch.tensor (entries, device = Case.device)
    let isOdd = int64 angles.Length * 2L < q.shape[0]
    let rest = if isOdd then [| blockOf (array2D [ [ (block 0.0)[0, 0] ] ]) |] else [||]
    q.matmul(torch.block_diag (Array.append (Array.map (block >> blockOf) angles) rest)).matmul q.mT

let private largeExponentials =
    inScope "exponentials of large matrices with known angles" (fun () ->
        for n in [ 255L; 256L; 301L ] do
            let planes = int n / 2

            let struct (q, _) = torch.linalg.qr (normal 3UL torch.ScalarType.Float64 [ n; n ])

            let pairs =
                [
                    for name, angle in spectra ->
                        let angles = Array.init planes angle
                        let skew = inPlanes q (fun t -> array2D [ [ 0.0; -t ]; [ t; 0.0 ] ]) angles
                        let turn t = array2D [ [ cos t; -(sin t) ]; [ sin t; cos t ] ]
                        name, skew, inPlanes q turn angles
                ]

            let together pick = torch.stack [| for pair in pairs -> pick pair |]

            let all =
                ("together", together (fun (_, skew, _) -> skew), together (fun (_, _, turned) -> turned)) :: pairs

            for name, skew, expected in all do
                for dtype, allowed in [ torch.ScalarType.Float32, 1e-5; torch.ScalarType.Float64, 1e-12 ] do
                    let x = skew.``to`` dtype
                    let value = orthogonalWithoutBase OrthogonalMap.MatrixExp
                    let found = Parametrization.forward value (Parametrization.ofTensors [ x ] [] value)

                    let off = torch.linalg.matrix_norm (found.``to`` torch.ScalarType.Float64 - expected)
                    let apart = off.max().ToDouble()
                    Expect.isLessThan (apart / sqrt (float n)) allowed $"{n}, {name}, {dtype}")

let tests: Test =
    testList
        "accuracy"
        (relative
         @ moderate
         @ [
             smallWeights
             undoneCorrelations
             saturation
             invertibles
             learning
             longOnes
             undecided
             orthogonalProjection
             measureZero
             largeExponentials
         ])
