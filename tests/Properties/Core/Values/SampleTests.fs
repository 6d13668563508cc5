/// How random tensors are distributed: nothing that a bound or a sign could show is left to membership.
module Properties.Core.Values.SampleTests

open Expecto
open FsCheck.FSharp
open Parametrize
open Parametrize.Laws
open Properties.Core
open TorchSharp

let private count = 4000

let private generated (value: Parametrization) (shape: int64 list) (dtype: torch.ScalarType) (seed: uint64) =
    use generator = new torch.Generator(seed, torch.CPU)

    let form = { Shape = List.toArray shape; Dtype = dtype; Device = Case.device }
    Parametrization.sample value form (Some generator)

/// A batch of samples along the first dimension, also where the value has no batches.
let private drawn (value: Parametrization) (shape: int64 list) (dtype: torch.ScalarType) (many: int) : torch.Tensor =
    if Parametrization.isBatched value then
        generated value (int64 many :: shape) dtype 5UL
    else
        torch.stack [| for seed in 1..many -> generated value shape dtype (uint64 seed) |]

let private entry (name: string) : Parametrization = (Catalogue.tryFind name).Value.Value

let private number (tensor: torch.Tensor) : float = Tensors.number tensor

/// Mean and mean square of every entry of a sample.
let private moments: (string * int64 list * float * float) list =
    let halfNormal = sqrt (2.0 / System.Math.PI)

    [
        "identity", [ 3L ], 0.0, 1.0
        "positive", [ 3L ], halfNormal, 1.0
        "positive, exp", [ 3L ], halfNormal, 1.0
        "positive, square", [ 3L ], halfNormal, 1.0
        "simplex", [ 3L ], 1.0 / 3.0, 1.0 / 6.0
        "simplex, sticks", [ 3L ], 1.0 / 3.0, 1.0 / 6.0
        "bounded", [ 3L ], 1.0, 1.0 + 16.0 / 12.0
        "bounded below", [ 3L ], 0.1 + halfNormal, 1.0 + 0.2 * halfNormal + 0.01
        "bounded above", [ 3L ], -0.5 - halfNormal, 1.0 + halfNormal + 0.25
        "sumToZero", [ 3L ], 0.0, 2.0 / 3.0
        "circulant", [ 3L; 3L ], 0.0, 1.0 / 3.0
        "kronecker", [ 4L; 3L ], 0.0, 1.0
        "symplectic", [ 4L; 4L ], 0.0, exp 0.5 / 4.0
        "sphere", [ 5L ], 0.0, 1.0 / 5.0
        "sphere, radius", [ 5L ], 0.0, 6.25 / 5.0
        "sphereExp", [ 5L ], 0.0, 1.0 / 5.0
        "sphereExp, radius", [ 5L ], 0.0, 6.25 / 5.0
        "boundedRatio", [ 3L ], halfNormal * 1.5 / log 4.0, 15.0 / (8.0 * log 4.0)
        "lipschitz", [ 4L; 2L ], 0.0, 6.25 / 7.0
        "lipschitz", [ 2L; 4L ], 0.0, 6.25 / 7.0
        "weightNorm 0", [ 3L; 2L ], 0.0, 1.0
        "weightNorm, whole", [ 3L; 2L ], 0.0, 1.0
        "scale", [ 3L ], 0.0, 1.0
        "weightStandardized", [ 2L; 5L ], 0.0, 1.0
        "sigmaReparametrized", [ 3L; 2L ], 0.0, 1.0
        "weightNoise", [ 3L ], 0.0, 1.0
        "weightDropout", [ 3L ], 0.0, 1.0
        "shift", [ 3L ], 0.0, 1.0
        "pruned, nothing", [ 3L ], 0.0, 1.0
        for name in [ "cayley"; "matrixExp"; "householder"; "orthogonal"; "skew >>> cayley"; "skew >>> matrixExp" ] do
            name, [ 4L; 4L ], 0.0, 1.0 / 4.0
        for name in [ "cayley"; "matrixExp"; "householder"; "orthogonal"; "householder, no base" ] do
            name, [ 6L; 3L ], 0.0, 1.0 / 6.0
            name, [ 3L; 6L ], 0.0, 1.0 / 6.0
        for name in [ "specialOrthogonal"; "polar"; "grassmann" ] do
            name, [ 4L; 4L ], 0.0, 1.0 / 4.0
        for name in [ "polar"; "grassmann" ] do
            name, [ 6L; 3L ], 0.0, 1.0 / 6.0
        for name in [ "matrixExp, no base"; "cayley, no base"; "orthogonal, no base" ] do
            name, [ 4L; 4L ], 0.0, 1.0 / 4.0
    ]

