namespace Parametrize

open Parametrize.Values

/// Weights as training uses them in practice: rounded, normalised, noisy.
[<RequireQualifiedAccess>]
module internal PracticeHeads =

    let private granularity =
        Argument.case
            "a granularity such as (Granularity.Channel 0)"
            [
                "Granularity.Tensor", Argument.none Granularity.Tensor
                "Granularity.Channel", Argument.one Argument.integer Granularity.Channel
            ]

    let private scheme =
        Argument.symbol
            [
                "QuantizationScheme.Symmetric", QuantizationScheme.Symmetric
                "QuantizationScheme.Affine", QuantizationScheme.Affine
            ]

    let all () : Head list =
        [
            head
                "fakeQuantized"
                "Parametrizations.FakeQuantized({0}, {1}, {2})"
                (fun _ -> Argument.three Argument.integer scheme granularity fakeQuantized)
                [
                    "fakeQuantized", fakeQuantized 8 QuantizationScheme.Symmetric (Granularity.Channel 0)
                    "fakeQuantized, affine", fakeQuantized 4 QuantizationScheme.Affine Granularity.Tensor
                ]
            of1 "binary" "Binary({0})" granularity binary [ "binary", Granularity.Channel 0 ]
            of1 "ternary" "Ternary({0})" granularity ternary [ "ternary", Granularity.Tensor ]
        ]
