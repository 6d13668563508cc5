/// Files that are not as they should be are reported, never crashed on.
module Properties.Core.Golden.MalformedTests

open System.IO
open Expecto

let private loading (content: string) : Result<GoldenFile.Case list, string> =
    let path = Path.GetTempFileName()

    try
        File.WriteAllText(path, content)
        GoldenFile.load path
    finally
        File.Delete path

let private refused (name: string) (content: string) (words: string list) : Test =
    testCase name (fun () ->
        match loading content with
        | Ok cases -> failtest $"{cases.Length} cases were read"
        | Error reason -> words |> List.iter (fun word -> Expect.stringContains reason word "the reason"))

/// The file can be read and its only case cannot.
let private unreadable (name: string) (case: string) (words: string list) : Test =
    testCase name (fun () ->
        match loading $"""{{ "source": "test", "dtype": "float64", "cases": [{case}] }}""" with
        | Ok [ case ] ->
            match case.Verdict.Value with
            | Verdict.Unreadable reason ->
                words |> List.iter (fun word -> Expect.stringContains reason word "the reason")
            | verdict -> failtest $"{verdict}"
        | other -> failtest $"{other}")

let private weight (shape: string) (data: string) : string =
    $"""{{ "kind": "l1_unstructured", "amount": 1, "weight_before": {{ "shape": {shape}, "data": {data} }},
        "mask": {{ "shape": [2], "data": [0, 1] }} }}"""

let tests: Test =
    testList
        "golden, malformed"
        [
            refused "no JSON" "cases: none" [ "not JSON" ]
            refused "no object" "[1]" [ "file"; "Object" ]
            refused "no cases" """{ "dtype": "float64" }""" [ "'cases' is missing" ]
            refused "another precision" """{ "dtype": "float32", "cases": [] }""" [ "float64"; "float32" ]
            testCase "no file" (fun () -> Expect.isError (GoldenFile.load "no/such/file.json") "a missing file")
            unreadable "no kind" """{ "shape": [2] }""" [ "cases[0]"; "'kind' is missing" ]
            unreadable "unknown kind" """{ "kind": "fourier" }""" [ "unknown kind 'fourier'" ]
            unreadable "no case" "7" [ "cases[0]"; "Object" ]
            unreadable "missing tensor" """{ "kind": "weight_norm", "dim": 0 }""" [ "'weight_before' is missing" ]
            unreadable "wrong size" (weight "[3]" "[1, 2]") [ "weight_before"; "[3]"; "2 entries" ]
            unreadable "negative size" (weight "[-1]" "[]") [ "negative" ]
            unreadable "a word for a number" (weight "[2]" """[1, "two"]""") [ "data[1]"; "'two'" ]
            unreadable "a fractional size" (weight "[1.5]" "[1]") [ "shape[0]"; "whole" ]
            unreadable
                "unknown map"
                """{ "kind": "orthogonal", "map": "givens", "use_trivialization": true }"""
                [ "map"; "'givens'" ]
            unreadable
                "a base of another shape"
                """{ "kind": "orthogonal", "map": "cayley", "use_trivialization": true,
                    "weight": { "shape": [2, 1], "data": [1, 0] },
                    "state": {
                        "parametrizations.weight.original": { "shape": [2, 1], "data": [1, 0] },
                        "parametrizations.weight.0.base": { "shape": [1, 1], "data": [1] } } }"""
                [ "0.base"; "[2, 2]"; "[1, 1]" ]
            unreadable
                "unknown layer"
                """{ "kind": "model", "layers": ["relu", "a: Fourier(2)"], "state_dict": {},
                    "input": { "shape": [0], "data": [] }, "output": { "shape": [0], "data": [] } }"""
                [ "layers[1]"; "'a: Fourier(2)'"; "no layer 'Fourier'" ]
            testCase "a wrong value disagrees" (fun () ->
                let case = weight "[2]" "[1, 2]"
                let wrong = case.Replace("[0, 1]", "[1, 0]")

                match loading $"""{{ "dtype": "float64", "cases": [{case}, {wrong}] }}""" with
                | Ok [ right; wrong ] ->
                    let agrees (case: GoldenFile.Case) =
                        match case.Verdict.Value with
                        | Verdict.Compared comparisons -> List.forall Comparison.agrees comparisons
                        | _ -> false

                    Expect.isTrue (agrees right) "the right mask"
                    Expect.isFalse (agrees wrong) "the wrong mask"
                | other -> failtest $"{other}")
        ]
