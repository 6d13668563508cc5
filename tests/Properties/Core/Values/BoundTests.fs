/// Numbers that are exactly on a bound, and one unit to either side: on which side of a count they are.
module Properties.Core.Values.BoundTests

open System
open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open Properties.Core
open TorchSharp

let private counts (value: Parametrization) (x: torch.Tensor) : int64 list =
    match Saturation.countsOf value.Program (Parametrization.ofTensors [ x ] [] value) with
    | Some counts -> List.ofArray counts
    | None -> failtest $"{value} counts nothing"

let private tensor (dtype: torch.ScalarType) (numbers: float list) : torch.Tensor =
    torch.tensor(List.toArray numbers, device = Case.device).``to`` dtype

/// The slopes of squares are their parameters, as shares of the largest, 1.
let private slopes () : unit =
    let value = positiveBy PositiveMap.Square
    let edges = List.ofArray Saturation.bounds |> List.truncate (Saturation.bounds.Length - 1)
    let one place = [ for other in 0 .. edges.Length -> if other = place then 1L else 0L ]
    let rest = one edges.Length

    for dtype in [ torch.ScalarType.Float64; torch.ScalarType.Float32 ] do
        use _ = torch.NewDisposeScope()

        for place, edge in List.indexed edges do
            for factor, expected in [ 1.0, place + 1; 1.0 - 2.0 * Form.epsilon dtype, place ] do
                let found = counts value (tensor dtype [ edge * factor; 1.0 ])
                Expect.equal found (List.map2 (+) (one expected) rest) $"{edge} times {factor} in {dtype}"

/// The steepest slopes of other maps, and the least.
let private ends () : unit =
    use _ = torch.NewDisposeScope()
    let last = List.replicate 10 0L

    for value, x, expected in
        [
            bounded -1.0 1.0, 0.0, last @ [ 1L ]
            bounded 0.0 5.0, 0.0, last @ [ 1L ]
            bounded -1.0 1.0, 400.0, 1L :: last
            // Half of the largest.
            positive, 0.0, [ 0L; 0L; 0L; 0L; 0L; 0L; 1L; 0L; 0L; 0L; 0L ]
            positive, 400.0, last @ [ 1L ]
            positive, -400.0, 1L :: last
        ] do
        Expect.equal (counts value (tensor torch.ScalarType.Float64 [ x ])) expected $"{value} at {x}"

let private masks: torch.Tensor list =
    [
        for seed in 1..6 do
            let random = Random seed
            let kept = Array.init 24 (fun _ -> if random.Next 6 < seed then 1.0 else 0.0)
            torch.tensor(kept, device = torch.CPU).reshape(4L, 6L).DetachFromDisposeScope()
        // Whole rows and whole columns.
        for along in [ 0L; 1L ] do
            for count in [ 1L; 2L; 3L ] do
                let mask = torch.ones ([| 4L; 6L |], dtype = torch.ScalarType.Float64, device = torch.CPU)
                mask.narrow(along, 0L, count).zero_() |> ignore
                mask.DetachFromDisposeScope()
    ]

/// A share is reached where pruning up to it hides no more of the entries, or of the channels, that are left.
let private reached () : unit =
    let scores = normalOn torch.CPU torch.ScalarType.Float64 4UL [ 4L; 6L ]

    for share in [ 0.0; 0.2; 0.25; 0.5; 0.75; 1.0 ] do
        for pruning in
            [
                Pruning.L1(Amount.UpTo share)
                Pruning.Random(Amount.UpTo share, 5UL)
                for dimension in [ 0; 1; -1; -2 ] do
                    Pruning.Ln(Amount.UpTo share, 2.0, dimension)
                    Pruning.RandomStructured(Amount.UpTo share, dimension, 5UL)
            ] do
            for mask in masks do
                let kept = Mask.OfTensor mask
                let further = PruningMask.ofScores scores (Some kept) pruning
                let expected = further.Pruned = kept.Pruned
                Expect.equal (Pruned.isReached pruning mask) expected $"{pruning} of {kept}"

    for pruning in
        [
            Pruning.Nothing
            Pruning.L1(Amount.Share 0.0)
            Pruning.L1(Amount.Count 0L)
            Pruning.Groups(2, 2)
            Pruning.L1(Amount.UpTo 1.5)
            Pruning.Ln(Amount.UpTo 0.0, 2.0, 2)
        ] do
        Expect.isFalse (Pruned.isReached pruning masks.Head) $"{pruning} goes up to no share of all"

/// Values, and for each a member whose largest entry is as small as possible: an element type that cannot hold this member has to
/// be refused.
let private least: (float -> Parametrization * (int64 -> torch.Tensor)) list =
    let wide = torch.ScalarType.Float64
    let full (number: float) (shape: int64 list) = torch.full (List.toArray shape, number.ToScalar(), dtype = wide)

    [
        fun size ->
            let entry (count: int64) = Math.Pow(size, 1.0 / float count)
            spdWithDeterminant size, (fun count -> torch.eye (count, dtype = wide) * (entry count).ToScalar())
        fun size -> sphere size, (fun count -> full (size / sqrt (float count)) [ count ])
        fun size ->
            spectralNormWith { SpectralNorm.defaults with Bound = size },
            (fun count -> full (size / float count) [ count; count ])
    ]

/// An element type that has the numbers of a member is not refused, however large the number of the option is.
let private reaches () : unit =
    for make in least do
        for dtype in [ torch.ScalarType.Float16; torch.ScalarType.Float32 ] do
            for share in [ 0.5; 2.0; 3.0; 10.0; 1e3 ] do
                for count in [ 2L; 4L; 16L ] do
                    use _ = torch.NewDisposeScope()
                    let size = share * Form.greatest dtype
                    let value, member' = make size
                    let tensor = member' count
                    let share = Measures.largest tensor / Form.greatest dtype
                    // 16-bit types are computed with in single precision, of which options have to be numbers.
                    let isNumber = size <= Form.greatest torch.ScalarType.Float32

                    match Parametrization.parameterForms value { Form.ofTensor tensor with Dtype = dtype } with
                    | Ok _ -> Expect.isLessThan share 1.001 $"{value} of {count} in {dtype}"
                    | Error _ -> Expect.isFalse (share < 0.999 && isNumber) $"{value} of {count} in {dtype}"

let tests: Test =
    testList
        "bounds of counts"
        [
            testCase "slopes at the bounds of saturation" slopes
            testCase "the largest and the least slopes" ends
            inScope "shares that are reached" reached
            testCase "element types that have the numbers" reaches
        ]
