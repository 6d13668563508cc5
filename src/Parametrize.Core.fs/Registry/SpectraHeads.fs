namespace Parametrize

open Parametrize.Values

/// Matrices by their spectra.
[<RequireQualifiedAccess>]
module internal SpectraHeads =

    let private spdMap =
        Argument.symbol
            [
                "SpdMap.Cholesky", SpdMap.Cholesky
                "SpdMap.Eigenvalues", SpdMap.Eigenvalues
                "SpdMap.Exponential", SpdMap.Exponential
            ]

    let all () : Head list =
        [
            plain "spd" "Spd()" spd
            of1 "spdAbove" "Spd({0})" Argument.number spdAbove [ "spd, floor", 0.1 ]
            of1 "spdBy" "SpdBy({0})" spdMap spdBy [ "spdBy", SpdMap.Eigenvalues ]
            of1 "spdWithTrace" "SpdWithTrace({0})" Argument.number spdWithTrace [ "spdWithTrace", 2.5 ]
            head
                "eigen"
                "Parametrizations.Eigen({0}, {1})"
                (fun value -> Argument.two Argument.long (Argument.items value) eigen)
                []
            several "eigenFull" "EigenFull({0})" eigenFull []
            plain "psd" "Psd" psd
            of1 "psdLowRank" "PsdLowRank({0})" Argument.long psdLowRank [ "psdLowRank", 2L ]
            of1 "psdFixedRank" "PsdFixedRank({0})" Argument.long psdFixedRank [ "psdFixedRank", 2L ]
            plain "correlation" "Correlation" correlation
            plain "correlationCholesky" "CorrelationCholesky" correlationCholesky
            of1 "lipschitz" "Lipschitz({0})" Argument.number lipschitz [ "lipschitz", 2.5 ]
            of1 "conditioned" "Conditioned({0})" Argument.number conditioned [ "conditioned", 4.0 ]
            several "schurForm" "SchurForm({0})" schurForm []
            of1 "hurwitzBlocks" "HurwitzBlocks({0})" Argument.number hurwitzBlocks [ "hurwitzBlocks", 0.5 ]
            of1 "hurwitz" "Hurwitz({0})" Argument.number hurwitz [ "hurwitz", 0.5 ]
            of1
                "schurStableBlocks"
                "SchurStableBlocks({0})"
                Argument.number
                schurStableBlocks
                [ "schurStableBlocks", 0.8 ]
            of1 "schurStable" "SchurStable({0})" Argument.number schurStable [ "schurStable", 0.8 ]
            plain "invertible" "Invertible" invertible
            plain "nonsingular" "Nonsingular" nonsingular
            plain "specialLinear" "SpecialLinear" specialLinear
            of1
                "spdWithDeterminant"
                "SpdWithDeterminant({0})"
                Argument.number
                spdWithDeterminant
                [ "spdWithDeterminant", 2.5 ]
        ]
