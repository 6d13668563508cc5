/// The reference cases that the repository carries, one test each.
module Properties.Core.Golden.GoldenTests

open System
open System.IO
open Expecto

let private file: string = Path.Combine(AppContext.BaseDirectory, "golden", "pytorch.json")

let private testOf (case: GoldenFile.Case) : Test =
    testCase case.Title (fun () ->
        match case.Verdict.Value with
        | Verdict.Skipped reason -> skiptest reason
        | Verdict.Unreadable reason -> failtest reason
        | Verdict.Compared comparisons ->
            Expect.isNonEmpty comparisons "nothing was compared"

            for comparison in comparisons do
                Expect.isLessThanOrEqual comparison.Off Comparison.allowed comparison.What)

let tests: Test =
    match GoldenFile.load file with
    | Ok cases -> testList "golden" (List.map testOf cases)
    | Error reason -> testCase "golden file" (fun () -> failtest reason)
