/// The laws on values of a user's own: what is right passes, and what is wrong is told by the law that is about it.
module Properties.Core.OwnValueTests

open System
open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open Properties.Core.WrongValues
open TorchSharp

let private shapes: int64 list list = [ [ 5L ]; [ 3L; 4L ]; [ 2L; 6L ] ]

let private options: LawOptions =
    { LawOptions.Default with
        Cases = 20
        Outside = Some(fun tensor -> tensor + (tensor.abs().max() + 1.0) * 0.5)
    }

let private valueOf (mistake: Mistake) : Parametrization = Parametrization.ofNode (Rowwise mistake)

let private lawsOf (mistake: Mistake) : ValueLaw list =
    let again () = valueOf mistake
    Laws.forWith { options with Again = Some again } (valueOf mistake) shapes

/// How a value that is wrong in this way breaks the law.
let private broken (name: string) (mistake: Mistake) : LawBrokenException =
    let law = lawsOf mistake |> List.find (fun law -> law.Name = name)

    try
        law.Check()
        failtest $"{mistake} passes `{name}`"
    with :? LawBrokenException as error ->
        error

/// Which law is about which mistake, and the least shape that shows it.
let private expected: (Mistake * string * int64 list) list =
    [
        Mistake.InverseOffByFactor, "forward undoes the right inverse", [ 2L ]
        Mistake.InverseMissesAnEntry, "forward undoes the right inverse", [ 2L ]
        Mistake.MapLeavesSpace, "forward lands inside", [ 1L ]
        Mistake.ProjectionStaysOutside, "project is idempotent, inside, identity inside", [ 1L ]
        Mistake.ProjectionElsewhere, "initializeNearest starts at the projection", [ 2L ]
        Mistake.SampleIgnoresSeed, "samples lie inside and repeat", [ 2L ]
        Mistake.AcceptsEverything, "right inverse refuses what contains refuses", [ 1L ]
        Mistake.AcceptsEverything, "near misses are refused", [ 1L ]
        Mistake.RefusesLargeOnes, "forward lands inside", [ 2L ]
        Mistake.ForgetsGradient, "gradients and their gradients equal finite differences", [ 1L ]
        Mistake.HasNoGradient, "what is registered can be trained", []
        Mistake.IsRandom, "noise is in training only", [ 2L ]
        Mistake.MixesBatch, "a batch equals the loop over its elements", [ 2L; 2L ]
        Mistake.RoundsOnTheWay, "forward undoes the right inverse", [ 2L ]
        Mistake.DimensionOffByOne, "the dimension of a space is the rank of the derivative", [ 1L ]
        Mistake.LeaksTensor, "nothing leaks", [ 1L ]
        Mistake.ChangesArgument, "arguments stay as they are", [ 2L ]
        Mistake.NeverEqual, "equal values print alike, different ones do not", [ 1L ]
    ]

let private withoutBatch (shape: int64[]) : int64 list = shape |> List.ofArray |> List.skipWhile ((=) 1L)

