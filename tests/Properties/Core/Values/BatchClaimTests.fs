/// Whether `IsBatched` is true for values with other options: if it is, each tensor of a batch is computed as it would be alone.
module Properties.Core.Values.BatchClaimTests

open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open Properties.Core
open TorchSharp

let private wide = torch.ScalarType.Float64

/// They read vectors and yield matrices.
let private ofVectors: Parametrization list =
    [ circulant; toeplitz; hankel; correlation; correlationCholesky ]

/// Values whose dimension counts from the front or the back, whether they are batched, and a shape of one tensor.
let private cases: (Parametrization * bool * int64 list) list =
    [
        for dimension, isBatched in [ 0, false; 1, false; -1, true; -2, true ] do
            slices dimension [ 1L, positive; 3L, identity ], isBatched, [ 4L; 4L ]
            slices dimension [ 2L, bounded 0.0 1.0; 2L, bounded 0.0 1.0 ], isBatched, [ 4L; 4L ]
        slices 2 [ 1L, positive; 3L, identity ], false, [ 3L; 2L; 4L ]
        slices -3 [ 1L, positive; 2L, identity ], true, [ 3L; 2L; 4L ]
        blockDiagonal [ spd; spd ], true, [ 4L; 4L ]
        sum [ identity; spd ], true, [ 3L; 3L ]
        product [ identity; spd ], true, [ 3L; 3L ]
        kronecker (2L, 2L) identity identity, true, [ 4L; 6L ]
        linearlyConstrained [ [ 1.0; 2.0; 3.0 ] ] [ 6.0 ], true, [ 3L ]
        inMetric [ [ 4.0; 1.0 ]; [ 1.0; 3.0 ] ], true, [ 2L; 2L ]
        inverse positive, true, [ 3L ]
        weightNorm -1, false, [ 3L; 4L ]
        weightNormWhole, false, [ 3L; 4L ]
        spectralNormWith { SpectralNorm.defaults with Dimension = -1 }, false, [ 3L; 4L ]
        fakeQuantized 4 QuantizationScheme.Affine (Granularity.Channel -1), false, [ 3L; 4L ]
        binary (Granularity.Channel -1), false, [ 3L; 4L ]
        weightStandardized -1, false, [ 3L; 4L ]
        pruned (Pruning.Ln(Amount.Share 0.5, 2.0, -1)), false, [ 4L; 4L ]
        convolutionNorm [ 4L ] 1.0, false, [ 2L; 2L; 3L ]
        lora 1L 1.0, false, [ 3L; 4L ]
        oft 2L, false, [ 3L; 4L ]
        groupSparse 1 2, true, [ 3L; 4L ]
        for value in ofVectors do
            value, true, [ 3L; 3L ]
            transposed value, true, [ 3L; 3L ]
            transposed value >>>! transposed (scale 2.0), true, [ 3L; 3L ]
        transposed toeplitz, true, [ 3L; 4L ]
        transposed (svd 2L [ orthogonal; positive; orthogonal ]), true, [ 3L; 4L ]
    ]

let private yields (value: Parametrization) (tensor: torch.Tensor) : torch.Tensor =
    Parametrization.forward value (orFail (Parametrization.initializeNearest value tensor))

/// The same for any batch, one whose size is that of another dimension included.
let private isEach (value: Parametrization) (shape: int64 list) : unit =
    for count in 2L :: shape do
        use _ = torch.NewDisposeScope()
        let batch = normalOn Case.device wide 3UL (count :: shape)
        let expected = torch.stack [| for index in 0L .. count - 1L -> yields value (batch[index]) |]
        let found = yields value batch
        Expect.equal found.shape batch.shape $"{value} of {count} times {shape}"
        Expect.isLessThan (Measures.apart found expected) 1e-9 $"{value} of {count} times {shape}"

/// `apply` to a batch of vectors, which has the shape of a matrix.
let private maps (value: Parametrization) : unit =
    let one =
        Parametrization.parameterForms value { Shape = [| 3L; 3L |]; Dtype = wide; Device = Case.device }
        |> orFail
        |> List.exactlyOne

    for count in [ 1L; 2L; 3L; one.Shape[0] ] do
        use _ = torch.NewDisposeScope()

        let forms =
            Parametrization.parameterForms value { Shape = [| count; 3L; 3L |]; Dtype = wide; Device = Case.device }
            |> orFail

        Expect.equal [ for form in forms -> List.ofArray form.Shape ] [ [ count; one.Shape[0] ] ] $"{value}"
        let vectors = normalOn Case.device wide 5UL [ count; one.Shape[0] ]
        let found = Parametrization.apply value vectors

        let expected =
            torch.stack [| for index in 0L .. count - 1L -> Parametrization.apply value vectors[index] |]

        Expect.isLessThan (Measures.apart found expected) 1e-12 $"{value} of {count} vectors"

let tests: Test =
    testList
        "claims of batches"
        [
            for value, isBatched, shape in cases do
                testCase $"{value}, %A{shape}" (fun () ->
                    Expect.equal (Parametrization.isBatched value) isBatched "what it says"

                    Expect.equal
                        (Parametrization.isBatched (value >>>! scale 2.0))
                        isBatched
                        "what it says behind others"

                    if isBatched then
                        isEach value shape)

            for value in [ circulant; correlation; correlationCholesky ] do
                testCase $"functions of vectors, {value}" (fun () ->
                    maps value
                    maps (transposed value)
                    maps (transposed (transposed value)))
        ]
