/// Texts in which a number goes on where it has ended, and numbers as they are written.
module Properties.Core.Values.NumberTextTests

open System
open Expecto
open Parametrize

/// Numbers of each kind, with a name that takes one of that kind.
let private literals: (string * string) list =
    [
        for number in [ "1.0"; "-1.0"; "0.5"; "1E5"; "1e5"; "2.5E+10"; "2.5E-10"; "-3e-2"; "-infinity" ] do
            "scale", number
        for number in [ "0"; "1"; "-1"; "12" ] do
            "weightNorm", number
        for number in [ "1L"; "12L" ] do
            "lowRank", number
    ]

let private seeds: string list = [ "1UL"; "0UL"; "18446744073709551615UL" ]

let private isRefusedAt (position: int) (expected: string) (text: string) : unit =
    match Parametrization.parse text with
    | Ok value -> failtest $"'{text}' was read as {value}"
    | Error error ->
        Expect.equal error.Position position $"'{text}': the position"
        Expect.equal error.Expected expected $"'{text}': what was expected"

let private goesOn: Test =
    testCase "a number ends before letters and points" (fun () ->
        let expected = "a space or the end of the number"

        for head, number in literals do
            let text = $"{head} {number}"

            for rest in [ "x"; "_"; "F"; "l"; "u" ] do
                isRefusedAt text.Length expected (text + rest)

            // A whole number goes on with its digits.
            if number.Contains '.' || number.Contains 'L' || number.Contains 'e' || number.Contains 'E' then
                for rest in [ "."; ".5"; ".0 >>> skew" ] do
                    isRefusedAt text.Length expected (text + rest)

        for seed in seeds do
            let text = $"pruned (Pruning.Bernoulli(0.5, {seed}"

            for rest in [ "x))"; ".))"; ".5))"; "L))" ] do
                isRefusedAt text.Length expected (text + rest))

let private ends: Test =
    testCase "a number ends at brackets and white space" (fun () ->
        for head, number in literals do
            for text in [ $"{head} ({number})"; $"( {head}\t{number} )"; $"{head} {number}\n"; $"[{number}]" ] do
                match Parametrization.parse text, text[0] with
                | Ok _, _ -> ()
                | Error error, '[' -> Expect.equal error.Position 0 $"'{text}': a list is no value"
                | Error error, _ ->
                    Expect.stringContains error.Expected "another argument of" $"'{text}': the number is read"

        for seed in seeds do
            match Parametrization.parse $"pruned (Pruning.Bernoulli(0.5,{seed}))" with
            | Ok value -> Expect.stringContains value.Code $"0.5, {seed}" "the seed"
            | Error error -> failtest $"{error}")

/// As F# types them: with a point or an exponent, which makes them no whole numbers.
let private asTyped: Test =
    testCase "numbers print as they are read" (fun () ->
        let random = Random 3

        let numbers =
            [
                for power in -320.0 .. 13.0..308.0 do
                    for digits in [ 1.0; 1.5; 7.0; 1.0 / 3.0 ] do
                        digits * 10.0 ** power
                for _ in 1..200 do
                    BitConverter.Int64BitsToDouble(random.NextInt64())
            ]
            |> List.filter (fun number -> Double.IsFinite number && number > 0.0)

        for number in numbers do
            for number in [ number; -number ] do
                let text = FSharpText.float number
                Expect.isTrue (text.Contains '.' || text.Contains 'E') $"{text} is no whole number"
                Expect.isFalse (text.Contains 'E' && text.EndsWith ".0") $"{text} has no point behind its exponent"

                match Parametrization.parse $"shift ({text})" with
                | Ok value -> Expect.equal value.Description (Code.Call("shift", [ Code.Float number ])) text
                | Error error -> failtest $"{error}")

/// The first argument that is missing or too much is told where it is.
let private places: (string * int * string) list =
    let granularity = "a granularity such as (Granularity.Channel 0)"
    let schemes = "QuantizationScheme.Symmetric or QuantizationScheme.Affine"

    [
        "fakeQuantized", 13, "a whole number such as 1"
        "fakeQuantized 8", 15, schemes
        "fakeQuantized 8 QuantizationScheme.Affine", 41, granularity
        "fakeQuantized 8 QuantizationScheme.Affine ", 41, granularity
        "fakeQuantized 8.0 QuantizationScheme.Affine", 14, "a whole number such as 1"
        "fakeQuantized 8 1 Granularity.Tensor", 16, schemes
        "fakeQuantized 8 QuantizationScheme.Affine 1", 42, granularity
        "fakeQuantized 8 QuantizationScheme.Affine Granularity.Tensor 1", 61, "the end of the arguments"
        "fakeQuantized 8 QuantizationScheme.Afine Granularity.Tensor",
        16,
        $"{schemes} (did you mean QuantizationScheme.Affine?)"
        "lora 2L", 7, "a floating-point number such as 1.0"
        "lora 2L 4.0 skew", 12, "the end of the arguments"
        "lora 2 4.0", 5, "a whole number such as 1L (write 2L)"
        "skew >>> (sphere)", 16, "a floating-point number such as 1.0"
        "cayley >>> skew",
        11,
        "a value that fits (cayley >>> skew does not fit: cayley yields matrices with orthonormal columns or rows, but skew needs a space closed under setting entries to zero, or skew-symmetric matrices before it.)"
        "skew >>> cayley >>> positive >>> skew",
        33,
        "a value that fits (positive >>> skew does not fit: positive yields positive tensors, functions of matrices with orthonormal columns or rows, but skew needs a space closed under setting entries to zero, or skew-symmetric matrices before it.)"
    ]

let tests: Test =
    testList
        "texts of numbers"
        [
            goesOn
            ends
            asTyped
            for text, position, expected in places do
                testCase $"'{text}'" (fun () -> isRefusedAt position expected text)
        ]
