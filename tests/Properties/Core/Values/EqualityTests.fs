/// Values that differ in one option are different, print differently and read back as themselves.
module Properties.Core.Values.EqualityTests

open Expecto
open Parametrize
open Parametrize.Values

let private lower, upper = Triangle.Lower, Triangle.Upper
let private mask = Mask.OfArray([| 3L; 4L |], Array.init 12 (fun index -> index % 3 <> 1))
let private otherMask = Mask.OfArray([| 3L; 4L |], Array.init 12 (fun index -> index % 3 <> 2))
let private turnedMask = Mask.OfArray([| 4L; 3L |], Array.init 12 (fun index -> index % 3 <> 1))
let private spectral = SpectralNorm.defaults

/// Two numbers that differ in the last digit.
let private number, next = 0.1, System.Math.BitIncrement 0.1

let private prunings () : Pruning list =
    let amounts = [ Amount.Share 0.5; Amount.Share next; Amount.UpTo 0.5; Amount.Count 1L; Amount.Count 2L ]

    [
        Pruning.Nothing
        for share, seed in [ 0.5, 1UL; 0.5, 2UL; next, 1UL; 0.5, System.UInt64.MaxValue ] do
            Pruning.Bernoulli(share, seed)
        for amount in amounts do
            for seed in [ 1UL; 2UL ] do
                Pruning.Random(amount, seed)

                for dimension in [ 0; 1; -1 ] do
                    Pruning.RandomStructured(amount, dimension, seed)

            Pruning.L1 amount

            for power in [ 1.0; 2.0; infinity ] do
                for dimension in [ 0; 1; -1 ] do
                    Pruning.Ln(amount, power, dimension)
        Pruning.UpTo number
        Pruning.UpTo next
        for keep, size in [ 1, 4; 2, 4; 2, 5; 4, 4 ] do
            Pruning.Groups(keep, size)
        for mask in [ mask; otherMask; turnedMask ] do
            Pruning.Custom mask
    ]

/// One of every kind, and the same with each option changed; built anew each time.
let private values () : Parametrization list =
    [
        for pruning in List.distinct (prunings ()) do
            pruned pruning
        for triangle in [ lower; upper ] do
            for family in [ symmetricFrom; hermitianFrom; skewFrom; skewHermitianFrom; triangular; unitTriangular ] do
                family triangle
        diagonal
        identity
        cayley
        matrixExp
        householder
        orthogonal
        for map in [ OrthogonalMap.Cayley; OrthogonalMap.MatrixExp; OrthogonalMap.Householder; OrthogonalMap.Default ] do
            orthogonalWithoutBase map
        for dimension in [ 0; 1; 2; -1; -2 ] do
            weightNorm dimension
            spectralNormWith { spectral with Dimension = dimension }
        weightNormWhole
        for options in
            [
                { spectral with Bound = 2.0 }
                { spectral with Bound = next }
                { spectral with Iterations = 2 }
                { spectral with Epsilon = 2.0 }
                { spectral with Epsilon = 1e-6 }
                { spectral with Bound = 2.0; Epsilon = 1e-6 }
                { spectral with Bound = 1e-6; Epsilon = 2.0 }
                { spectral with Dimension = 2; Iterations = 3 }
                { spectral with Dimension = 3; Iterations = 2 }
            ] do
            spectralNormWith options
        for size in [ 1.0; 2.0; number; next ] do
            sphere size
            sphereExp size
            spdAbove size
            scale size
            scale -size
            shift size
            shift -size
        spd
        for map in [ PositiveMap.Softplus; PositiveMap.Exp; PositiveMap.Square ] do
            positiveBy map
        for lo, hi in [ -1.0, 1.0; -1.0, next; -next, 1.0; 0.0, 1.0; 0.0, infinity; -infinity, 0.0; -infinity, 1.0 ] do
            bounded lo hi
        invertible
        matrixExponential
        for rank in [ 1L; 2L; 3L ] do
            lowRank rank
            fixedRank rank
        svd 2L [ cayley; identity; orthogonal ]
        svd 2L [ orthogonal; identity; cayley ]
        onKernel skew
        transposed orthogonal
        onKernel orthogonal
        onKernel (transposed orthogonal)
        transposed (onKernel orthogonal)
        inverse (positive >>> scale 0.5)
        inverse (positiveBy PositiveMap.Exp)
        sum [ identity; skew ]
        sum [ skew; identity ]
        sum [ identity; skew; skew ]
        product [ identity; cayley ]
        product [ cayley; identity ]
        blockDiagonal [ skew; cayley ]
        blockDiagonal [ cayley; skew ]
        blockDiagonal [ cayley ]
        for dimension in [ 0; 1; -1 ] do
            slices dimension [ 2L, positive; 1L, identity ]
            slices dimension [ 1L, positive; 2L, identity ]
            slices dimension [ 1L, identity; 2L, positive ]
        for mask in [ mask; otherMask; turnedMask ] do
            where mask positive identity
            where mask identity positive
        joined [ scale 2.0; shift 0.5 ] (weightNorm 0)
        joined [ shift 0.5; scale 2.0 ] (weightNorm 0)
        skew >>> cayley
        spectralNorm >>>! cayley
        positive >>> scale 0.5
        scale 0.5 >>> positive
    ]

