/// Samples of chains: those of the first value, passed through the others.
module Properties.Core.Values.ChainSampleTests

open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open Properties.Core
open TorchSharp

let private sampled (value: Parametrization) (shape: int64 list) : torch.Tensor =
    let form =
        {
            Shape = List.toArray shape
            Dtype = torch.ScalarType.Float64
            Device = Case.device
        }

    use generator = new torch.Generator(5UL, torch.CPU)
    Parametrization.sample value form (Some generator)

/// The share of the entries that lie between two numbers.
let private shareBetween (least: float) (greatest: float) (tensor: torch.Tensor) : float =
    let isBetween = tensor.gt(least.ToScalar()).logical_and(tensor.lt (greatest.ToScalar()))
    isBetween.``to``(torch.ScalarType.Float64).mean().item<float>()

/// Values, shapes, and an interval with the share of the entries of a sample that has to lie in it.
let private intervals: (Parametrization * int64 list * (float * float * float)) list =
    [
        unitInterval >>> scale 10.0, [ 5000L ], (1.0, 9.0, 0.75)
        unitInterval >>> shift 5.0, [ 5000L ], (5.1, 5.9, 0.75)
        positive >>> shift 5.0, [ 5000L ], (5.01, 100.0, 0.95)
        positive >>> scale -1.0, [ 5000L ], (-100.0, -0.01, 0.95)
        positiveBy PositiveMap.Square >>> scale 3.0, [ 5000L ], (0.01, 1e4, 0.9)
        positive >>> positive, [ 5000L ], (0.695, 100.0, 0.95)
        positive >>> bounded -1.0 1.0, [ 5000L ], (0.01, 0.999, 0.5)
        boundedRatio 4.0 >>> scale -1.0, [ 1000L; 4L ], (-100.0, -0.01, 0.95)
        simplex >>> scale 10.0, [ 2000L; 4L ], (0.5, 2.0, 0.2)
        positive >>> circulant, [ 64L; 64L ], (0.01, 100.0, 0.95)
        symmetric >>> positive, [ 32L; 32L ], (0.01, 100.0, 0.95)
    ]

let private isSpread (value: Parametrization, shape: int64 list, (least, greatest, share)) : Test =
    testCase $"{value}: most lie between {least} and {greatest}" (fun () ->
        use _ = torch.NewDisposeScope()
        let sample = sampled value shape
        Expect.isOk (Parametrization.contains value sample) "it is allowed"
        Expect.isGreaterThanOrEqual (shareBetween least greatest sample) share "the share")

let tests: Test =
    testList
        "samples of chains"
        [
            yield! List.map isSpread intervals

            testCase "rows in the other order are not constant" (fun () ->
                use _ = torch.NewDisposeScope()
                let sample = sampled (ordered >>> scale -1.0) [ 1000L; 4L ]
                let gaps = (sample.narrow (-1L, 0L, 3L) - sample.narrow (-1L, 1L, 3L)).mean()
                Expect.isGreaterThan (gaps.item<float>()) 0.1 "the mean gap")

            testCase "spheres are moved, and stay uniform" (fun () ->
                use _ = torch.NewDisposeScope()
                let sample = sampled (sphere 1.0 >>> shift 3.0) [ 2000L; 3L ]
                let around = sample - (3.0).ToScalar()
                let radii = torch.linalg.vector_norm (around, 2.0, dims = [| -1L |])
                Expect.isLessThan (Measures.apart (torch.ones_like radii) radii) 1e-9 "the radius"
                Expect.isLessThan (Measures.largest (around.mean [| 0L |])) 0.1 "the mean")

            testCase "eigenvalues of a trace are as those of trace 1, times it" (fun () ->
                use _ = torch.NewDisposeScope()

                let spread (trace: float) =
                    let values = torch.linalg.eigvalsh (sampled (spdWithTrace trace) [ 200L; 3L; 3L ])
                    (values.amax [| -1L |] - values.amin [| -1L |]).mean().item<float>() / trace

                Expect.floatClose Accuracy.low (spread 100.0) (spread 1.0) "the mean spread")
        ]
