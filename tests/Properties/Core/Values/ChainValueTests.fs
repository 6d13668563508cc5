/// A chain of bijections allows the tensors that it yields, however many digits of its inputs are lost on the way.
module Properties.Core.ChainValueTests

open System
open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open TorchSharp

type private Dtype = torch.ScalarType

let private dtypes = [ Dtype.Float64; Dtype.Float32; Dtype.Float16; Dtype.BFloat16 ]

let private constants = [ 1e-6; 0.01; 0.5; 1.0; 3.0; 1e3; 1e6 ]

let private nodes: Parametrization list =
    [
        positive
        positiveBy PositiveMap.Exp
        bounded -1.0 3.0
        bounded 0.1 infinity
        bounded -infinity 0.5

        for constant in constants do
            scale constant
            scale -constant
            shift constant
            shift -constant
    ]

/// From zero to the ends of what the maps tell apart, of both signs.
let private inputs: float[] =
    [| 1e-30; 1e-12; 1e-8; 1e-3; 0.5; 3.0; 20.0; 80.0; 500.0; 1e4; 1e20 |]
    |> Array.collect (fun size -> [| size; -size |])
    |> Array.append [| 0.0 |]

let private chain (random: Random) : Parametrization list =
    let among (values: 'a list) = values[random.Next values.Length]
    List.init (random.Next(2, 6)) (fun _ -> among nodes)

let private at (nodes: Parametrization list) (parameter: torch.Tensor) : torch.Tensor =
    let value = List.reduce (>>>) nodes
    Parametrization.forward value (Parametrization.ofTensors [ parameter ] [] value)

/// The distance by which rounding of the inputs of all nodes moves the output of the chain.
let private rounding (nodes: Parametrization list) (parameter: torch.Tensor) (dtype: Dtype) : float =
    let wide = if Form.isHalf dtype then Dtype.Float32 else dtype
    let own = at nodes (parameter.``to`` wide)

    let movedFrom (read: torch.Tensor) (share: float) (rest: Parametrization list) =
        let moved (sign: float) = Measures.apart (at rest (read * (1.0 + sign * share).ToScalar())) own
        max (moved 1.0) (moved -1.0)

    let rec go (read: torch.Tensor) (rest: Parametrization list) =
        match rest with
        | [] -> 0.0
        | node :: others -> movedFrom read (8.0 * Form.epsilon wide) rest + go (at [ node ] read) others

    movedFrom (parameter.``to`` wide) (4.0 * Form.epsilon dtype) nodes
    + go (parameter.``to`` wide) nodes

/// What is wrong with the chain at one input, or at all of them in one tensor.
let private fault (nodes: Parametrization list) (numbers: float[]) (dtype: Dtype) : string option =
    use _ = torch.NewDisposeScope()
    let parameter = (torch.tensor (numbers, dtype = Dtype.Float64)).``to`` dtype
    let value, own = List.reduce (>>>) nodes, at nodes parameter

    if Tensors.nonFinite parameter > 0L || Tensors.nonFinite own > 0L then
        None
    else
        match Parametrization.contains value own, Parametrization.initialize value own with
        | Error error, _
        | Ok(), Error error -> Some $"{value} at {numbers[0]} of {numbers.Length} in {dtype}: {error}"
        | Ok(), Ok again ->
            let apart = Measures.apart (Parametrization.forward value again) own
            let digits = 128.0 * Form.epsilon dtype * Measures.largest own + 4.0 * Form.smallest dtype
            let allowed = digits + 128.0 * rounding nodes (Seq.exactlyOne again.Parameters) dtype

            if apart <= allowed || Double.IsNaN allowed then
                None
            else
                Some $"{value} at {numbers[0]} of {numbers.Length} in {dtype}: comes back {apart:g3} away, {allowed:g3}"

let private ownValues: Test =
    testCase "chains allow their own values" (fun () ->
        let faults =
            [
                for seed in 1 .. 20 * LawSuite.casesEach do
                    let random = Random seed
                    let nodes, dtype = chain random, dtypes[random.Next dtypes.Length]

                    match fault nodes inputs dtype with
                    | Some fault -> fault
                    | None -> ()

                    match fault nodes [| inputs[random.Next inputs.Length] |] dtype with
                    | Some fault -> fault
                    | None -> ()
            ]

        if not faults.IsEmpty then
            failtest $"""{faults.Length}: {String.concat "\n" (List.truncate 20 faults)}""")

/// `(value, tensor)` that no parameter yields, by much more than rounding of the tensor.
let private beyondRounding: Test =
    testCase "what is outside by more than rounding is refused" (fun () ->
        for value, number in
            [
                positive >>> shift 0.5, 0.499
                positive >>> shift 0.5, 0.4999
                bounded -1.0 3.0 >>> shift 1e3, 998.9
                bounded -1.0 3.0 >>> scale 2.0 >>> shift 1e3, 997.9
                positive >>> scale -1.0, 1e-3
                positive >>> scale 2.0, 0.0
            ] do
            use _ = torch.NewDisposeScope()
            let tensor = torch.full ([| 3L |], number.ToScalar(), dtype = Dtype.Float32)

            Expect.isError (Parametrization.contains value tensor) $"{value} at {number}"

            match Parametrization.initialize value tensor with
            | Ok _ -> failtest $"{value} at {number} was initialized"
            | Error(ParametrizationError.NotAllowed _) -> ()
            | Error error -> failtest $"{error}")

/// What registering a tensor behind a shift does to it.
let private besideShifts: Test =
    testCase "a shift changes what is registered by half a unit of its last digit" (fun () ->
        for dtype in dtypes do
            for offset in [ 0.5; -3.0; 1e3; -5e4 ] do
                for size in [ 0.0; 1e-6; 0.01; 1.0; 100.0 ] do
                    use _ = torch.NewDisposeScope()
                    let tensor = (torch.linspace (-size, size, 7L, dtype = Dtype.Float64)).``to`` dtype
                    Expect.isOk (Parametrization.contains (shift offset) tensor) $"{size} behind {offset} in {dtype}"

                    match Parametrization.start (shift offset) tensor with
                    | Error error -> failtest $"{error}"
                    | Ok parts ->
                        let back = (Parametrization.forward (shift offset) parts).``to`` Dtype.Float64

                        let allowed =
                            Form.epsilon dtype * (abs offset + size) / 2.0 * 1.001 + Form.epsilon dtype * size

                        let apart = Measures.apart back (tensor.``to`` Dtype.Float64)
                        Expect.isLessThanOrEqual apart allowed $"{size} behind {offset} in {dtype}")

/// Entries on a bound have parameters of any large size, so rounding leaves them much freedom, whatever their share of the
/// tensor.
let private onBounds: Test =
    testCase "projections of which many or few entries are on a bound"
    <| fun () ->
        for dtype in dtypes do
            for size in [ 20L; 2_000L; 200_000L ] do
                for beyond in [ 0.01; 0.1; 0.5 ] do
                    use _ = torch.NewDisposeScope()
                    let value = sumToZero >>> unitInterval
                    use generator = new torch.Generator(uint64 size, torch.CPU)
                    let drawn = torch.rand ([| 1L; size |], dtype = Dtype.Float64, generator = generator)
                    let tensor = (drawn * (1.0 + 2.0 * beyond).ToScalar() - beyond.ToScalar()).``to`` dtype
                    let projected = Parametrization.project value tensor
                    let what = $"{size} numbers in {dtype}, {beyond} of the interval beyond it"
                    Expect.isOk (Parametrization.contains value projected) what

                    match Parametrization.initialize value projected with
                    | Error error -> failtest $"{what}: {error}"
                    | Ok parts ->
                        let apart = Measures.apart (Parametrization.forward value parts) projected
                        // The parameter of an entry on a bound has hundreds in its place: so much larger is its rounding.
                        let allowed = 1000.0 * sqrt (float size) * Form.epsilon dtype
                        Expect.isLessThanOrEqual apart (min allowed (64.0 * Form.epsilon Dtype.BFloat16)) what

/// A logarithm has rounding where the matrix before it had zeros.
let private behindMasks: Test =
    testCase "exponentials of matrices under a mask"
    <| fun () ->
        let mask = pruned (Pruning.Custom(Mask.Parse "4x4:6+c="))

        for value in
            [
                mask >>> symmetric >>> matrixExponential
                mask >>> hermitian >>> matrixExponential
                groupSparse 2 4 >>> symmetric >>> matrixExponential
                mask >>> skew >>> orthogonalWithoutBase OrthogonalMap.MatrixExp
                mask >>> skew >>> orthogonalWithoutBase OrthogonalMap.Cayley
                transposed mask >>> skew >>> orthogonalWithoutBase OrthogonalMap.Cayley
            ] do
            for dtype in [ Dtype.Float64; Dtype.Float32 ] do
                for shape in [ [| 4L; 4L |]; [| 3L; 4L; 4L |] ] do
                    for seed in 1UL .. 5UL do
                        use _ = torch.NewDisposeScope()
                        let what = $"{value}, {dtype}, seed {seed}"

                        if
                            Result.isOk (
                                Parametrization.parameterForms
                                    value
                                    { Shape = shape; Dtype = dtype; Device = Case.device }
                            )
                        then
                            use generator = new torch.Generator(seed, torch.CPU)
                            let form = { Shape = shape; Dtype = dtype; Device = Case.device }

                            let start =
                                match Parametrization.start value (Form.normal generator form) with
                                | Ok parts -> parts
                                | Error error -> failtest $"{what}: {error}"

                            // Short of half a turn, beyond which a logarithm is another.
                            let near (part: torch.Tensor) = Form.normal generator (Form.ofTensor part) * 0.3.ToScalar()

                            let parts =
                                Parametrization.ofTensorsLike start (Seq.map near start.Parameters) start.Buffers value

                            let own = Parametrization.forward value parts
                            Expect.isOk (Parametrization.admits value parts own) what

                            match Parametrization.rightInverse value parts own with
                            | Error error -> failtest $"{what}: {error}"
                            | Ok again ->
                                let apart = Measures.apart (Parametrization.forward value again) own
                                Expect.isLessThan apart (1e3 * Form.epsilon dtype) $"{what} comes back"

/// An entry on a bound comes from anything beyond it, but not from what the map takes to the other side.
let private oneSided: Test =
    testCase "entries on a bound stand for no inner numbers"
    <| fun () ->
        let half, whole = unitInterval, bounded 0.0 5.0

        for structured, rows in
            [
                symmetric, [ [ 0.5; 0.0 ]; [ 0.6; 0.3 ] ]
                symmetric, [ [ 0.0; 1.0 ]; [ 0.0; 0.0 ] ]
                hermitian, [ [ 0.5; 0.0 ]; [ 0.6; 0.3 ] ]
                circulant, [ [ 1.0; 0.3 ]; [ 0.3; 0.0 ] ]
                toeplitz, [ [ 0.0; 0.3 ]; [ 0.2; 0.7 ] ]
                hankel, [ [ 0.5; 0.0 ]; [ 0.6; 0.3 ] ]
                diagonal, [ [ 1.0; 0.0 ]; [ 0.0; 1.0 ] ]
                banded 0L 1L, [ [ 0.7; 0.5 ]; [ 0.0; 0.6 ] ]
                triangular Triangle.Lower, [ [ 0.5; 0.0 ]; [ 0.4; 0.2 ] ]
                ordered, [ [ 1.0; 0.0 ]; [ 0.4; 0.2 ] ]
                positiveOrdered, [ [ 1.0; 0.0 ]; [ 0.4; 0.2 ] ]
                positive, [ [ 0.0; 0.7 ]; [ 0.8; 0.9 ] ]
                sumToZero, [ [ 0.0; 0.3 ]; [ 0.4; 0.2 ] ]
                spd, [ [ 0.0; 1.0 ]; [ 1.0; 0.0 ] ]
            ] do
            for dtype in dtypes do
                for chain, scale in
                    [
                        structured >>> half, 1.0
                        structured >>> whole, 5.0
                        structured >>> half >>> scale 255.0, 255.0
                        structured >>> half >>> transposed identity, 1.0
                    ] do
                    use _ = torch.NewDisposeScope()
                    let tensor = (torch.tensor (array2D rows) * scale.ToScalar()).``to`` dtype

                    if not (Form.isHalf dtype && string structured = "positive") then
                        Expect.isError (Parametrization.contains chain tensor) $"{chain} in {dtype}"
                        Expect.isError (Parametrization.initialize chain tensor) $"{chain} in {dtype}"

/// After an offset or a saturating map, rounding hides the digits of the input. An accepted tensor must still come back as
/// itself.
let private acceptedComesBack: Test =
    testCase "what is accepted comes back"
    <| fun () ->
        let normal (seed: uint64) (dtype: Dtype) =
            use generator = new torch.Generator(seed, torch.CPU)
            (Form.normal generator { Shape = [| 4L; 4L |]; Dtype = Dtype.Float64; Device = torch.CPU }).``to`` dtype

        let nearOffset (seed: uint64) (dtype: Dtype) =
            normal seed dtype * (Form.epsilon dtype * 2.0).ToScalar() + 1.0.ToScalar()

        /// All that is left beside the offset has rank one.
        let besideOffset (_: uint64) (dtype: Dtype) =
            torch.full ([| 4L; 4L |], (1.0 + 2.0 * Form.epsilon dtype).ToScalar(), dtype = dtype, device = torch.CPU)

        let onEnds (seed: uint64) (dtype: Dtype) = (normal seed dtype).clamp(-1.0.ToScalar(), 2.0.ToScalar())

        let cases =
            [
                for value in
                    [ sphere 1.0; simplex; polar; correlation; weightStandardized 0; orthogonal; grassmann; lowRank 2L ] do
                    value >>> shift 1.0, nearOffset
                    value >>> shift 1.0, besideOffset

                for value in [ symmetric; hankel; toeplitz; circulant; triangular Triangle.Lower; lowRank 1L; spd ] do
                    value >>> bounded -1.0 2.0, onEnds
                    transposed value >>> bounded -1.0 2.0, onEnds

                for entries in [ below 2.0; bounded -1.0 2.0; unitInterval ] do
                    let value = spd >>> matrixExponential >>> entries
                    value, (fun seed dtype -> Parametrization.project value (normal seed dtype * 2.0.ToScalar()))
            ]

        for value, tensorOf in cases do
            for dtype in dtypes do
                for seed in 1UL .. 5UL do
                    use _ = torch.NewDisposeScope()
                    let tensor = tensorOf seed dtype

                    // A start is of another tensor, but it is one.
                    Parametrization.start value tensor |> Result.iter (fun parts -> parts.Dispose())

                    match Parametrization.initialize value tensor with
                    | Error _ -> ()
                    | Ok parts ->
                        let apart = Measures.apart (Parametrization.forward value parts) tensor
                        let share = if Form.isHalf dtype then 0.15 else 5e-3
                        Expect.isLessThan apart (share * Measures.largest tensor) $"{value} in {dtype}, seed {seed}"

/// A logarithm may have an entry under the mask only if it is rounding: it must move the tensor by no more than rounding does,
/// however large the tensor or its condition number is.
let private beyondMasks: Test =
    testCase "what rounding cannot be is not lost under a mask"
    <| fun () ->
        for size in [ 4L; 64L; 256L ] do
            use _ = torch.NewDisposeScope()
            let keeps = Array.init (int (size * size)) (fun entry -> entry <> 1 && entry <> int size)
            let mask = pruned (Pruning.Custom(Mask.OfArray([| size; size |], keeps)))
            use generator = new torch.Generator(1UL, torch.CPU)
            let form = { Shape = [| size; size |]; Dtype = Dtype.Float64; Device = Case.device }
            let normal = Form.normal generator form

            /// With a spectral norm, and an entry under the mask.
            let spoilt (sign: float) (norm: float) =
                let part = normal + normal.mT * sign.ToScalar()
                let part = part * (norm / (torch.linalg.matrix_norm (part, 2.0)).item<float>()).ToScalar()

                part.index_put_ (
                    torch.tensor (1e-3, dtype = form.Dtype),
                    torch.TensorIndex.Single 0L,
                    torch.TensorIndex.Single 1L
                )
                |> ignore

                part.index_put_ (
                    torch.tensor (sign * 1e-3, dtype = form.Dtype),
                    torch.TensorIndex.Single 1L,
                    torch.TensorIndex.Single 0L
                )
                |> ignore

                (torch.linalg.matrix_exp part).``to`` Dtype.Float32

            for norm in [ 0.5; 2.5; 5.0 ] do
                let tensor = spoilt 1.0 norm
                let symmetric' = tensor / 2.0.ToScalar() + tensor.mT / 2.0.ToScalar()

                Expect.isError
                    (Parametrization.contains (mask >>> symmetric >>> matrixExponential) symmetric')
                    $"{size}, {norm}"

            let rotations = mask >>> skew >>> orthogonalWithoutBase OrthogonalMap.MatrixExp
            Expect.isError (Parametrization.contains rotations (spoilt -1.0 2.0)) $"{size}, a rotation"

/// The nearest tensors are on the edge of the last space, where those before it have no parameters.
let private onEdges: Test =
    testCase "projections behind maps that saturate"
    <| fun () ->
        for value in
            [
                lowRank 2L >>> unitInterval
                fixedRank 2L >>> unitInterval
                psd >>> unitInterval
                conditioned 3.0 >>> unitInterval
                spdWithDeterminant 2.0 >>> unitInterval
                kronecker (2L, 2L) symmetric identity >>> positive >>> positive
                transposed simplex >>> circulant >>> shift 1.0
                psd >>> shift 1.0 >>> bounded -3.0 0.5
            ] do
            for dtype in [ Dtype.Float64; Dtype.Float32 ] do
                for seed in 1UL .. 5UL do
                    use _ = torch.NewDisposeScope()
                    use generator = new torch.Generator(seed, torch.CPU)
                    let form = { Shape = [| 4L; 4L |]; Dtype = dtype; Device = Case.device }
                    let tensor = Form.normal generator form * 2.0.ToScalar()
                    let projected = Parametrization.project value tensor
                    Expect.isOk (Parametrization.contains value projected) $"{value}, {dtype}, seed {seed}"

/// The nearest tensors have an eigenvalue of zero, whose logarithm is a number that no structure before it keeps.
let private behindExponentials: Test =
    testCase "projections of structured logarithms"
    <| fun () ->
        for structured in
            [
                banded 1L 2L
                groupSparse 2 4
                pruned (Pruning.Bernoulli(0.3, 7UL))
                pruned (Pruning.L1(Amount.Count 4L))
            ] do
            let value = structured >>> symmetric >>> matrixExponential

            for size in [ 0.03; 1.0; 30.0 ] do
                for seed in 1UL .. 3UL do
                    use _ = torch.NewDisposeScope()
                    use generator = new torch.Generator(seed, torch.CPU)
                    let form = { Shape = [| 4L; 4L |]; Dtype = Dtype.Float64; Device = Case.device }
                    let tensor = Form.normal generator form * size.ToScalar()
                    let projected = Parametrization.project value tensor
                    Expect.isOk (Parametrization.contains value projected) $"{value}, {size}, seed {seed}"

/// A term that stays keeps its buffers, too.
let private keptTerms: Test =
    testCase "terms that stay keep what they carry"
    <| fun () ->
        use _ = torch.NewDisposeScope()
        let quantized = fakeQuantized 4 QuantizationScheme.Affine Granularity.Tensor
        let value = kronecker (2L, 2L) identity (sum [ identity; quantized ])
        use generator = new torch.Generator(1UL, torch.CPU)
        let form = { Shape = [| 4L; 4L |]; Dtype = Dtype.Float64; Device = Case.device }

        match Parametrization.start value (Form.normal generator form) with
        | Error error -> failtest $"{error}"
        | Ok parts ->
            let tensor = (Parametrization.forward value parts).detach()

            match Parametrization.rightInverse value parts tensor with
            | Error error -> failtest $"{error}"
            | Ok again ->
                let apart = Measures.apart (Parametrization.forward value again) tensor
                Expect.isLessThan apart 1e-12 "comes back"

/// The nearest positive tensors are too small to be divided by their norm.
let private smallBeforeNorms: Test =
    testCase "projections of negative tensors behind positive ones have norm 1"
    <| fun () ->
        for entries in [ positive; positiveBy PositiveMap.Exp; positiveBy PositiveMap.Square ] do
            for norm in [ spectralNorm; transposed spectralNorm; spectralNorm >>> scale 3.0 ] do
                for dtype in [ Dtype.Float64; Dtype.Float32; Dtype.BFloat16 ] do
                    use _ = torch.NewDisposeScope()
                    let tensor = torch.full ([| 6L; 4L |], -1.0.ToScalar(), dtype = dtype, device = Case.device)
                    let value = entries >>> norm
                    let projected = Parametrization.project value tensor
                    Expect.isOk (Parametrization.contains value projected) $"{value}, {dtype}"

/// The nearest tensor with the structure has its nearest one entry by entry: both structures are convex.
let private structuredEntries: Test =
    testCase "projections onto structured matrices with entries in an interval"
    <| fun () ->
        for structured in [ symmetric; circulant; toeplitz; hankel; symmetricFrom Triangle.Lower ] do
            for entries in
                [ positive; positiveBy PositiveMap.Exp; unitInterval; bounded -1.0 0.5; positive >>> scale 2.0 ] do
                for seed in 1UL .. 5UL do
                    use _ = torch.NewDisposeScope()
                    use generator = new torch.Generator(seed, torch.CPU)
                    let form = { Shape = [| 3L; 4L; 4L |]; Dtype = Dtype.Float64; Device = Case.device }
                    let tensor = Form.normal generator form
                    let member' = Parametrization.project structured tensor |> Parametrization.project entries
                    let projected = Parametrization.project (structured >>> entries) tensor
                    let apart = Measures.apart projected member'
                    Expect.isLessThan apart 1e-6 $"{structured} >>> {entries}, seed {seed}"
                    Expect.isOk (Parametrization.contains (structured >>> entries) projected) $"{structured}, {seed}"

let private withoutDirection: Test =
    testCase "vectors that are zero, whatever their parameters, have no place on a sphere"
    <| fun () ->
        use _ = torch.NewDisposeScope()
        let tensor = torch.ones (4L, 3L, dtype = Dtype.Float64, device = Case.device)
        let mask = Mask.OfArray([| 4L; 3L |], Array.init 12 (fun entry -> entry >= 3))

        for value, count in
            [ diagonal, 1; banded 0L 0L, 1; triangular Triangle.Upper, 1; pruned (Pruning.Custom mask), 1 ] do
            match Parametrization.start (value >>> sphere 2.0) tensor with
            | Ok _ -> failtest $"{value}"
            | Error error -> Expect.stringContains error.Message $"{count} of its vectors are zero" $"{value}"

        for value in [ diagonal; triangular Triangle.Lower; pruned (Pruning.L1(Amount.Count 1L)) ] do
            Expect.isOk (Parametrization.start (value >>> sphere 2.0) (tensor.narrow (0L, 0L, 3L))) $"{value}"

let private smallEigenvalues: Test =
    testCase "eigenvalues near their bound are seen through rounding of the largest"
    <| fun () ->
        let value = eigenFull [ orthogonal; above 1.0 ]
        let spectrum = torch.diag (torch.tensor [| 1.0000001; 1.0000002; 5e4; 1e5 |])

        for seed in 1UL .. 10UL do
            use _ = torch.NewDisposeScope()
            use generator = new torch.Generator(seed, torch.CPU)
            let form = { Shape = [| 4L; 4L |]; Dtype = Dtype.Float64; Device = torch.CPU }
            let q = Parametrization.sample orthogonal form (Some generator)
            let tensor = (q.matmul(spectrum).matmul q.mT).``to`` Dtype.Float32
            Expect.isOk (Parametrization.contains value ((tensor + tensor.mT) / 2.0.ToScalar())) $"seed {seed}"

/// Each entry of the metric's input comes from several entries of the tensor.
let private metricsBehindMasks: Test =
    testCase "masks before a metric"
    <| fun () ->
        let metric = inMetric [ [ 2.0; 0.5; 0.0 ]; [ 0.5; 1.0; -0.25 ]; [ 0.0; -0.25; 1.5 ] ]

        for value in [ pruned (Pruning.L1(Amount.Share 0.5)) >>> metric; banded 0L 1L >>> metric >>> scale 3.0 ] do
            for dtype in [ torch.float64; torch.float32 ] do
                for seed in 1UL .. 20UL do
                    use _ = torch.NewDisposeScope()
                    let x = (normalOn Case.device torch.float64 seed [ 3L; 3L ]).``to`` dtype
                    let parts = orFail (Parametrization.start value x)
                    let own = Parametrization.forward value parts
                    Expect.isOk (Parametrization.contains value own) $"{value}, {dtype}, seed {seed}"
                    let again = orFail (Parametrization.rightInverse value parts own)
                    let allowed = 64.0 * Form.epsilon dtype * Measures.largest own
                    Expect.isLessThan (Measures.apart (Parametrization.forward value again) own) allowed "it comes back"
                    let other = own + Tensors.eyeLike own * (1e-3 * Measures.largest own).ToScalar()

                    match Parametrization.rightInverse value parts other with
                    | Ok parts ->
                        Expect.isLessThan (Measures.apart (Parametrization.forward value parts) other) allowed "others"
                    | Error _ -> ()

let tests: Test =
    testList
        "own values of chains"
        [
            metricsBehindMasks
            ownValues
            beyondRounding
            oneSided
            acceptedComesBack
            structuredEntries
            besideShifts
            onBounds
            behindMasks
            beyondMasks
            smallBeforeNorms
            behindExponentials
            keptTerms
            onEdges
            withoutDirection
            smallEigenvalues
        ]
