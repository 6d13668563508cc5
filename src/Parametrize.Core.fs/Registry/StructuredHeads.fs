namespace Parametrize

open Parametrize.Values

/// Matrices by their entries.
[<RequireQualifiedAccess>]
module internal StructuredHeads =

    let private triangle =
        Argument.symbol [ "Triangle.Lower", Triangle.Lower; "Triangle.Upper", Triangle.Upper ]

    let private numbers: Argument<float list> = Argument.items Argument.number

    let private lower = Triangle.Lower
    let private upper = Triangle.Upper

    let all () : Head list =
        [
            plain "identity" "Identity" identity
            plain "symmetric" "Symmetric" symmetric
            of1 "symmetricFrom" "SymmetricFrom({0})" triangle symmetricFrom [ "symmetric, lower", lower ]
            plain "hermitian" "Hermitian" hermitian
            of1 "hermitianFrom" "HermitianFrom({0})" triangle hermitianFrom [ "hermitian, lower", lower ]
            plain "skew" "Skew" skew
            of1 "skewFrom" "SkewFrom({0})" triangle skewFrom [ "skew, lower", lower ]
            plain "skewHermitian" "SkewHermitian" skewHermitian
            of1
                "skewHermitianFrom"
                "SkewHermitianFrom({0})"
                triangle
                skewHermitianFrom
                [ "skewHermitian, lower", lower ]
            of1
                "triangular"
                "Triangular({0})"
                triangle
                triangular
                [ "triangular, lower", lower; "triangular, upper", upper ]
            of1
                "unitTriangular"
                "Triangular({0}, unitDiagonal: true)"
                triangle
                unitTriangular
                [ "unitTriangular, lower", lower; "unitTriangular, upper", upper ]
            plain "diagonal" "Diagonal" diagonal
            of2 "banded" "Banded({0}, {1})" Argument.long Argument.long banded [ "banded", 1L, 2L ]
            plain "toeplitz" "Toeplitz" toeplitz
            plain "hankel" "Hankel" hankel
            plain "circulant" "Circulant" circulant
            plain "hamiltonian" "Hamiltonian" hamiltonian
            plain "symplectic" "Symplectic" symplectic
            head
                "kronecker"
                "Parametrizations.Kronecker({0}, {1}, {2})"
                (fun value -> Argument.three (Argument.pair Argument.long Argument.long) value value kronecker)
                [ "kronecker", kronecker (2L, 3L) identity identity ]
            plain "sumToZero" "SumToZero" sumToZero
            of2
                "linearlyConstrained"
                "LinearlyConstrained({0}, {1})"
                (Argument.items numbers)
                numbers
                linearlyConstrained
                [ "linearlyConstrained", [ [ 1.0; 1.0; 1.0; 1.0 ]; [ 1.0; -2.0; 0.0; 0.5 ] ], [ 2.0; -0.5 ] ]
        ]
