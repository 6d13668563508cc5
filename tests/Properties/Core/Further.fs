/// Values with other options, and wrappers around other kinds of values, than the catalogue shows: tried as its entries are.
module internal Properties.Core.Further

open FsCheck
open FsCheck.FSharp
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open TorchSharp
open Properties.Core.Ingredients

let private line name (build: unit -> Parametrization) (shapes: Gen<int64[]>) dtypes scales : Subject =
    {
        Name = name
        Value = build ()
        Rebuilt = build
        Shapes = shapes
        Dtypes = dtypes
        Scales = scales
        Devices = [ Case.device ]
        Reads = None
        Miss = None
        SmoothAtZero = false
        HalfLimit = 1.0
        Accuracy = fun scale -> 10.0 * max 1.0 (10.0 * scale)
        Ground = 4.0
    }

let private fixedShape (shape: int64 list) : Gen<int64[]> = Gen.constant (List.toArray shape)
let private atLeast (least: int64) : Gen<int64[]> = Gen.choose64 (least, 7L) |> Gen.arrayOfLength 2

let private symmetricMask =
    Mask.OfArray([| 3L; 3L |], [| true; false; true; false; true; true; true; true; false |])

let private mask = Mask.OfArray([| 2L; 3L |], [| true; false; true; true; true; false |])
let private moderateSizes = [ 0.01; 0.3; 1.0 ]

let private spectral dimension =
    spectralNormWith
        { SpectralNorm.defaults with
            Dimension = dimension
            Bound = 0.5
            Epsilon = 1e-6
        }

let subjects: Subject list =
    [
        line "spectralNorm, last of three" (fun () -> spectral 2) (fixedShape [ 2L; 3L; 4L ]) all everySize
        line "spectralNorm, from the end" (fun () -> spectral -2) (fixedShape [ 2L; 3L; 4L; 2L ]) all everySize
        line "weightNorm 2" (fun () -> weightNorm 2) (fixedShape [ 2L; 3L; 4L ]) all everySize
        line "weightNorm -2" (fun () -> weightNorm -2) (fixedShape [ 2L; 3L; 4L ]) all everySize
        for rank in [ 1L; 3L; 4L; 5L ] do
            line $"lowRank {rank}" (fun () -> lowRank rank) (atLeast rank) reals moderateSizes
        // Fewer rows than a block has columns: rotations of directions that no row has change nothing.
        line
            "oft 4"
            (fun () -> oft 4L)
            (Gen.elements [ [| 1L; 4L |]; [| 2L; 8L |]; [| 3L; 4L |]; [| 5L; 4L |] ])
            reals
            everySize
        line "banded 5 1" (fun () -> banded 5L 1L) (atLeast 1L) all everySize
        line "banded 1 5" (fun () -> banded 1L 5L) (atLeast 1L) all everySize
        // In 16 bits a third singular value of a thirtieth of the largest is rounding.
        { line "fixedRank 3" (fun () -> fixedRank 3L) (atLeast 3L) reals moderateSizes with
            HalfLimit = 0.3
        }
        line
            "product, several on either side"
            (fun () ->
                product [ orthogonal; unitTriangular Triangle.Lower; identity; cayley; unitTriangular Triangle.Upper ])
            (atLeast 2L)
            all
            moderateSizes
        line
            "blockDiagonal, three"
            (fun () -> blockDiagonal [ skew; cayley; identity ])
            (fixedShape [ 6L; 6L ])
            all
            moderateSizes
        line
            "slices of columns"
            (fun () -> slices -1 [ 2L, sphere 1.0; 1L, positive; 3L, identity ])
            (fixedShape [ 2L; 6L ])
            reals
            moderateSizes
        line
            "slices, carrying"
            (fun () -> slices 0 [ 2L, sphereExp 2.0; 3L, cayley; 1L, weightNorm 0 ])
            (fixedShape [ 6L; 3L ])
            all
            moderateSizes
        line
            "where, apart"
            (fun () -> where mask (bounded 2.0 3.0) (bounded -5.0 -4.0))
            (fixedShape [ 2L; 3L ])
            reals
            moderateSizes
        line
            "pruned behind bounds, on kernels"
            (fun () -> onKernel (bounded 2.0 3.0) >>> onKernel (pruned (Pruning.Random(Amount.Count 2L, 3UL))))
            (fixedShape [ 2L; 3L; 2L ])
            reals
            moderateSizes
        line
            "pruned behind bounds, transposed"
            (fun () -> transposed (bounded 2.0 infinity) >>> pruned (Pruning.Random(Amount.Count 2L, 3UL)))
            (fixedShape [ 2L; 3L ])
            reals
            moderateSizes
        line
            "almostOrthogonal, sigmoid"
            (fun () -> almostOrthogonal 0.5 AlmostOrthogonalMap.Sigmoid)
            (atLeast 1L)
            reals
            moderateSizes
        line "skew >>> spectralNorm" (fun () -> skew >>> spectralNorm) square all moderateSizes
        line "symmetric >>> hermitian" (fun () -> symmetric >>> hermitian) (fixedShape [ 4L; 4L ]) all moderateSizes
        line
            "symmetric >>> hermitian, lower"
            (fun () -> symmetric >>> hermitianFrom Triangle.Lower)
            (fixedShape [ 4L; 4L ])
            all
            moderateSizes
        line
            "symmetric >>> pruned"
            (fun () -> symmetric >>> pruned (Pruning.Custom symmetricMask))
            (fixedShape [ 3L; 3L ])
            all
            moderateSizes
        line
            "triangular, upper >>> pruned"
            (fun () -> triangular Triangle.Upper >>> pruned (Pruning.Bernoulli(0.5, 3UL)))
            (atLeast 2L)
            all
            moderateSizes
        line
            "diagonal >>> pruned"
            (fun () -> diagonal >>> pruned (Pruning.Bernoulli(0.5, 3UL)))
            (atLeast 2L)
            all
            moderateSizes
        line "spectralNorm on kernels" (fun () -> onKernel spectralNorm) (fixedShape [ 4L; 2L; 2L ]) all moderateSizes
        line "spectralNorm, transposed" (fun () -> transposed spectralNorm) (atLeast 2L) all moderateSizes
        line "scaled twice" (fun () -> scale -2.0 >>> shift 3.0 >>> scale 0.5) entries all moderateSizes
        line "fromBelow" (fun () -> positive >>> scale -2.0) entries reals moderateSizes
    ]
