/// What is computed in float32 and rounded, behind views and with buffers, too.
module Properties.Core.Values.SixteenBitTests

open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open Properties.Core
open TorchSharp

let private float16, float64 = torch.ScalarType.Float16, torch.ScalarType.Float64

let private full (shape: int64 list) (number: float) : torch.Tensor =
    torch.full (List.toArray shape, number.ToScalar(), dtype = float16)

/// As without a 16-bit type, up to its rounding.
let private nodesYieldTheSame () : unit =
    for value in [ orthogonal; cayley; sphereExp 1.0; invertible; skew >>> cayley; onKernel orthogonal ] do
        use _ = torch.NewDisposeScope()

        let case =
            {
                Shape = [| 3L; 3L |]
                Dtype = float16
                Scale = 1.0
                Seed = 1UL
                Device = torch.CPU
            }

        let parts = orFail (Parametrization.start value (Case.unit 1UL case))
        let whole = Parametrization.forward value parts
        let last = Parametrization.forwardTo (value.Program.Nodes.Length - 1) value parts
        Expect.equal last.dtype float16 $"{value}: the element type"
        Expect.isLessThan (Measures.apart whole (last.reshape whole.shape)) 2e-3 $"{value}"

let private projects () : unit =
    use _ = torch.NewDisposeScope()
    let nearest = torch.diag (torch.tensor ([| -1.0; -1.0; 1.0 |], dtype = float16))
    let value = orthogonalWithoutBase OrthogonalMap.Cayley
    let projected = Parametrization.project value (nearest * 1.5.ToScalar())
    Expect.isLessThan (Measures.apart nearest projected) 2e-3 "half turns, which the Cayley map reaches in the limit"

let private ends () : unit =
    use _ = torch.NewDisposeScope()
    Expect.isOk (Parametrization.initialize (scale 1e-3) (full [ 1L ] 65.5625)) "a parameter that is the largest number"
    let started = orFail (Parametrization.start (scale 1e-3) (full [ 2L ] 1000.0))
    let yielded = Parametrization.forward (scale 1e-3) started
    Expect.isLessThan (Measures.apart yielded (full [ 2L ] 65.5)) 0.1 "one that would be larger"

    for value in [ scale 1e6; onKernel (scale 1e6); transposed (scale 1e6) ] do
        Expect.isError
            (Parametrization.contains value (full [ 2L; 1L; 2L ] 0.01))
            $"{value}: numbers that it cannot yield"

let private normsEndToo () : unit =
    use _ = torch.NewDisposeScope()
    let x = torch.tensor([| 1000.0; 0.0; 100.0; 100.0 |], dtype = float16).reshape(2L, 2L)
    let tensor = Parametrization.forward spd (Parametrization.ofTensors [ x ] [] spd)
    Expect.isOk (Parametrization.contains spd tensor) "rows whose products are no numbers of 16 bits"
    Expect.isError (Parametrization.contains (weightNorm 0) (full [ 1L; 2L ] 60000.0)) "a magnitude that is none"

let private staysPositive () : unit =
    for value in [ positive; onKernel positive; transposed positive; positive >>> transposed (scale 0.5) ] do
        use _ = torch.NewDisposeScope()
        let parts = orFail (Parametrization.start value (full [ 2L; 1L; 2L ] 1.0))
        let low = parts.Parameters |> Seq.map (fun leaf -> torch.full_like (leaf.detach (), (-20.0).ToScalar()))
        let tensor = Parametrization.forward value (Parametrization.ofTensorsLike parts low parts.Buffers value)
        Expect.isGreaterThan (Tensors.number (tensor.min ())) 0.0 $"{value}"
        Expect.isOk (Parametrization.contains value tensor) $"{value}"