/// Kept but for doubles that are one value by design.
let private distinct () : Parametrization list =
    values ()
    |> List.filter (fun value -> not (List.contains value [ spectralNorm ]))
    |> List.append [ spectralNorm ]

let private pairs () : unit =
    let values, again = distinct (), distinct ()

    for index, one in List.indexed values do
        let same = again[index]
        Expect.equal same one $"{one} built anew"
        Expect.equal (hash same) (hash one) $"the hash of {one}"
        Expect.equal (string same) (string one) $"{one} prints alike"

        for other in values[index + 1 ..] do
            Expect.notEqual one other "two values"
            Expect.notEqual (string one) (string other) "two codes"
            Expect.notEqual (ParametrizationText.ToCSharp one) (ParametrizationText.ToCSharp other) "two codes of C#"

let private readBack () : unit =
    for value in distinct () do
        match Parametrization.parse (string value) with
        | Ok read -> Expect.equal read value $"{value} read back"
        | Error error -> failtest $"{value}: {error}"

let private equalPrunings () : unit =
    let prunings = prunings () |> List.distinct

    for index, one in List.indexed prunings do
        for other in prunings[index + 1 ..] do
            Expect.notEqual one other "two prunings"
            Expect.notEqual (string one) (string other) "two prunings as text"

/// Pruning twice is one pruning only where nothing is lost.
let private repeated () : unit =
    let up share = Amount.UpTo share

    let cases =
        [
            Pruning.L1(up 0.3), Pruning.L1(up 0.5), Some(Pruning.L1(up 0.5))
            Pruning.L1(up 0.5), Pruning.L1(up 0.3), Some(Pruning.L1(up 0.5))
            Pruning.L1(up 0.3), Pruning.L1(Amount.Share 0.3), None
            Pruning.Random(up 0.3, 1UL), Pruning.Random(up 0.5, 1UL), Some(Pruning.Random(up 0.5, 1UL))
            Pruning.Random(up 0.3, 1UL), Pruning.Random(up 0.5, 2UL), None
            Pruning.Ln(up 0.3, 2.0, 0), Pruning.Ln(up 0.5, 2.0, 0), Some(Pruning.Ln(up 0.5, 2.0, 0))
            Pruning.Ln(up 0.3, 2.0, 0), Pruning.Ln(up 0.5, 1.0, 0), None
            Pruning.Ln(up 0.3, 2.0, 0), Pruning.Ln(up 0.5, 2.0, 1), None
            Pruning.RandomStructured(up 0.3, 0, 1UL),
            Pruning.RandomStructured(up 0.5, 0, 1UL),
            Some(Pruning.RandomStructured(up 0.5, 0, 1UL))
            Pruning.RandomStructured(up 0.3, 0, 1UL), Pruning.RandomStructured(up 0.5, 1, 1UL), None
            Pruning.RandomStructured(up 0.3, 0, 1UL), Pruning.RandomStructured(up 0.5, 0, 2UL), None
            Pruning.L1(up 0.3), Pruning.Random(up 0.3, 1UL), None
            Pruning.Groups(2, 4), Pruning.Groups(2, 4), None
            Pruning.Nothing, Pruning.Groups(2, 4), Some(Pruning.Groups(2, 4))
            Pruning.Groups(2, 4), Pruning.Nothing, Some(Pruning.Groups(2, 4))
            Pruning.Custom mask, Pruning.Custom turnedMask, None
        ]

    for first, second, one in cases do
        let both = pruned first >>> pruned second
        let expected = $"{pruned first} >>> {pruned second}"
        let expected = one |> Option.map (pruned >> string) |> Option.defaultValue expected
        Expect.equal (string both) expected $"{first}, then {second}"

let tests: Test =
    testList
        "changed options"
        [
            testCase "no two values are equal or print alike" pairs
            testCase "every value reads back" readBack
            testCase "no two prunings are equal or print alike" equalPrunings
            testCase "two prunings are one only where they may" repeated
        ]
