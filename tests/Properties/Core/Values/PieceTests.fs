/// Nodes of several inputs: what is true of what one of them gets is true at every place.
module Properties.Core.Values.PieceTests

open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open Properties.Core
open TorchSharp

let private mask = Mask.OfArray([| 4L; 4L |], [| for entry in 0..15 -> entry % 2 = 0 |])
let private otherMask = Mask.OfArray([| 4L; 4L |], [| for entry in 0..15 -> entry % 2 = 1 |])

/// This value for one of several inputs, others that may be any for the rest.
let private placed (value: Parametrization) : Parametrization list =
    [
        for place in 0..1 do
            let pair = List.insertAt place value [ identity ]
            joined pair toeplitz
            joined pair hankel
            // Entries have to be free of one another.
            if Tree.space(value.Tree).IsClosedUnder Closure.EntrywiseChoice then
                where mask pair[0] pair[1]
                where otherMask pair[0] pair[1]

            blockDiagonal pair
            slices 0 [ for each in pair -> 2L, each ]
            slices -1 [ for each in pair -> 2L, each ]
        for place in 0..3 do
            blockDiagonal (List.insertAt place value [ identity; identity; identity ])
            slices 1 [ for each in List.insertAt place value [ identity; identity; identity ] -> 1L, each ]
    ]

let private views: (Parametrization -> Parametrization) list = [ id; transposed; onKernel ]

/// Spaces that rounding to 16 bits leaves, where nothing prevents it.
let private positives: Parametrization list =
    [ positive; positiveBy PositiveMap.Exp; boundedRatio 1e30; positiveOrdered ]

let private normal (dtype: torch.ScalarType) (seed: uint64) (shape: int64 list) : torch.Tensor =
    normalOn Case.device dtype seed shape

/// Parameters so low that what they yield is no number of 16 bits.
let private staysPositive (dtype: torch.ScalarType) (depth: float) (value: Parametrization) (whole: Parametrization) =
    use _ = torch.NewDisposeScope()
    let start = Parametrization.start whole (normal dtype 1UL [ 4L; 4L ])

    match start with
    | Error _ -> ()
    | Ok start ->
        let low = [ for leaf in start.Parameters -> torch.full_like (leaf.detach (), depth.ToScalar()) ]
        let parts = Parametrization.ofTensorsLike start low start.Buffers whole
        let yielded = Parametrization.forward whole parts
        Expect.isOk (Parametrization.contains whole yielded) $"{whole} of {dtype}, with {value}"

let private inSixteenBits: Test =
    testCase "what is positive stays so in 16 bits" (fun () ->
        for value in positives do
            for dtype, depth in [ torch.ScalarType.Float16, -30.0; torch.ScalarType.BFloat16, -95.0 ] do
                for whole in placed value do
                    for view in views do
                        staysPositive dtype depth value (view whole))

/// Some values carry numbers in the units of their tensor: these are found anew where a node behind may multiply that.
let private units: Parametrization list =
    [
        for scheme in [ QuantizationScheme.Symmetric; QuantizationScheme.Affine ] do
            fakeQuantized 4 scheme Granularity.Tensor
            fakeQuantized 4 scheme (Granularity.Channel 0)
    ]

let private rescaling: Parametrization list =
    [
        spectralNorm
        spectralNormWith { SpectralNorm.defaults with Bound = 3.0; Dimension = 1 }
        convolutionNorm [ 5L; 5L ] 2.0
    ]

let private isAdmitted (shape: int64 list) (value: Parametrization) : unit =
    use _ = torch.NewDisposeScope()
    let dtype = torch.ScalarType.Float64

    match Parametrization.start value (normal dtype 1UL shape) with
    | Error _ -> ()
    | Ok parts ->
        for seed in 2UL .. 3UL do
            let tensor = Parametrization.project value (normal dtype seed shape * (10.0 ** float seed).ToScalar())
            Expect.isOk (Parametrization.contains value tensor) $"{value}: its own"
            Expect.isOk (Parametrization.admits value parts tensor) $"{value}: beside other parts, {seed}"

            match Parametrization.rightInverse value parts tensor with
            | Error error -> failtest $"{value}: {error}"
            | Ok found ->
                let apart = Measures.apart (Parametrization.forward value found) tensor
                Expect.isLessThan apart (1e-9 * (1.0 + Measures.largest tensor)) $"{value}: assigned, {seed}"

let private unitsBehindViews: Test =
    testCase "numbers in units are found anew where those may change, behind views too" (fun () ->
        for first in units do
            for next in rescaling do
                for inner, outer in List.allPairs views views do
                    for between in [ (if obj.ReferenceEquals(inner, outer) then scale 2.0 else identity) ] do
                        match
                            Parametrization.tryAndThen between (inner first)
                            |> Result.bind (Parametrization.tryAndThen (outer next))
                        with
                        | Error _ -> ()
                        | Ok value ->
                            isAdmitted
                                (if (string value).Contains "onvol" then [ 4L; 3L; 2L; 2L ] else [ 4L; 3L ])
                                value)

let private besideAdapters: Test =
    testCase "a piece beside an adapter stays frozen" (fun () ->
        let mask = Mask.OfArray([| 2L; 2L |], [| true; false; false; true |])

        Expect.equal
            (Adapter.trained (where mask (lora 1L 1.0) identity))
            [| true; true; false |]
            "A, B, and the piece")

let tests: Test = testList "pieces" [ inSixteenBits; unitsBehindViews; besideAdapters ]