let tests: Test =
    testList
        "own values"
        [
            testCase "what is right passes, and is specified" (fun () ->
                lawsOf Mistake.Nothing |> List.iter _.Check()
                let specification = Laws.specificationWith options (valueOf Mistake.Nothing) shapes
                Expect.isFalse (specification.Contains "broken") specification
                Expect.stringContains specification "Random samples are allowed" "a sentence"
                Expect.stringContains specification "holds in 20 cases" "what was found"
                Expect.stringContains specification "does not apply: it needs " "bijections")
            testCase "laws of small tensors do not apply where all are large" (fun () ->
                let tried = { LawOptions.Default with Cases = 1 }
                let complex = { tried with ElementTypes = Some [ torch.ScalarType.ComplexFloat64 ] }

                for options, value, shape in
                    [
                        tried, orthogonalWithoutBase OrthogonalMap.MatrixExp, [ 6L; 6L ]
                        tried, spd, [ 5L; 5L ]
                        // Nor where gradients do not move the phase.
                        complex, spectralNorm, [ 3L; 3L ]
                    ] do
                    let laws = Laws.forWith options value [ shape ]
                    Expect.isFalse (laws |> List.exists _.Name.Contains("the rank of the derivative")) $"{value}"
                    laws |> List.iter _.Check())
            for mistake, law, shape in expected do
                testCase $"{mistake} breaks `{law}`" (fun () ->
                    let error = broken law mistake
                    let shape = List.skipWhile ((=) 1L) shape
                    Expect.equal error.Law law "the law"
                    Expect.stringContains (string error.Value) (string mistake) "the value"
                    Expect.equal (withoutBatch error.Case.Shape) shape $"the shape of {error.Case}"
                    Expect.equal error.Case.Dtype torch.ScalarType.Float64 "the element type"
                    Expect.equal error.Case.Scale (if mistake = Mistake.RefusesLargeOnes then 1e3 else 1.0) "the scale"
                    Expect.equal error.Case.Seed 0UL "the seed"
                    Expect.stringContains error.Message (string error.Case) "the case"
                    Expect.stringContains error.Message error.Faults[0] "what is wrong"
                    Expect.equal (string (lawsOf mistake).Head) (lawsOf mistake).Head.Name "printed as its name")
            testCase "a wrong volume breaks the law of volumes" (fun () ->
                let options = { LawOptions.Default with Cases = 5; Scales = [ 0.1; 1.0 ] }

                let law (mistake: Mistake) =
                    Laws.forWith options (Parametrization.ofNode (Exponential mistake)) [ [ 3L ] ]
                    |> List.find (fun law -> law.Name = "a volume in closed form is that of the derivative")

                (law Mistake.Nothing).Check()

                match (law Mistake.VolumeOff).Verdict() with
                | Verdict.IsBroken error ->
                    Expect.equal error.Case.Shape [| 1L |] "the shape"
                    Expect.floatClose Accuracy.medium error.Residual 0.001 "the residual"
                | _ -> failtest "a wrong volume passes")
            testCase "a residual is told against its limit" (fun () ->
                let error = broken "initializeNearest starts at the projection" Mistake.ProjectionElsewhere
                Expect.isGreaterThan error.Residual 0.01 "the residual"
                Expect.isLessThan error.Limit 1e-12 "the limit"
                let leak = broken "nothing leaks" Mistake.LeaksTensor
                Expect.isTrue (Double.IsNaN leak.Residual) "no matter of size")
            testCase "all that is broken is told together" (fun () ->
                let error =
                    try
                        Laws.checkWith { options with Cases = 5 } (valueOf Mistake.InverseOffByFactor) shapes
                        failtest "nothing is broken"
                    with :? LawsBrokenException as error ->
                        error

                Expect.isGreaterThan error.Broken.Count 10 "laws"

                for broken in error.Broken do
                    Expect.stringContains error.Message broken.Law "each is named")
            testCase "what makes no sense is refused" (fun () ->
                let value = valueOf Mistake.Nothing

                let refused options shapes =
                    Expect.throwsT<ArgumentException> (fun () -> Laws.forWith options value shapes |> ignore) "refused"

                refused options []
                refused options [ [ 3L; 0L ] ]
                refused options [ [] ]
                refused { options with Cases = 0 } shapes
                refused { options with Scales = [] } shapes
                refused { options with ElementTypes = Some [] } shapes
                refused { options with ElementTypes = Some [ torch.ScalarType.ComplexFloat64 ] } shapes
                refused { options with Devices = Some [] } shapes)
            testCase "shapes that are too large for some laws" (fun () ->
                let names = Laws.``for`` (valueOf Mistake.Nothing) [ [ 30L; 40L ] ] |> List.map _.Name

                Expect.isFalse
                    (List.contains "the dimension of a space is the rank of the derivative" names)
                    "too large")
            testCase "single precision only" (fun () ->
                let options = { options with ElementTypes = Some [ torch.ScalarType.Float32 ]; Cases = 5 }
                Laws.checkWith options (valueOf Mistake.Nothing) shapes)
        ]