let private backwardsToo () : unit =
    for map in [ PositiveMap.Exp; PositiveMap.Softplus ] do
        use _ = torch.NewDisposeScope()
        let value = inverse (positiveBy map)
        let any = torch.tensor ([| 20.0; 12.0; 1.0; -1.0; -12.0; -20.0; 60000.0 |], dtype = float16)
        let projected = Parametrization.project value any
        Expect.isOk (Parametrization.contains value projected) $"{value}: {projected.str ()}"
        let inner = any.narrow (0L, 2L, 3L)
        let nearest = projected.narrow (0L, 2L, 3L)
        Expect.isLessThan (Measures.apart inner nearest) 0.02 $"{value}: what is there stays"
        Expect.isLessThan (Tensors.number (projected[0L])) 20.1 $"{value}: no farther than it has to"
        Expect.isGreaterThan (Tensors.number (projected[5L])) -20.1 $"{value}: no farther than it has to"

/// If the rounded parameters of the largest number would yield infinity, slightly smaller parameters are found.
let private largestComeBack () : unit =
    for value in
        [
            scale 3.0
            scale -7.0
            positive
            positiveBy PositiveMap.Exp
            shift 3.0 >>> scale 3.0
            scale 3.0 >>> transposed (scale 0.7)
        ] do
        for number in [ 65504.0; 65472.0; 60000.0 ] do
            use _ = torch.NewDisposeScope()
            let tensor = full [ 2L; 2L ] number

            match Parametrization.initialize value tensor with
            | Ok parts ->
                let made = Parametrization.forward value parts
                Expect.isLessThan (Measures.apart made tensor) (4e-3 * number) $"{value} at {number}"
            | Error error -> failtest $"{value} at {number}: {error}"

/// Below the normal numbers a unit in the last place is no share of a number.
let private smallestAreAllowed () : unit =
    let smallest = 2.0 ** -24.0

    for value in [ symmetric; toeplitz; triangular Triangle.Lower; circulant ] do
        use _ = torch.NewDisposeScope()

        let tensor =
            Parametrization.project value (torch.ones ([| 2L; 2L |], dtype = float16) * smallest.ToScalar())

        Expect.isOk (Parametrization.contains value tensor) $"{value}: all"
        let one = torch.tensor ([| 0.0; smallest; 0.0; 0.0 |], dtype = float16)
        Expect.isOk (Parametrization.contains value (one.reshape (2L, 2L))) $"{value}: one beside zeros"

let private refusedPartsAreFreed () : unit =
    use _ = torch.NewDisposeScope()
    let value = sum [ identity; identity ]
    let parts = Parametrization.ofTensors [ full [ 1L ] 1.0; full [ 1L ] 60000.0 ] [] value
    let tensor = full [ 1L ] -60000.0
    let live () = DisposeScopeManager.Statistics.ThreadTotalLiveCount
    let before = live ()

    match Parametrization.rightInverse value parts tensor with
    | Ok _ -> failtest "a parameter of -120,000"
    | Error error ->
        Expect.stringContains error.Message "leave the range" "the message"
        Expect.equal (live ()) before "tensors that are left"

let private tiniestFactor () : unit =
    use _ = torch.NewDisposeScope()
    let zeros = torch.zeros (2L, dtype = torch.ScalarType.Float32)
    Expect.isOk (Parametrization.initialize (scale 1e-40) zeros) "a factor below the normal numbers"
    Expect.isError (Parametrization.initialize (scale 1e-50) zeros) "one that is none"

let private refreshed () : unit =
    use _ = torch.NewDisposeScope()
    let weight = (normalOn torch.CPU float64 1UL [ 4L; 3L ]).``to`` float16
    let parts = orFail (Parametrization.start spectralNorm weight)

    for part in (orFail (Parametrization.refresh spectralNorm parts)).Tensors do
        Expect.equal part.dtype float16 "the element type"

let tests: Test =
    testList
        "16 bits"
        [
            testCase "the last node yields the tensor" nodesYieldTheSame
            testCase "projections are judged by 16 bits" projects
            testCase "parameters end where numbers do" ends
            testCase "norms end where numbers do" normsEndToo
            testCase "what is positive stays so behind views" staysPositive
            testCase "the largest numbers come back" largestComeBack
            testCase "the smallest numbers are allowed" smallestAreAllowed
            testCase "values read backwards end where numbers do" backwardsToo
            testCase "refreshing keeps the element type" refreshed
            testCase "parts that leave the range are freed" refusedPartsAreFreed
            testCase "factors may be below the normal numbers" tiniestFactor
        ]
