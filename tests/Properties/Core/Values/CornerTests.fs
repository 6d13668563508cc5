/// Where random cases seldom are: beside a bound, beside a singular matrix, below the numbers of an element type.
module Properties.Core.Values.CornerTests

open System
open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open Properties.Core
open TorchSharp

let private float64, float32 = torch.ScalarType.Float64, torch.ScalarType.Float32

let private normalOf: torch.ScalarType -> uint64 -> int64 list -> torch.Tensor = normalOn torch.CPU

let private normal: uint64 -> int64 list -> torch.Tensor = normalOf float64

let private besideABound () : unit =
    use _ = torch.NewDisposeScope()
    let value = symmetric >>> bounded 1.0 2.0
    let unit = Tensors.roundoff (Form.epsilon float64) 1.0
    let entries = [| 1.5; 1.0 + 1.5 * unit; 1.0 + 0.25 * unit; 1.5 |]
    Expect.isOk (Parametrization.contains value (torch.tensor(entries, dtype = float64).reshape(2L, 2L))) $"{value}"

/// Rounding of the output moves the input farther on one side than on the other.
let private bentChains () : unit =
    let value = bounded 0.1 infinity >>> scale -1e6 >>> bounded -1.0 3.0 >>> scale -0.5

    for seed in 1UL .. 300UL do
        use _ = torch.NewDisposeScope()
        let leaf = normalOf float32 seed [ 4L ] * (10.0 ** float (int (seed % 7UL) - 3)).ToScalar()
        let tensor = Parametrization.forward value (Parametrization.ofTensors [ leaf ] [] value)
        Expect.isOk (Parametrization.contains value tensor) $"{value}, seed {seed}"

let private besideSingular () : unit =
    let value = product [ unitTriangular Triangle.Lower; identity ]

    for seed in 1UL .. 10UL do
        for size in [ 1.0; 4.0; 16.0; 64.0; 128.0 ] do
            use _ = torch.NewDisposeScope()
            let normal = normalOf float32
            let parts = orFail (Parametrization.start value (normal seed [ 6L; 6L ]))
            let away = withLeaf 0 (normal (seed + 100UL) [ 6L; 6L ] * size.ToScalar()) value parts
            let tensor = normal (seed + 200UL) [ 6L; 6L ]
            let back = Parametrization.forward value (orFail (Parametrization.rightInverse value away tensor))
            let allowed = 2.0 * Tensors.roundoff (Form.epsilon float32) (Tensors.largest tensor)
            Expect.isLessThan (Measures.apart tensor back) allowed $"seed {seed}, factors of {size}"

let private belowTheNumbers () : unit =
    use _ = torch.NewDisposeScope()
    let float16 = torch.ScalarType.Float16
    let value = symmetric >>> positive >>> scale 1e-9

    let parts =
        orFail (Parametrization.start (symmetric >>> positive) (torch.ones (2L, 2L, dtype = float16)))

    let leaf = parts.Parameters[0].detach()
    let tensor = Parametrization.forward value (Parametrization.ofTensors [ leaf ] [] value)
    Expect.isGreaterThan (Tensors.number (tensor.min ())) 0.0 $"{value}"

/// Behind symmetric matrices, what `inverse positive` yields has fewer dimensions than all tensors.
let private fewerDimensions () : unit =
    use _ = torch.NewDisposeScope()
    let value = symmetric >>> positive >>> inverse positive >>>! skew
    let parts = orFail (Parametrization.start value (normal 1UL [ 3L; 3L ]))

    match Dimension.tryOf value parts with
    | None
    | Some 0L -> ()
    | Some other -> failtest $"{value} has dimension {other}"

/// Determinants near the ends of the range, of single numbers too.
let private farDeterminants () : unit =
    for determinant, dtype, size in
        [
            1e35, torch.ScalarType.Float32, 1L
            3e38, torch.ScalarType.Float32, 1L
            1e300, torch.ScalarType.Float64, 1L
            1e300, torch.ScalarType.Float64, 3L
            1e-300, torch.ScalarType.Float64, 3L
            1e-300, torch.ScalarType.Float64, 5L
        ] do
        let value = spdWithDeterminant determinant

        for seed in 1UL .. 20UL do
            use _ = torch.NewDisposeScope()
            use generator = new torch.Generator(seed, torch.CPU)
            let form = { Shape = [| size; size |]; Dtype = dtype; Device = Case.device }
            let sample = Parametrization.sample value form (Some generator)
            Expect.isOk (Parametrization.contains value sample) $"{value}, {dtype}, {size}, seed {seed}"

