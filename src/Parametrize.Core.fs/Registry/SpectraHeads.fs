namespace Parametrize

open Parametrize.Values

/// Matrices by their spectra.
[<RequireQualifiedAccess>]
module internal SpectraHeads =

    let all () : Head list =
        [
            plain "spd" "Spd()" spd
            of1 "spdAbove" "Spd({0})" Argument.number spdAbove [ "spd, floor", 0.1 ]
            plain "invertible" "Invertible" invertible
        ]
