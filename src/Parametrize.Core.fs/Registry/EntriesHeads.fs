namespace Parametrize

open Parametrize.Values

/// Tensors by each entry or vector.
[<RequireQualifiedAccess>]
module internal EntriesHeads =

    let private positiveMap =
        Argument.symbol
            [
                "PositiveMap.Softplus", PositiveMap.Softplus
                "PositiveMap.Exp", PositiveMap.Exp
                "PositiveMap.Square", PositiveMap.Square
            ]

    let private simplexMap =
        Argument.symbol
            [
                "SimplexMap.IsometricLogRatio", SimplexMap.IsometricLogRatio
                "SimplexMap.StickBreaking", SimplexMap.StickBreaking
            ]

    let all () : Head list =
        [
            plain "positive" "Positive" positive
            of1
                "positiveBy"
                "PositiveBy({0})"
                positiveMap
                positiveBy
                [ "positive, exp", PositiveMap.Exp; "positive, square", PositiveMap.Square ]
            plain "simplex" "Simplex" simplex
            of1 "simplexBy" "SimplexBy({0})" simplexMap simplexBy [ "simplex, sticks", SimplexMap.StickBreaking ]
            plain "doublyStochastic" "DoublyStochastic" doublyStochastic
            of1 "boundedRatio" "BoundedRatio({0})" Argument.number boundedRatio [ "boundedRatio", 4.0 ]
            plain "ordered" "Ordered" ordered
            plain "positiveOrdered" "PositiveOrdered" positiveOrdered
            of2
                "bounded"
                "Bounded({0}, {1})"
                Argument.number
                Argument.number
                bounded
                [ "bounded", -1.0, 3.0; "bounded below", 0.1, infinity; "bounded above", -infinity, -0.5 ]
            // Other names of these, which print as `bounded`.
            of1 "above" "Above({0})" Argument.number above []
            of1 "below" "Below({0})" Argument.number below []
            { plain "unitInterval" "UnitInterval" unitInterval with Examples = [] }
        ]