/// Parameters whose sizes have nothing to do with one another.
let private otherSizes () : unit =
    for magnitude, size in [ 3e38, 1e-3; 1e-37, 1e3; 1e-3, 1e30; 1e30, 1e-30 ] do
        use _ = torch.NewDisposeScope()
        let vector (numbers: float[]) = torch.tensor (numbers, dtype = float32)
        let parameters = [ (vector [| magnitude |])[0]; vector [| 3.0 * size; 4.0 * size |] ]

        let tensor =
            Parametrization.forward weightNormWhole (Parametrization.ofTensors parameters [] weightNormWhole)

        let part = tensor.``to`` float64 / magnitude.ToScalar()
        let expected = torch.tensor ([| 0.6; 0.8 |], dtype = float64)
        Expect.isLessThan (Measures.apart part expected) 1e-6 $"magnitude {magnitude}, direction of {size}"

let private dimensionsFromTheEnd () : unit =
    let shape = [ 3L; 4L; 2L ]

    for dimension in [ -3; -2; -1 ] do
        use _ = torch.NewDisposeScope()
        let fromEnd = spectralNormWith { SpectralNorm.defaults with Dimension = dimension }
        let fromFront = spectralNormWith { SpectralNorm.defaults with Dimension = dimension + 3 }
        let form = { Shape = List.toArray shape; Dtype = float64; Device = torch.CPU }
        let forms value = orFail (Parametrization.bufferForms value form)
        Expect.equal (forms fromEnd) (forms fromFront) $"the vectors of {fromEnd}"
        let x = normal 1UL shape
        let projected value = Parametrization.project value x
        Expect.equal (Measures.apart (projected fromEnd) (projected fromFront)) 0.0 $"{fromEnd}"

let private vectorsOfZeros () : unit =
    use _ = torch.NewDisposeScope()
    let parts = orFail (Parametrization.start spectralNorm (normal 1UL [ 3L; 2L ]))
    let zeros = parts.Buffers |> Seq.map torch.zeros_like |> List.ofSeq
    let wrong = Parametrization.ofTensorsLike parts parts.Parameters zeros spectralNorm
    let mended = Parametrization.repair spectralNorm wrong
    Expect.equal (mended.Buffers |> Seq.sumBy Tensors.nonFinite) 0L "NaN"

let private wrongSigns () : unit =
    use _ = torch.NewDisposeScope()
    let parts = orFail (Parametrization.start invertible (torch.eye (3L, dtype = float64)))
    let turned = [ parts.Buffers[0]; torch.tensor ([| 1.0; 1.0; -1.0 |], dtype = float64) ]
    let wrong = Parametrization.ofTensorsLike parts parts.Parameters turned invertible
    Expect.equal (List.map fst (Parametrization.misfits invertible 1e-16 wrong)) [ "0.sign" ] "the buffer that is wrong"

    // One of a batch that fits does not excuse the others.
    let batch = (torch.eye (2L, dtype = float64)).expand([| 3L; 2L; 2L |]).clone()
    let parts = orFail (Parametrization.start invertible batch)
    let signs = torch.tensor([| 1.0; 1.0; 1.0; -1.0; -1.0; -1.0 |], dtype = float64).reshape(3L, 2L)

    let wrong = Parametrization.ofTensorsLike parts parts.Parameters [ parts.Buffers[0]; signs ] invertible

    Expect.equal (List.map fst (Parametrization.misfits invertible 1e-16 wrong)) [ "0.sign" ] "one of a batch"

/// A Cayley map of any size of A is orthogonal up to rounding.
let private everySizeOfA () : unit =
    let value = orthogonalWithoutBase OrthogonalMap.Cayley

    for size in [ 3.0; 30.0; 300.0; 1000.0; 1e4 ] do
        for seed in 1UL .. 100UL do
            use _ = torch.NewDisposeScope()
            let x = normal seed [ 3L; 3L ]
            let a = x.tril -1L - x.tril(-1L).mT
            let scaled = (x * (size / Tensors.number (a.norm ())).ToScalar()).``to`` float32
            let tensor = Parametrization.forward value (Parametrization.ofTensors [ scaled ] [] value)
            let allowed = Tensors.limit (Form.epsilon float32) 3L 1.0
            Expect.isLessThan (LinearAlgebra.Orthonormal.defect tensor) allowed $"|A| = {size}, seed {seed}"

