/// Batches in which exactly one element is not allowed, at every place.
module Properties.Core.Values.BatchTests

open Expecto
open FsCheck.FSharp
open Parametrize
open Parametrize.Laws
open Properties.Core
open TorchSharp

let private size = 5L

let private refusesOne (subject: Subject) (dtype: torch.ScalarType) (seed: int) : unit =
    use _ = torch.NewDisposeScope()
    let value = subject.Value
    let shapes = subject.Shapes |> Gen.sampleWithSeed (FsCheck.Rnd(uint64 seed, 1UL)) 10 20

    let shape =
        shapes |> Array.tryFind (Array.forall (fun size -> size > 1L)) |> Option.defaultValue shapes[0]

    let case =
        {
            Shape = Array.append [| size |] shape
            Dtype = dtype
            Scale = 1.0
            Seed = uint64 seed
            Device = Case.device
        }

    let good = Subject.sample 2UL subject case
    Expect.isOk (Parametrization.contains value good) $"{case}: all are allowed"

    match Parametrization.initialize value good with
    | Error error -> failtest $"{case}: {error}"
    | Ok parts ->
        for place in 0L .. size - 1L do
            let bad = good.clone ()
            let element = bad.select (0L, place)
            element.copy_ (subject.Miss.Value(element.clone ())) |> ignore
            Expect.isError (Parametrization.contains value bad) $"{case}: contains, bad at {place}"
            Expect.isError (Parametrization.initialize value bad) $"{case}: initialize, bad at {place}"
            Expect.isError (Parametrization.admits value parts bad) $"{case}: admits, bad at {place}"
            Expect.isError (Parametrization.rightInverse value parts bad) $"{case}: right inverse, bad at {place}"
            let projected = Parametrization.project value bad
            Expect.isOk (Parametrization.contains value projected) $"{case}: the projection, bad at {place}"

            let others =
                [|
                    for other in 0L .. size - 1L do
                        if other <> place then
                            other
                |]

            let kept (tensor: torch.Tensor) = tensor.index_select (0L, torch.tensor (others, device = tensor.device))
            let distance = Measures.apart (kept good) (kept projected)
            let allowed = Subject.slack subject case good
            Expect.isLessThanOrEqual distance allowed $"{case}: the others stay, bad at {place}"

let tests: Test =
    testList
        "one bad element"
        [
            for subject in Generators.Subjects.all do
                if Subject.isBatched subject && subject.Miss.IsSome then
                    testCase subject.Name (fun () ->
                        for dtype in subject.Dtypes do
                            if not (Form.isHalf dtype) then
                                for seed in 1..3 do
                                    refusesOne subject dtype seed)
        ]
