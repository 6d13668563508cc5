/// Masks where random cases seldom are: zeros that are kept, infinite scores, amounts that are none.
module Properties.Core.Values.PruningCornerTests

open System
open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open Properties.Core
open TorchSharp

let private float64 = torch.ScalarType.Float64

let private normal: uint64 -> int64 list -> torch.Tensor = normalOn torch.CPU float64

let private replacedMasks () : unit =
    let value = pruned (Pruning.L1(Amount.Share 0.5))
    let more = value >>> scale 2.0
    use parts = orFail (Parametrization.start value (normal 1UL [ 4L; 4L ]))
    let live () = DisposeScopeManager.Statistics.ThreadTotalLiveCount
    let before = live ()

    match Growth.tryContinue (value >>> more) more value parts with
    | Some(Ok grown) ->
        let added = live () - before
        let kept = int64 (Seq.length grown.Tensors)
        grown.Dispose()
        Expect.equal added kept "tensors besides those of the parts"
    | other -> failtest $"{other}"

let private masksGoOn () : unit =
    let value = pruned (Pruning.Groups(1, 2))
    let last = Mask.OfArray([| 4L |], [| true; true; true; false |])
    let more = pruned (Pruning.Custom last) >>> scale 2.0
    let vector (numbers: float[]) = torch.tensor (numbers, dtype = float64)

    for hidden in 0..1 do
        use _ = torch.NewDisposeScope()
        let x = vector [| float hidden + 1.0; 2.0 - float hidden; 3.0; 4.0 |]
        let parts = orFail (Parametrization.start value x)
        // Zeros that the mask keeps.
        let now = Parametrization.ofTensorsLike parts [ vector [| 0.0; 0.0; 3.0; 4.0 |] ] parts.Buffers value

        match Growth.tryContinue (value >>> more) more value now with
        | Some(Ok grown) ->
            let kept place = if hidden = place then 0.0 else 1.0
            let expected = vector [| kept 0; kept 1; 0.0; 0.0 |]
            Expect.equal (Measures.apart grown.Buffers[0] expected) 0.0 $"entry {hidden} stays hidden"
        | other -> failtest $"{other}"

let private infiniteScores () : unit =
    for least in 0..2 do
        let row (index: int) =
            if index = 3 then infinity
            elif index = least then 0.5
            else 4.0

        use scores = torch.tensor (array2D [ for index in 0..3 -> [ 1.0; row index ] ])
        let mask = PruningMask.ofScores scores None (Pruning.Ln(Amount.Count 1L, 2.0, 0))
        Expect.equal mask.Kept (Array.init 8 (fun place -> place / 2 <> least)) $"row {least} is pruned"

let private hiddenEntries () : unit =
    let mask = pruned (Pruning.L1(Amount.Share 0.5))

    for value in
        [
            positive >>> mask
            positive >>> onKernel mask
            bounded 1.0 3.0 >>> onKernel mask
            positive >>> transposed mask
        ] do
        use _ = torch.NewDisposeScope()
        let parts = orFail (Parametrization.initializeNearest value ((normal 1UL [ 4L; 4L ]).abs()))
        let tensor = (Parametrization.forward value parts).detach()
        let again = orFail (Parametrization.rightInverse value parts tensor)
        Expect.isLessThan (Measures.apart tensor (Parametrization.forward value again)) 1e-12 $"{value}"

let private amounts () : unit =
    for amount in
        [
            Amount.Share nan
            Amount.UpTo nan
            Amount.Share -0.1
            Amount.UpTo 1.1
            Amount.Share infinity
            Amount.Count -1L
        ] do
        Expect.throwsT<ArgumentException> (fun () -> pruned (Pruning.L1 amount) |> ignore) $"{amount}"

    let value =
        pruned (Pruning.L1(Amount.Count 3L))
        >>> pruned (Pruning.Ln(Amount.Count 1L, 2.0, 0))
        >>> pruned (Pruning.L1(Amount.Count 3L))

    match Parametrization.initializeNearest value (normal 1UL [ 2L; 2L ]) with
    | Error error ->
        Expect.stringContains error.Message "3 entries are to be pruned, but only 0 are left." "the message"
    | Ok _ -> failtest "more were pruned than there are"