let private largeBehindInverses () : unit =
    let value = inverse (shift 0.1 >>> scale 0.3)

    for size in [ 1.0; 1e3; 1e6; 1e20 ] do
        for seed in 1UL .. 5UL do
            use _ = torch.NewDisposeScope()
            let tensor = normalOf float32 seed [ 64L ] * size.ToScalar()
            Expect.isOk (Parametrization.contains value tensor) $"entries of {size}, seed {seed}"

let private sentences () : unit =
    let messageOf (result: Result<'a, ParametrizationError>) =
        match result with
        | Ok _ -> failtest "nothing was refused"
        | Error error -> error.Message

    use eye = torch.eye (3L, dtype = float64)
    Expect.stringContains (messageOf (Parametrization.contains (lowRank 1L) eye)) "s_2 / s_1 = 0" "the singular value"

    use vector = torch.ones (3L, dtype = float64)

    Expect.stringStarts
        (messageOf (Parametrization.contains (transposed (scale 2.0)) vector))
        "transposed expects"
        "a view"

    Expect.stringStarts
        (messageOf (Parametrization.contains (onKernel (scale 2.0)) vector))
        "onKernel expects"
        "another"

    match Parametrization.parse "(skew) cayley" with
    | Error error -> Expect.equal error.Position 7 "where the text goes on wrongly"
    | Ok value -> failtest $"{value}"

/// Nodes that read fewer numbers than they yield: their leaves are no kernels, but may be transposes.
let private otherShapes () : unit =
    use _ = torch.NewDisposeScope()
    let form (shape: int64 list) = { Shape = List.toArray shape; Dtype = float64; Device = torch.CPU }

    for value in [ onKernel simplex; onKernel (scale 2.0) >>>! onKernel simplex ] do
        for shape in [ [ 4L; 1L; 2L; 2L ]; [ 4L; 4L ] ] do
            match Parametrization.start value (normal 1UL shape) with
            | Error(ParametrizationError.WrongShape("onKernel", _, "[4, 3]")) -> ()
            | other -> failtest $"{value}: {other}"

    for value, leaf in
        [
            simplex, [ 5L; 3L ]
            transposed simplex, [ 4L; 4L ]
            onKernel (scale 2.0) >>> simplex, [ 5L; 3L ]
        ] do
        let forms = orFail (Parametrization.parameterForms value (form [ 5L; 4L ]))
        let parts = orFail (Parametrization.start value (normal 1UL [ 5L; 4L ]))
        Expect.equal (forms |> List.map _.Shape) [ List.toArray leaf ] $"{value}: the form that is told"
        Expect.equal parts.Parameters[0].shape (List.toArray leaf) $"{value}: the form that is made"
        Expect.equal (Parametrization.forward value parts).shape [| 5L; 4L |] $"{value}"

/// Products that leave the range end at the largest number.
let private hugeFactors () : unit =
    use _ = torch.NewDisposeScope()
    let value = svd 1L [ identity; identity; identity ]
    let column (numbers: float[]) = torch.tensor(numbers, dtype = float32).unsqueeze -1L

    let factors =
        [ column [| 1e20; 1.0 |]; torch.tensor ([| 1e20 |], dtype = float32); column [| 1.0; 1.0 |] ]

    let tensor = Parametrization.forward value (Parametrization.ofTensors factors [] value)
    Expect.equal (Tensors.nonFinite tensor) 0L $"{value}"

/// An entry on an edge that rounding has moved starts where it trains.
let private startsBesideAnEdge () : unit =
    use _ = torch.NewDisposeScope()
    let value = positive >>> shift 1.0
    let parts = orFail (Parametrization.start value (torch.tensor ([| 1.0; 2.0 |], dtype = float64)))
    Expect.isGreaterThan (Tensors.number (parts.Parameters[0][0])) -10.0 $"the parameter of {value}"

let private readsAndMasks () : unit =
    match Parametrization.parse "shift 1e-3" with
    | Ok value -> Expect.equal value (shift 1e-3) "a number with an exponent"
    | Error error -> failtest $"{error}"

    use ones = torch.ones [| 2L |]
    use complex = torch.complex (ones, ones)
    Expect.throwsT<ArgumentException> (fun () -> Mask.OfTensor complex |> ignore) "a complex mask"

    use wide = torch.ones [| 2L; 3L |]

    match Parametrization.contains (transposed (onKernel spd)) wide with
    | Error error -> Expect.stringContains error.Message "transposed (onKernel spd)" "views in their order"
    | Ok() -> failtest "it is not square"

/// Of a length beyond the largest number.
let private wideBounds () : unit =
    use _ = torch.NewDisposeScope()
    let value = bounded -1e308 1.5e308
    let parts = Parametrization.ofTensors [ torch.zeros (1L, dtype = float64) ] [] value

    match Parametrization.logVolume value parts with
    | Some volume ->
        let expected = log 2.5 + 308.0 * log 10.0 - 2.0 * log 2.0
        Expect.floatClose Accuracy.high (Tensors.number volume) expected "the log volume"
    | None -> failtest "it has a volume"

let private misspellings () : unit =
    for typed, expected in
        [
            "sekw", "(did you mean skew?)"
            "spb", "(did you mean spd?)"
            "ske", "(did you mean skew?)"
            "orthogonol", "(did you mean orthogonal?)"
        ] do
        match Parametrization.parse typed with
        | Error error -> Expect.stringContains error.Message expected typed
        | Ok value -> failtest $"{typed} is read as {value}"

    for typed in [ "zz"; "nothing" ] do
        match Parametrization.parse typed with
        | Error error -> Expect.isFalse (error.Message.Contains "did you mean") $"{typed}: {error.Message}"
        | Ok value -> failtest $"{typed} is read as {value}"

let private channelsFromTheEnd () : unit =
    use _ = torch.NewDisposeScope()

    for make in
        [
            fun channel -> fakeQuantized 8 QuantizationScheme.Symmetric channel
            fun channel -> binary channel
            fun channel -> ternary channel
        ] do
        for shape in [ [ 2L; 3L ]; [ 4L; 2L; 3L ] ] do
            let weight = normalOn torch.CPU float64 1UL shape

            let yielded granularity =
                let value = make granularity
                Parametrization.forward value (orFail (Parametrization.start value weight))

            for dimension in 0 .. shape.Length - 1 do
                let front, back =
                    yielded (Granularity.Channel dimension), yielded (Granularity.Channel(dimension - shape.Length))

                Expect.equal (Measures.apart front back) 0.0 $"{make Granularity.Tensor}, {dimension} of {shape}"

let private tinyBehindInverses () : unit =
    use _ = torch.NewDisposeScope()

    for dtype in [ float64; torch.ScalarType.Float32 ] do
        let tiny = torch.tensor ([| 1e-10; -2e-10 |], dtype = dtype)
        Expect.isOk (Parametrization.contains (inverse positive) tiny) $"{dtype}"

let private slopesOfInverses () : unit =
    for value in
        [
            positive >>> inverse (positive >>> scale 0.5)
            positive >>> inverse (positiveBy PositiveMap.Exp)
            bounded 0.0 1.0 >>> inverse (bounded 0.0 1.0)
        ] do
        for dtype, least in [ torch.ScalarType.Float32, -110.0; float64, -760.0 ] do
            use _ = torch.NewDisposeScope()
            let x = torch.linspace (least, 20.0, 200L, dtype = dtype, requires_grad = true)
            (Parametrization.forward value (Parametrization.ofTensors [ x ] [] value)).sum().backward()

            match x.grad with
            | null -> failtest "no gradient"
            | grad -> Expect.isTrue (Double.IsFinite(Measures.largest grad)) $"{value}, {dtype}"

/// The entries of a multiple are independent of one another if those of the original are.
let private choicesOfMultiples () : unit =
    use _ = torch.NewDisposeScope()
    let mask = Mask.OfArray([| 2L; 2L |], [| true; false; false; true |])

    for value in
        [
            where mask (bounded -1.0 1.0) (positive >>> scale -1.0)
            where mask (positive >>> scale -1.0 >>> shift 5.0) identity
            positive >>> scale -2.0 >>> pruned (Pruning.Custom mask)
        ] do
        let tensor = Parametrization.project value (normal 1UL [ 2L; 2L ])
        let back = Parametrization.forward value (orFail (Parametrization.initialize value tensor))
        Expect.isLessThan (Measures.apart back tensor) 1e-12 $"{value}"

/// The logarithm of a rotation by more than half a turn is another one, without the zeros of the mask.
let private otherBranches () : unit =
    let masked =
        pruned (Pruning.Groups(2, 4)) >>> skewHermitian >>> orthogonalWithoutBase OrthogonalMap.MatrixExp

    let value = slices 0 [ 8L, masked; 8L, orthogonal ]

    let refusals =
        [
            for seed in 1UL .. 6UL do
                use _ = torch.NewDisposeScope()
                let parts = orFail (Parametrization.start value (normal seed [ 16L; 8L ]))
                let away = withLeaf 0 (normal (seed + 10UL) [ 8L; 8L ] * 1.5.ToScalar()) value parts
                let tensor = Parametrization.forward value away

                match Parametrization.rebase value away with
                | Ok rebased ->
                    Expect.isLessThan
                        (Measures.apart (Parametrization.forward value rebased) tensor)
                        0.01
                        $"seed {seed}"
                | Error error -> error.Message
        ]

    for message in refusals do
        Expect.stringContains message "Keep the present base." "the message"

    Expect.isNonEmpty refusals "the test tells something"

/// What stands between two masks is not taken for one of them.
let private cutCode () : unit =
    let mask = Mask.OfArray([| 2L; 2L |], [| true; false; false; true |])
    let text = string (slices 0 [ 2L, where mask positive identity; 2L, where mask identity positive ])
    Expect.equal (Brief.ofCode text) text "short masks"
    let long = Mask.OfArray([| 40L; 40L |], Array.init 1600 (fun place -> place % 3 = 0))
    Expect.isLessThan (Brief.ofCode (string (where long positive identity))).Length 80 "a long one"

/// The error states by how much a pivot is below the floor.
let private lowPivots () : unit =
    use _ = torch.NewDisposeScope()

    for diagonal in [ 1e-4; 2.5e-3 ] do
        match Parametrization.contains (spdAbove 0.1) (torch.eye (4L, dtype = float64) * diagonal.ToScalar()) with
        | Error(ParametrizationError.NotAllowed(_, violation)) ->
            Expect.equal violation.Condition "L_ii >= 0.1" "the condition"
            Expect.floatClose Accuracy.high violation.Size (0.1 - sqrt diagonal) "by how much"
        | other -> failtest $"{other}"

let tests: Test =
    testList
        "corners"
        [
            testCase "what rounding left of an allowed tensor is allowed beside a bound" besideABound
            testCase "bent chains allow what they yield" bentChains
            testCase "what takes the rest yields the tensor, or others start anew" besideSingular
            testCase "what is symmetric and positive stays so when it is rounded" belowTheNumbers
            testCase "a dimension is told only where it is known" fewerDimensions
            testCase "determinants near the ends of the range" farDeterminants
            testCase "parameters of sizes of their own" otherSizes
            testCase "dimensions are counted from the end as from the front" dimensionsFromTheEnd
            testCase "singular vectors of zeros are mended" vectorsOfZeros
            testCase "signs that do not fit are named" wrongSigns
            testCase "the Cayley map keeps its digits" everySizeOfA
            testCase "large numbers behind inverses are allowed" largeBehindInverses
            testCase "what is said where it is seldom said" sentences
            testCase "maps that change shapes behind views" otherShapes
            testCase "products of huge factors are numbers" hugeFactors
            testCase "what lies on an edge behind a shift starts inside" startsBesideAnEdge
            testCase "exponents, complex masks and nested views" readsAndMasks
            testCase "the volume of wide bounds is a number" wideBounds
            testCase "one letter of three is a misspelling" misspellings
            testCase "channels are counted from the end as from the front" channelsFromTheEnd
            testCase "tiny numbers behind inverses are allowed" tinyBehindInverses
            testCase "multiples are chosen from as what is multiplied" choicesOfMultiples
            testCase "a base is not moved to another tensor" otherBranches
            testCase "masks are cut in messages, and nothing else" cutCode
            testCase "pivots below the floor are told as they are" lowPivots
            testCase "slopes of inverses are numbers, however small what they read" slopesOfInverses
        ]
