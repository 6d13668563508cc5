/// Runs laws on random cases and says which case broke.
module Properties.Core.LawSuite

open System
open System.Text
open Expecto
open FsCheck
open FsCheck.FSharp
open Properties.Core.Laws

let laws: Law list =
    [
        Membership.laws
        Inverses.laws
        Gradients.laws
        Forms.laws
        Algebra.laws
        Resources.laws
        Dimensions.laws
        Volumes.laws
        Carrying.laws
        Orthogonality.laws
    ]
    |> List.concat
    |> List.sortBy (fun law -> int (law.Number.TrimEnd([| 'a' .. 'z' |])), law.Number)

let subjects: Subject list = Generators.subjects @ Extensions.subjects

/// A number from the environment, or its default.
let private setting (name: string) (byDefault: int) : int =
    match Int32.TryParse(Environment.GetEnvironmentVariable name) with
    | true, number -> number
    | _ -> byDefault

/// All randomness comes from this number and the names of law and value.
let seed: int = setting "PARAMETRIZE_SEED" 20260101

let casesEach: int = setting "PARAMETRIZE_CASES" 100

let title (law: Law) (subject: Subject) : string = $"{law.Number} {law.Name} / {subject.Name}"

let private seedOf (name: string) : uint64 =
    Encoding.UTF8.GetBytes name
    |> Array.fold (fun state next -> (state ^^^ uint64 next) * 1099511628211UL) (14695981039346656037UL + uint64 seed)

/// How many cases passed, or what is wrong with which.
let run (law: Law) (subject: Subject) : Result<int, string> =
    let mutable tried = 0
    let mutable broken: (Case * Faults) option = None

    let holds (case: Case) =
        tried <- tried + 1

        match Law.faults law subject case with
        | [] -> true
        | faults ->
            broken <- Some(case, faults)
            false

    let config =
        Config.Quick
            .WithMaxTest(casesEach)
            .WithReplay(Some { Rnd = Rnd(seedOf (title law subject), 1UL); Size = None })
            .WithRunner(
                { new IRunner with
                    member _.OnStartFixture _ = ()
                    member _.OnArguments(_, _, _) = ()
                    member _.OnShrink(_, _) = ()
                    member _.OnFinished(_, _) = ()
                }
            )

    Check.One(config, Prop.forAll (Arb.fromGen (law.Cases subject)) holds)

    match broken with
    | None -> Ok tried
    | Some(case, faults) ->
        let faults = String.concat "\n  " faults

        Error
            $"{subject.Value} breaks the law `{law.Name}` in case {tried} of {casesEach}:\n  {case}\n  {faults}\n\
              Again: PARAMETRIZE_SEED={seed} PARAMETRIZE_CASES={casesEach}"

let testOf (law: Law) (subject: Subject) : Test =
    testCase (title law subject) (fun () ->
        match run law subject with
        | Ok _ -> ()
        | Error message -> failtest message)

let tests: Test =
    testList
        "laws"
        [
            for law in laws do
                for subject in subjects do
                    if law.Applies subject then
                        testOf law subject
        ]

let coverage: Test =
    testList
        "generators"
        [
            testCase "every catalogue entry has a generator line" (fun () ->
                Expect.isEmpty Generators.missing "entries without a line in Generators.fs")
            testCase "every generator line has a catalogue entry" (fun () ->
                Expect.isEmpty Generators.superfluous "lines without an entry in Catalogue.fs")
            testCase "names are unique" (fun () ->
                let names = Parametrize.Catalogue.entries |> List.map _.Name
                Expect.equal (List.distinct names) names "catalogue names")
            testCase "no two values are equal or print alike" (fun () ->
                let values = Parametrize.Catalogue.entries |> List.map _.Value
                let count = values.Length
                Expect.hasLength (List.distinct values) count "distinct values"
                Expect.hasLength (values |> List.map string |> List.distinct) count "distinct codes")
        ]
