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
            of2
                "groupSparse"
                "GroupSparse({0}, {1})"
                Argument.integer
                Argument.integer
                groupSparse
                [ "groupSparse", 2, 4 ]
            of1
                "weightStandardized"
                "WeightStandardized({0})"
                Argument.integer
                weightStandardized
                [ "weightStandardized", 0 ]
            several "gain" "Gain({0})" gain []
            plain "sigmaReparametrized" "SigmaReparametrized" sigmaReparametrized
            plain "aol" "Aol" aol
            plain "aolConvolution" "AolConvolution" aolConvolution
            of2
                "convolutionNorm"
                "ConvolutionNorm({0}, {1})"
                (Argument.items Argument.long)
                Argument.number
                convolutionNorm
                [ "convolutionNorm", [ 4L; 5L ], 2.0 ]
            of1 "weightNoise" "WeightNoise({0})" Argument.number weightNoise [ "weightNoise", 0.1 ]
            of1 "weightDropout" "WeightDropout({0})" Argument.number weightDropout [ "weightDropout", 0.25 ]
        ]