let private hasMoments (name: string, shape: int64 list, mean: float, square: float) : Test =
    testCase $"{name} of {shape}" (fun () ->
        use _ = torch.NewDisposeScope()

        let sample =
            drawn (entry name) shape torch.ScalarType.Float64 (if name.Contains "no base" then 1500 else count)

        let many = float sample.shape[0]
        let deviation = sqrt (max 1e-12 (square - mean * mean))
        let means = sample.mean [| 0L |]
        let squares = sample.square().mean [| 0L |]
        // Five standard deviations of an average; squares of what is bounded or normal spread by less than thrice their mean.
        let off = Measures.largest (means - mean.ToScalar())
        Expect.isLessThan off (5.0 * deviation / sqrt many) "the mean"

        Expect.isLessThan
            (Measures.largest (squares - square.ToScalar()))
            (15.0 * square / sqrt many)
            "the mean square")

/// Means of complex entries, and of their squares, vanish under the uniform measure.
let private isTurned (name: string, square: float) : Test =
    testCase $"{name}, complex" (fun () ->
        use _ = torch.NewDisposeScope()
        let sample = drawn (entry name) [ 4L; 3L ] torch.ScalarType.ComplexFloat64 count
        Expect.isLessThan (Measures.largest (sample.mean [| 0L |])) (0.1 * sqrt square) "the mean"
        Expect.isLessThan (Measures.largest ((sample * sample).mean [| 0L |])) (0.2 * square) "the mean of squares"
        let squares = sample.abs().square().mean [| 0L |]
        let off = Measures.largest (squares - square.ToScalar())
        Expect.isLessThan off (0.12 * square) "the mean of squared moduli"
        // The mean over all entries is closer.
        let off = abs (number (squares.mean ()) - square)
        Expect.isLessThan off (0.02 * square) "the mean of all squared moduli")

/// Entries that are a constant by definition.
let private constants (name: string) : bool =
    name.StartsWith "unitTriangular"
    || name.StartsWith "correlation"
    || name.StartsWith "pruned"
    || name.Contains ">>> pruned"

/// Whatever the value: every entry varies that can, two seeds differ, and no sign is preferred where the space has both.
let private varies (subject: Subject) : Test =
    testCase subject.Name (fun () ->
        use _ = torch.NewDisposeScope()
        let value = subject.Value

        let shape =
            subject.Shapes
            |> Gen.sampleWithSeed (FsCheck.Rnd(3UL, 1UL)) 10 50
            |> Array.filter (fun shape -> Array.forall (fun size -> size > 1L) shape && Array.fold (*) 1L shape >= 6L)
            |> Array.minBy (Array.fold (*) 1L)
            |> Array.toList

        let many = 300

        let dtype =
            if List.contains torch.ScalarType.Float64 subject.Dtypes then
                torch.ScalarType.Float64
            else
                torch.ScalarType.ComplexFloat64

        let sample = drawn value shape dtype many
        let variances = sample.var ([| 0L |], true)
        Expect.isGreaterThan (number (variances.sum ())) 1e-6 "the variance"
        let isFixed = variances.lt (1e-12.ToScalar())
        let firsts = sample.select (0L, 0L)
        // Entries that never vary are zero: under a mask, or off the diagonal.
        if not (constants subject.Name) then
            Expect.isLessThan (Measures.largest (firsts * isFixed.``to`` firsts.dtype)) 1e-12 "entries that never vary"

        // `positive >>> inverse` is excluded: its space is all tensors, but its samples are logarithms of positive ones only.
        if (Tree.space value.Tree).IsClosedUnder Closure.Negation && subject.Name <> "positive >>> inverse" then
            let scale = (variances + sample.mean([| 0L |]).abs().square()).sqrt() + 1e-12
            let share = sample.mean [| 0L |] / scale
            Expect.isLessThan (Measures.largest share) (5.0 / sqrt (float many)) "both signs")

let tests: Test =
    testList
        "samples"
        [
            testList "moments" (List.map hasMoments moments)
            testList
                "turned"
                [
                    for name in [ "cayley"; "matrixExp"; "orthogonal"; "matrixExp, no base"; "cayley, no base" ] do
                        isTurned (name, 1.0 / 4.0)
                    isTurned ("lipschitz", 6.25 / 7.0)
                ]
            testList "variety" (List.map varies Generators.Subjects.all)
        ]