/// Up to a share, so that two of one kind become one.
let private kinds (share: float) : Pruning list =
    [
        Pruning.L1(Amount.UpTo share)
        for power in [ 1.0; 2.0 ] do
            for dimension in 0..1 do
                Pruning.Ln(Amount.UpTo share, power, dimension)
        for seed in [ 1UL; 2UL ] do
            Pruning.Random(Amount.UpTo share, seed)

            for dimension in 0..1 do
                Pruning.RandomStructured(Amount.UpTo share, dimension, seed)
    ]

let private otherOptions () : unit =
    let first, second = kinds 0.25, kinds 0.5

    for left, one in List.indexed first do
        for right, other in List.indexed second do
            let chain = string (pruned one >>> pruned other)
            let expected = if left = right then $"{pruned other}" else $"{pruned one} >>> {pruned other}"
            Expect.equal chain expected "what is left of both"

/// Zeros of an allowed tensor are the mask, also where a value before would have other smallest entries.
let private allowedStays () : unit =
    use _ = torch.NewDisposeScope()
    let value = positive >>> pruned (Pruning.L1(Amount.Count 3L))
    let tensor = torch.tensor ([| 0.1; 0.2; 0.3; 0.0; 0.0; 0.0 |], dtype = float64)
    let started = Parametrization.forward value (orFail (Parametrization.start value tensor))
    Expect.isLessThan (Measures.apart started tensor) 1e-12 "the tensor as it was"

let private hiddenNumbers () : unit =
    use _ = torch.NewDisposeScope()
    let mask = Pruning.Custom(Mask.OfArray([| 2L |], [| true; false |]))
    let value = bounded 2.0 3.0 >>> positiveBy PositiveMap.Exp >>> pruned mask
    let tensor = torch.tensor ([| 10.0; 0.0 |], dtype = float64)
    let made = Parametrization.forward value (orFail (Parametrization.initialize value tensor))
    Expect.isLessThan (Measures.apart made tensor) 1e-12 "a number under the mask that the values before can yield"

/// Entries, then channels, behind values that yield no zeros: zeros of the first may be those of the second as well.
let private severalBehindOthers () : unit =
    let entries, channels = Pruning.L1(Amount.Share 0.3), Pruning.Ln(Amount.Share 0.5, 2.0, 0)

    for before in [ positive; positiveBy PositiveMap.Exp; bounded 0.1 infinity; bounded -infinity -0.5; identity ] do
        for first, second in [ entries, channels; channels, entries; Pruning.Groups(1, 2), channels ] do
            let value = before >>> pruned first >>> pruned second

            for seed in 1UL .. 5UL do
                use _ = torch.NewDisposeScope()
                let parts = orFail (Parametrization.start value (normal seed [ 6L; 4L ]))
                let tensor = Parametrization.forward value parts
                Expect.isOk (Parametrization.contains value tensor) $"{value}, seed {seed}"
                let back = Parametrization.forward value (orFail (Parametrization.initialize value tensor))
                Expect.isLessThan (Measures.apart back tensor) 1e-12 $"{value}, seed {seed}"
                let isZero = tensor.eq (0.0.ToScalar())

                if not (before = identity) && isZero.any().item<bool>() then
                    let all = torch.ones_like tensor * (tensor.max () + tensor.min ())
                    let wrong = torch.where (isZero, tensor, -all)
                    Expect.isError (Parametrization.contains value wrong) $"{value}, seed {seed}: of the other sign"

/// A pruning in between must not make a chain allowed: a value that cannot follow the space directly cannot follow it after the
/// pruning.
let private whatStandsBefore () : unit =
    let l1 = pruned (Pruning.L1(Amount.Share 0.3))

    for before in [ positive; positiveBy PositiveMap.Exp; bounded 0.1 2.0; bounded -infinity -0.5 ] do
        for next in [ triangular Triangle.Lower; skew; symmetric; diagonal; spectralNorm ] do
            let direct = Parametrization.tryAndThen next before
            let behind = Parametrization.tryAndThen next (before >>> l1)
            Expect.equal (Result.isOk behind) (Result.isOk direct) $"{before} >>> pruned >>> {next}"

