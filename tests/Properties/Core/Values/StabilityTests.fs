/// Projecting depends on the tensor, not on how rounding turns eigenvectors and singular vectors.
module Properties.Core.Values.StabilityTests

open Expecto
open FsCheck.FSharp
open Parametrize
open Parametrize.Laws
open Properties.Core
open TorchSharp

let private draws = 12

/// How far the projection goes when its argument goes by a billionth, for that of a random tensor; and how large it is.
let private moved (subject: Subject) (dtype: torch.ScalarType) (shape: int64[]) (seed: uint64) : float * float =
    use _ = torch.NewDisposeScope()

    let case = { Shape = shape; Dtype = dtype; Scale = 1.0; Seed = seed; Device = Case.device }

    let x = Case.unit 1UL case
    let project = Parametrization.project subject.Value
    let here, beside = project x, project (x + Case.unit 2UL case * 1e-9.ToScalar())
    Measures.apart here beside, 1.0 + Measures.largest here

let private stays (subject: Subject) : Test =
    testCase subject.Name (fun () ->
        for dtype in Subject.doubles subject do
            let shapes = subject.Shapes |> Gen.sampleWithSeed (FsCheck.Rnd(5UL, 1UL)) 10 draws

            let jumps =
                shapes
                |> Array.mapi (fun index shape -> shape, uint64 index, moved subject dtype shape (uint64 index))
                |> Array.filter (fun (_, _, (distance, size)) -> not (distance <= 1e-4 * size))

            for shape, seed, (distance, size) in jumps do
                printfn $"{Form.Shown shape}, {dtype}, seed {seed}: by {distance:g3} of {size:g3}"

            Expect.equal jumps.Length 0 $"projections of {dtype} that jump")

let tests: Test =
    testList
        "projections do not jump"
        [
            for subject in LawSuite.subjects do
                if Subject.hasRightInverse subject && Subject.hasDoubles subject then
                    stays subject
        ]
