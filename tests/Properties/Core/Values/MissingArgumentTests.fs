/// A text that ends before all arguments of a value: what is expected next, and where.
module Properties.Core.Values.MissingArgumentTests

open Expecto
open Parametrize

let private number = "a floating-point number such as 1.0"
let private whole = "a whole number such as 1"
let private long = "a whole number such as 1L"
let private granularity = "a granularity such as (Granularity.Channel 0)"
let private value = "a value of the library such as skew"
let private maps = "AlmostOrthogonalMap.Sine or AlmostOrthogonalMap.Tanh or AlmostOrthogonalMap.Sigmoid"

/// Arguments one after the other, each with what is expected in its place.
let private cases: (string * (string * string) list) list =
    [
        "sphere", [ "2.0", number ]
        "bounded", [ "1.0", number; "2.0", number ]
        "banded", [ "1L", long; "2L", long ]
        "lora", [ "2L", long; "1.0", number ]
        "groupSparse", [ "2", whole; "4", whole ]
        "convolutionNorm", [ "[ 4L; 5L ]", $"a list of {long}"; "2.0", number ]
        "fakeQuantized",
        [
            "8", whole
            "QuantizationScheme.Affine", "QuantizationScheme.Symmetric or QuantizationScheme.Affine"
            "Granularity.Tensor", granularity
        ]
        "almostOrthogonalOf",
        [
            "0.5", number
            "AlmostOrthogonalMap.Tanh", maps
            "[ orthogonal; identity; orthogonal ]", $"a list of {value}"
        ]
        "kronecker", [ "(2L, 3L)", $"a pair of {long} and {long}"; "identity", value; "symmetric", value ]
        "where",
        [
            "(Mask.Parse \"1x1:gA==\")", "a mask such as (Mask.Parse \"2x4:8A==\")"
            "positive", value
            "identity", value
        ]
        "joined", [ "[ identity; identity ]", $"a list of {value}"; "(weightNorm 0)", value ]
        "slices", [ "0", whole; "[ (1L, positive) ]", $"a list of a pair of {long} and {value}" ]
    ]

let private isMissed (text: string) (expected: string) : unit =
    match Parametrization.parse text with
    | Ok read -> failtest $"'{text}' was read as {read}"
    | Error error ->
        Expect.equal error.Expected expected $"'{text}'"
        // Before the bracket of the last argument, if it has one.
        Expect.isGreaterThanOrEqual error.Position (text.TrimEnd(')').Length) $"'{text}': at its end"

let private misses (name: string, arguments: (string * string) list) : Test =
    testCase name (fun () ->
        for count in 0 .. arguments.Length - 1 do
            let given = arguments |> List.truncate count |> List.map fst
            isMissed (String.concat " " (name :: given)) (snd arguments[count])

        let all = String.concat " " (name :: List.map fst arguments)
        Expect.isOk (Parametrization.parse all) all

        match Parametrization.parse $"{all} 1.0" with
        | Ok read -> failtest $"{all} 1.0 was read as {read}"
        | Error error -> Expect.equal error.Expected "the end of the arguments" all)

/// Cases of options hold theirs in brackets.
let private heldMissed: Test =
    testCase "what cases hold" (fun () ->
        for text, expected in
            [
                "pruned (Pruning.Ln(Amount.Share 0.5, 1.0))", whole
                "pruned (Pruning.Ln(Amount.Share 0.5))", number
                "pruned (Pruning.RandomStructured(Amount.Share 0.5, 0))", "a seed such as 1UL"
                "pruned (Pruning.RandomStructured(Amount.Share 0.5))", whole
                "pruned (Pruning.Random(Amount.Share 0.5))", "a seed such as 1UL"
                "pruned (Pruning.Bernoulli(0.5))", "a seed such as 1UL"
                "pruned (Pruning.Groups(2))", whole
            ] do
            match Parametrization.parse text with
            | Ok read -> failtest $"'{text}' was read as {read}"
            | Error error -> Expect.equal error.Expected expected $"'{text}'")

let tests: Test = testList "missing arguments" (heldMissed :: List.map misses cases)
