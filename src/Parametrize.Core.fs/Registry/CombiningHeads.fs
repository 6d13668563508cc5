namespace Parametrize

open Parametrize.Values

/// Values that are made of others.
[<RequireQualifiedAccess>]
module internal CombiningHeads =

    let private lower = Triangle.Lower
    let private upper = Triangle.Upper

    let all () : Head list =
        [
            head
                "onKernel"
                "Parametrizations.OnKernel({0})"
                (fun value -> Argument.one value onKernel)
                [
                    "orthogonal on kernels", onKernel orthogonal
                    "pruned on kernels", onKernel (pruned (Pruning.Groups(2, 4)))
                    "skew >>> cayley on kernels", onKernel (skew >>> cayley)
                ]
            head
                "transposed"
                "{0}.Transposed()"
                (fun value -> Argument.one value transposed)
                [ "triangular, transposed", transposed (triangular lower) ]
            of1 "scale" "Scale({0})" Argument.number scale [ "scale", -2.5 ]
            of1 "shift" "Shift({0})" Argument.number shift [ "shift", 0.5 ]
            plain "matrixExponential" "MatrixExponential" matrixExponential
            head
                "inverse"
                "{0}.Inverse()"
                (fun value -> Argument.one value inverse)
                [ "positive >>> inverse", positive >>> inverse (positive >>> scale 0.5) ]
            several
                "sum"
                "Sum({0})"
                sum
                [
                    "sum, low rank", sum [ identity; lowRank 2L ]
                    "sum, orthogonal", sum [ orthogonal; identity; symmetric ]
                ]
            several
                "product"
                "Product({0})"
                product
                [
                    "product, orthogonal", product [ orthogonal; identity; cayley ]
                    "product, triangular", product [ unitTriangular lower; identity; spd ]
                ]
            several
                "blockDiagonal"
                "BlockDiagonal({0})"
                blockDiagonal
                [
                    "blockDiagonal, orthogonal", blockDiagonal [ orthogonal; cayley ]
                    "blockDiagonal, mixed", blockDiagonal [ skew; identity; triangular upper ]
                ]
            head
                "slices"
                "Parametrizations.Slices({0}, {1})"
                (fun value -> Argument.two Argument.integer (Argument.items (Argument.pair Argument.long value)) slices)
                [
                    "slices, gates", slices -2 [ 2L, orthogonal; 2L, skew; 2L, identity ]
                    "slices, rows", slices 0 [ 2L, positive; 1L, sphere 1.0 ]
                ]
            head
                "where"
                "Parametrizations.Where({0}, {1}, {2})"
                (fun value -> Argument.three mask value value where)
                [ "where", where checkered positive (bounded -1.0 3.0) ]
            head
                "svd"
                "Parametrizations.Svd({0}, {1})"
                (fun value -> Argument.two Argument.long (Argument.items value) svd)
                [ "lowRank", lowRank 2L; "fixedRank", fixedRank 2L ]
            several "svdFull" "SvdFull({0})" svdFull []
            of1 "lowRank" "LowRank({0})" Argument.long lowRank []
            of1 "fixedRank" "FixedRank({0})" Argument.long fixedRank []
            head
                "joined"
                "Parametrizations.Joined({1}, {0})"
                (fun value -> Argument.two (Argument.items value) value joined)
                [ "joined", joined [ scale 2.0; shift 0.5 ] (weightNorm 0) ]
        ]