/// Rounding that a shift makes passes noise, which is the identity outside of training.
let private behindNoise () : unit =
    for noise in [ weightNoise 0.1; weightDropout 0.25 ] do
        for next in [ shift 0.3; bounded -infinity -0.5 ] do
            let value = pruned (Pruning.L1(Amount.Share 0.3)) >>> noise >>> next

            for dtype in [ torch.ScalarType.Float32; float64 ] do
                for seed in 1UL .. 5UL do
                    use _ = torch.NewDisposeScope()
                    let x = normalOn torch.CPU dtype seed [ 4L; 4L ]
                    let tensor = Parametrization.project value x
                    Expect.isOk (Parametrization.contains value tensor) $"{value}, {dtype}, seed {seed}"

/// Channels that a mask has hidden are none of those that the pruning behind it chooses.
let private channelsBehindMasks () : unit =
    use _ = torch.NewDisposeScope()
    let firstRow = Mask.OfArray([| 4L; 3L |], [| for entry in 0..11 -> entry >= 3 |])
    let value = pruned (Pruning.Custom firstRow) >>> pruned (Pruning.Ln(Amount.Count 2L, 2.0, 0))

    for zeros, isAllowed in [ 2L, false; 3L, true ] do
        let tensor = torch.ones ([| 4L; 3L |], dtype = float64)
        tensor.narrow(0L, 0L, zeros).zero_() |> ignore
        Expect.equal (Parametrization.contains value tensor).IsOk isAllowed $"{zeros} channels of zeros"

/// Behind several nodes, a pruning that merges with the last one chooses among the entries of the tensor itself.
let private choosesAmongComputed () : unit =
    let few = pruned (Pruning.L1(Amount.Count 3L))
    let more = Pruning.L1(Amount.Count 5L)

    for before in
        [
            bounded -1.0 1.0 >>> shift 0.5
            positive >>> shift -1.0
            shift 1.0 >>> bounded -1.0 3.0 >>> scale -2.0
            onKernel (positive >>> shift -1.0)
        ] do
        for seed in 1UL .. 5UL do
            use _ = torch.NewDisposeScope()
            let value = before >>> few
            let parts = orFail (Parametrization.start value (normal seed [ 4L; 4L ]))
            let tensor = Parametrization.forward value parts
            let kept = Mask.OfTensor parts.Buffers[0]

            match Growth.tryContinue (value >>> pruned more) (pruned more) value parts with
            | Some(Ok grown) ->
                let expected = PruningMask.ofScores tensor (Some kept) more
                Expect.equal (Mask.OfTensor grown.Buffers[0]) expected $"{value}, seed {seed}"
            | other -> failtest $"{value}: {other}"

/// Zeros under a symmetric mask are allowed by the symmetric matrices, not by those that have to be something else, too.
let private symmetricMasks () : unit =
    let eye =
        pruned (Pruning.Custom(Mask.OfArray([| 4L; 4L |], Array.init 16 (fun entry -> entry % 5 = 0))))

    for value in [ symmetric; symmetric >>> scale -2.0; symmetricFrom Triangle.Lower ] do
        use _ = torch.NewDisposeScope()
        let value = value >>> eye
        let projected = Parametrization.project value (normal 1UL [ 4L; 4L ])
        Expect.isOk (Parametrization.contains value projected) $"{value}"

    for value in
        [
            symmetric >>> positive
            symmetric >>> positiveBy PositiveMap.Exp >>> scale 2.0
            symmetric >>> bounded 0.1 2.0
            symmetric >>> spectralNorm
            symmetric >>> matrixExponential
            spd
            correlation
        ] do
        Expect.isError (Parametrization.tryAndThen eye value) $"{value} behind a mask"

let tests: Test =
    testList
        "corners of prunings"
        [
            testCase "symmetric masks are for all symmetric matrices only" symmetricMasks
            testCase "a pruning chooses among what is computed" choosesAmongComputed
            testCase "channels behind masks are others" channelsBehindMasks
            testCase "a mask that was replaced is let go" replacedMasks
            testCase "a mask goes on whatever zeros there are" masksGoOn
            testCase "infinite scores leave the order of the others" infiniteScores
            testCase "entries under a mask are those that the space before it has" hiddenEntries
            testCase "amounts that are none" amounts
            testCase "prunings that differ in more than their amounts stay two" otherOptions
            testCase "an allowed tensor starts as it is behind another value" allowedStays
            testCase "several behind values without zeros allow what they yield" severalBehindOthers
            testCase "a pruning hides nothing of what stands before it" whatStandsBefore
            testCase "rounding passes noise" behindNoise
            testCase "what is hidden is what the values before can yield" hiddenNumbers
        ]
