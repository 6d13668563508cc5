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
        ]
