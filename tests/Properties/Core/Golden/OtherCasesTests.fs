/// Cases as other files of the same kinds may have them, small enough to be computed by hand.
module Properties.Core.Golden.OtherCasesTests

open System.IO
open Expecto

let private verdicts (cases: string) : Verdict list =
    let path = Path.GetTempFileName()

    try
        File.WriteAllText(path, $"""{{ "dtype": "float64", "cases": [{cases}] }}""")

        match GoldenFile.load path with
        | Ok cases -> [ for case in cases -> case.Verdict.Value ]
        | Error reason -> failtest reason
    finally
        File.Delete path

let private agrees (name: string) (case: string) : Test =
    testCase name (fun () ->
        match verdicts case with
        | [ Verdict.Compared comparisons ] ->
            Expect.isNonEmpty comparisons "something was compared"

            for comparison in comparisons do
                Expect.isTrue (Comparison.agrees comparison) $"{comparison}"
        | other -> failtest $"{other}")

let private tensor (shape: string) (data: string) : string = $"""{{ "shape": {shape}, "data": {data} }}"""

let private originals (magnitude: string) (direction: string) : string =
    $"""{{ "parametrizations.weight.original0": {magnitude}, "parametrizations.weight.original1": {direction} }}"""

/// W = g v / |v| with |v| = 5.
let private weightNorm (dimension: string) (shape: string) (magnitudes: string) : string =
    let vector = tensor shape
    let magnitude = tensor magnitudes

    $"""{{ "kind": "weight_norm", "dim": {dimension}, "weight_before": {vector "[3, 4]"},
        "state_after_register": {originals (magnitude "[5]") (vector "[3, 4]")},
        "state": {originals (magnitude "[10]") (vector "[3, 4]")},
        "weight": {vector "[6, 8]"}, "grad_weight": {vector "[1, 0]"},
        "grads": {originals (magnitude "[0.6]") (vector "[1.28, -0.96]")} }}"""

/// One row of norm 5, whose singular vectors are known.
let private spectralNorm (layer: string) (options: string) (shape: string) : string =
    let matrix = tensor shape

    let buffers =
        $""" "parametrizations.weight.0._u": {tensor "[1]" "[1]"},
            "parametrizations.weight.0._v": {tensor "[2]" "[0.6, 0.8]"} """

    let step (training: string) =
        $"""{{ "training": {training}, "weight": {matrix "[0.6, 0.8]"},
            "grad_original": {matrix "[0.128, -0.096]"}, "state_after": {{ {buffers} }} }}"""

    $"""{{ "kind": "spectral_norm", "module": "{layer}", {options} "n_power_iterations": 2, "eps": 1e-12,
        "state": {{ "parametrizations.weight.original": {matrix "[3, 4]"}, {buffers} }},
        "grad_weight": {matrix "[1, 0]"}, "steps": [{step "false"}, {step "true"}] }}"""

/// The only orthogonal matrices of 1 x 1 are 1 and -1.
let private orthogonal (map: string) : string =
    let number (value: string) = tensor "[1, 1]" $"[{value}]"

    let state =
        $"""{{ "parametrizations.weight.original": {number "-1"}, "parametrizations.weight.0.base": {number "1"} }}"""

    $"""{{ "kind": "orthogonal", "map": {map}, "use_trivialization": true, "weight_before": {number "2"},
        "state_after_register": {state}, "weight_after_register": {number "1"}, "state": {state},
        "weight": {number "1"}, "grad_weight": {number "5"},
        "grads": {{ "parametrizations.weight.original": {number "0"} }},
        "assigned": {number "-3"}, "weight_after_assign": {number "-1"} }}"""

let private pruned (kind: string) (options: string) (mask: string) : string =
    $"""{{ "kind": "{kind}", {options} "weight_before": {tensor "[4, 2]" "[1, 1, 2, 2, -3, 3, 4, 4]"},
        "mask": {tensor "[4, 2]" mask} }}"""

let tests: Test =
    testList
        "golden, other cases"
        [
            agrees "weight norm of a dimension" (weightNorm "0" "[1, 2]" "[1, 1]")
            agrees "weight norm of a dimension from the end" (weightNorm "-2" "[1, 2]" "[1, 1]")
            agrees "weight norm without a dimension" (weightNorm "null" "[2]" "[]")
            agrees "weight norm of dimension -1, which is none in PyTorch" (weightNorm "-1" "[2, 1]" "[]")
            agrees "spectral norm of the first dimension" (spectralNorm "Linear(2,1)" "" "[1, 2]")
            agrees "spectral norm of a given dimension" (spectralNorm "Linear(1,2)" "\"dim\": 1," "[2, 1]")
            agrees "spectral norm of no given dimension" (spectralNorm "Linear(2,1)" "\"dim\": null," "[1, 2]")
            agrees "spectral norm of a layer with its module" (spectralNorm "nn.ConvTranspose1d(2,1,1)" "" "[2, 1, 1]")
            agrees "orthogonal, assigned what PyTorch projects" (orthogonal "\"cayley\"")
            agrees "orthogonal by the default map" (orthogonal "null")
            agrees "no amount" (pruned "l1_unstructured" "\"amount\": 0," "[1, 1, 1, 1, 1, 1, 1, 1]")
            agrees "all of it" (pruned "l1_unstructured" "\"amount\": 1.0," "[0, 0, 0, 0, 0, 0, 0, 0]")
            agrees
                "channels twice"
                (pruned "ln_structured twice" "\"amount\": 0.5, \"n\": \"fro\", \"dim\": -2," "[0, 0, 0, 0, 0, 0, 1, 1]")
        ]
