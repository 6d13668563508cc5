/// Runs laws on random cases and says which case broke.
module internal Properties.Core.LawSuite

open System
open Expecto
open FsCheck
open FsCheck.FSharp
open Parametrize
open Parametrize.Laws
open TorchSharp

let subjects: Subject list = Generators.Subjects.all @ Further.subjects @ Extensions.subjects

/// A number from the environment, or its default.
let private setting (name: string) (byDefault: int) : int =
    match Int32.TryParse(Environment.GetEnvironmentVariable name) with
    | true, number -> number
    | _ -> byDefault

/// All randomness comes from this number and the names of law and value.
let seed: int = setting "PARAMETRIZE_SEED" 20260101

let casesEach: int = setting "PARAMETRIZE_CASES" 75

/// Laws of which one case is expensive: it takes derivatives, factorizations, every operation, or each element of a batch by
/// itself.
let private costly: Set<string> =
    set [ "5"; "6"; "6b"; "6c"; "7"; "10"; "10b"; "11"; "11b"; "11c"; "11d"; "11e"; "11f"; "13"; "13b" ]

let private settings (law: Law) (subject: Subject) : Running.Settings =
    let isCostly = costly.Contains law.Number || Generators.Subjects.isCostly subject
    let cases = if isCostly then casesEach * 2 / 5 else casesEach
    { Cases = max 1 cases; Seed = seed }

/// Runs with `meta` as the default device: a tensor that is made without a device then has no numbers, and breaks the law.
let private withoutDefaultDevice (run: unit -> 'a) : 'a =
    let before = torch.get_default_device ()
    torch.set_default_device torch.META

    try
        run ()
    finally
        torch.set_default_device before

/// How many cases passed, or which one did not.
let run (law: Law) (subject: Subject) : Result<int, Running.Broken> =
    withoutDefaultDevice (fun () -> Running.run (settings law subject) law subject)

let shown (law: Law) (subject: Subject) (broken: Running.Broken) : string =
    let error = LawBrokenException(law, subject.Value, broken, settings law subject)

    let trace =
        error.InnerException
        |> Option.ofObj
        |> Option.map (fun inner -> $"\n{inner.StackTrace}")
        |> Option.defaultValue ""

    $"{error.Message}{trace}\nAgain: PARAMETRIZE_SEED={seed} PARAMETRIZE_CASES={casesEach}"

let testOf (law: Law) (subject: Subject) : Test =
    testCase (Running.title law subject) (fun () ->
        match run law subject with
        | Ok _ -> ()
        | Error broken -> failtest (shown law subject broken))

/// The tests whose titles are asked for. Titles are checked first, because finding out whether a law applies takes a computation.
let tests (isAskedFor: string -> bool) : Test =
    testList
        "laws"
        [
            for law in Suite.laws do
                for subject in subjects do
                    if isAskedFor (Running.title law subject) && Law.applies law subject then
                        testOf law subject
        ]

let coverage: Test =
    testList
        "generators"
        [
            testCase "every catalogue entry has a generator line" (fun () ->
                Expect.equal Generators.Subjects.missing [] "entries without a line in Generators/")
            testCase "every generator line has a catalogue entry" (fun () ->
                Expect.equal Generators.Subjects.superfluous [] "lines without an entry in Catalogue.fs")
            testCase "every element type that a value accepts is tried" (fun () ->
                let accepts (subject: Subject) (dtype: torch.ScalarType) =
                    let shape = subject.Shapes |> Gen.sampleWithSeed (Rnd(1UL, 1UL)) 10 1 |> Array.head

                    Parametrization.parameterForms subject.Value { Shape = shape; Dtype = dtype; Device = torch.CPU }
                    |> Result.isOk

                let untried =
                    [
                        for subject in subjects do
                            for dtype in List.except subject.Dtypes Ingredients.all do
                                if accepts subject dtype then
                                    $"{subject.Name}, {dtype}"
                    ]

                Expect.equal untried [] "values that accept element types with which no law is tried")
            testCase "names are unique" (fun () ->
                let names = Parametrize.Catalogue.entries |> List.map _.Name
                Expect.equal (List.distinct names) names "catalogue names")
            testCase "no two values are equal or print alike" (fun () ->
                let values = Parametrize.Catalogue.entries |> List.map _.Value
                let count = values.Length
                Expect.hasLength (List.distinct values) count "distinct values"
                Expect.hasLength (values |> List.map string |> List.distinct) count "distinct codes")
        ]
