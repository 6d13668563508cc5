namespace Parametrize

open Parametrize.Values

/// Matrices with orthonormal columns or rows.
[<RequireQualifiedAccess>]
module internal OrthogonalHeads =

    let private orthogonalMap =
        Argument.symbol
            [
                "OrthogonalMap.Cayley", OrthogonalMap.Cayley
                "OrthogonalMap.MatrixExp", OrthogonalMap.MatrixExp
                "OrthogonalMap.Householder", OrthogonalMap.Householder
                "OrthogonalMap.Default", OrthogonalMap.Default
            ]

    let private almostOrthogonalMap =
        Argument.symbol
            [
                "AlmostOrthogonalMap.Sine", AlmostOrthogonalMap.Sine
                "AlmostOrthogonalMap.Tanh", AlmostOrthogonalMap.Tanh
                "AlmostOrthogonalMap.Sigmoid", AlmostOrthogonalMap.Sigmoid
            ]

    let private rows: Argument<float list list> = Argument.items (Argument.items Argument.number)
    let private metric = [ [ 2.0; 0.5; 0.0 ]; [ 0.5; 1.0; -0.25 ]; [ 0.0; -0.25; 1.5 ] ]

    let all () : Head list =
        [
            plain "cayley" "Cayley()" cayley
            plain "matrixExp" "MatrixExp()" matrixExp
            plain "householder" "Householder()" householder
            plain "orthogonal" "Orthogonal()" orthogonal
            of1
                "orthogonalWithoutBase"
                "Orthogonal({0}, trivialized: false)"
                orthogonalMap
                orthogonalWithoutBase
                [
                    "cayley, no base", OrthogonalMap.Cayley
                    "matrixExp, no base", OrthogonalMap.MatrixExp
                    "householder, no base", OrthogonalMap.Householder
                    "orthogonal, no base", OrthogonalMap.Default
                ]
            plain "specialOrthogonal" "SpecialOrthogonal" specialOrthogonal
            plain "unitary" "Unitary" unitary
            plain "specialUnitary" "SpecialUnitary" specialUnitary
            plain "polar" "Polar" polar
            of1 "bjorck" "Bjorck({0})" Argument.integer bjorck [ "bjorck", 2 ]
            plain "grassmann" "Grassmann" grassmann
            of1 "inMetric" "InMetric({0})" rows inMetric [ "inMetric", metric ]
            of1 "generalizedStiefel" "GeneralizedStiefel({0})" rows generalizedStiefel [ "generalizedStiefel", metric ]
            of2 "almostOrthogonal" "AlmostOrthogonal({0}, {1})" Argument.number almostOrthogonalMap almostOrthogonal []
            head
                "almostOrthogonalOf"
                "Parametrizations.AlmostOrthogonalOf({0}, {1}, {2})"
                (fun value ->
                    Argument.three Argument.number almostOrthogonalMap (Argument.items value) almostOrthogonalOf)
                [
                    "almostOrthogonal", almostOrthogonal 0.5 AlmostOrthogonalMap.Sine
                    "almostOrthogonal, tanh", almostOrthogonal 0.1 AlmostOrthogonalMap.Tanh
                ]
        ]
