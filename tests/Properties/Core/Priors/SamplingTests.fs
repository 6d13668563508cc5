/// Samples are of their densities.
module Properties.Core.Priors.SamplingTests

open Expecto
open Parametrize
open Parametrize.Values
open Parametrize.Laws
open TorchSharp

let private count = 20000L

let private draw (prior: Prior) (shape: int64[]) : torch.Tensor =
    let form = { Shape = shape; Dtype = torch.ScalarType.Float64; Device = Case.device }
    Prior.sample prior form (Some(new torch.Generator(5UL, torch.CPU)))

/// For samples of p, the mean of q/p is the integral of q where p is not zero, which is 1. Within five of its standard errors.
let private balances (p: Prior) (q: Prior) (shape: int64[]) : Test =
    testCase $"{p} is sampled, as {q} tells, {Form.Shown shape}" (fun () ->
        use _ = torch.NewDisposeScope()
        let w = draw p (Array.append [| count |] shape)
        let ratio = (Prior.logDensity q w - Prior.logDensity p w).flatten(1L).sum(-1L).exp()
        let mean, error = ratio.mean().item<double>(), ratio.std().item<double>() / sqrt (float count)
        Expect.isLessThan (abs (mean - 1.0)) (5.0 * error + 1e-9) $"the mean {mean}, of error {error}"
        Expect.isLessThan error 0.05 "the test tells something")

let private matrix: float[,] = array2D [ [ 2.0; 0.5 ]; [ 0.5; 1.0 ] ]

let tests: Test =
    testList
        "sampling"
        [
            balances (Prior.normal 1.0) (Prior.laplace 0.5) [| 2L; 1L |]
            balances (Prior.laplace 1.0) (Prior.normal 0.9) [| 2L; 1L |]
            balances (Prior.studentT 3.0 1.0) (Prior.normal 0.9) [| 2L; 1L |]
            balances (Prior.normalAround 0.5 1.5) (Prior.normalAround 0.2 1.2) [| 2L; 1L |]
            balances (Prior.laplace 2.0) (Prior.normal 1.8) [| 2L; 1L |]
            balances (Prior.studentT 3.0 2.0) (Prior.normal 1.8) [| 2L; 1L |]
            balances (Prior.uniform simplex) (Prior.dirichlet [ 2.0; 1.0; 3.0; 1.5 ]) [| 1L; 4L |]
            balances (Prior.dirichlet [ 0.7; 1.0; 0.8; 0.9 ]) (Prior.uniform simplex) [| 1L; 4L |]
            balances (Prior.ofValue simplex (Prior.normal 1.4)) (Prior.dirichlet [ 4.0 ]) [| 1L; 4L |]
            balances
                (Prior.uniform (bounded -1.0 2.0))
                (Prior.ofValue (bounded -1.0 2.0) (Prior.normal 0.9))
                [| 2L; 1L |]
            balances (Prior.lkj 1.5) (Prior.lkj 3.0) [| 1L; 4L; 4L |]
            balances (Prior.lkj 0.8) (Prior.uniform correlation) [| 1L; 4L; 4L |]
            balances (Prior.uniform correlation) (Prior.lkj 2.0) [| 1L; 4L; 4L |]
            balances (Prior.ofValue correlation (Prior.normal 0.7)) (Prior.lkj 4.0) [| 1L; 3L; 3L |]
            balances (Prior.lkjCholesky 1.5) (Prior.lkjCholesky 2.5) [| 1L; 4L; 4L |]
            balances (Prior.uniform correlationCholesky) (Prior.lkjCholesky 2.0) [| 1L; 4L; 4L |]
            balances (Prior.wishart 6.5 0.7) (Prior.wishart 7.0 0.6) [| 1L; 3L; 3L |]
            balances (Prior.wishartOf 6.5 matrix) (Prior.wishart 7.0 1.0) [| 1L; 2L; 2L |]
            balances (Prior.inverseWishart 5.0 2.0) (Prior.inverseWishart 6.0 2.5) [| 1L; 3L; 3L |]
            balances (Prior.inverseWishartOf 6.0 matrix) (Prior.inverseWishart 7.0 1.6) [| 1L; 2L; 2L |]

            for size in [ 1; 2; 3; 6 ] do
                let f = [ for index in 1..size -> if index % 2 = 0 then -0.6 else 0.9 ]
                let far = f |> List.map (fun number -> 0.5 * number)
                balances (Prior.vonMisesFisher f) (Prior.uniform (sphere 1.0)) [| 1L; int64 size |]
                balances (Prior.uniform (sphere 1.0)) (Prior.vonMisesFisher f) [| 1L; int64 size |]
                balances (Prior.vonMisesFisher f) (Prior.vonMisesFisher far) [| 1L; int64 size |]

            for concentration in [ 1e4; 1e8; 1e12; 1e20; 1e100; 1e307 ] do
                testCase $"vectors of concentration {concentration} are drawn as near as they are likely" (fun () ->
                    use _ = torch.NewDisposeScope()
                    let size = 5L
                    let f = [ 0.6 * concentration; 0.0; -0.8 * concentration; 0.0; 0.0 ]
                    let w = draw (Prior.vonMisesFisher f) [| count; size |]
                    let across = w.select(1, 1L).square() + w.select(1, 3L).square() + w.select(1, 4L).square()
                    // Normal numbers of variance 1 / concentration there: three of them, squared.
                    let mean = across.mean().item<double>() * concentration

                    Expect.isLessThan
                        (abs (mean - 3.0))
                        (6.0 * sqrt (6.0 / float count) + 10.0 / concentration)
                        "three"

                    let density = Prior.logDensity (Prior.vonMisesFisher f) w
                    Expect.isTrue (density.isfinite().all().item<bool>()) "a log density"

                    // In the limit that of four normal numbers: half of four less than at the mode, in the mean.
                    if concentration < 1e14 then
                        let mode = 2.0 * log (concentration / (2.0 * System.Math.PI))
                        let below = mode - density.mean().item<double>()

                        Expect.isLessThan
                            (abs (below - 2.0))
                            (6.0 * sqrt (2.0 / float count) + 20.0 / concentration + 1e-15 * concentration)
                            "two below the mode")

            testCase "what spd reads of its parameters tells the density" (fun () ->
                use _ = torch.NewDisposeScope()
                let normal = Prior.normal 2.0
                let x = draw normal [| count; 2L; 2L |]
                let parts = Parametrization.ofTensors [ x ] [] spd
                let w = Parametrization.forward spd parts
                let own = (Prior.ofValue spd normal).Density :?> PushforwardDensity
                let ratio = (Prior.logDensity (Prior.wishart 9.0 0.3) w - own.OfParts parts).exp()
                let mean, error = ratio.mean().item<double>(), ratio.std().item<double>() / sqrt (float count)
                Expect.isLessThan (abs (mean - 1.0)) (5.0 * error) $"the mean {mean}, of error {error}"
                Expect.isLessThan error 0.05 "the test tells something")
            testCase "no samples are an empty batch" (fun () ->
                use _ = torch.NewDisposeScope()

                for prior, shape in
                    [
                        Prior.normal 1.0, [| 3L |]
                        Prior.dirichlet [ 0.1 ], [| 5L |]
                        Prior.lkj 1.0, [| 3L; 3L |]
                        Prior.wishart 3.0 1.0, [| 3L; 3L |]
                        Prior.inverseWishart 3.0 1.0, [| 3L; 3L |]
                        Prior.vonMisesFisher [ 1.0; 9.0 ], [| 2L |]
                        Prior.uniform orthogonal, [| 3L; 2L |]
                        Prior.ofValue simplex (Prior.normal 3.0), [| 4L |]
                    ] do
                    let shape = Array.append [| 0L |] shape
                    Expect.equal (draw prior shape).shape shape $"{prior}")
            testCase "one seed, one sample, and no other random number is drawn" (fun () ->
                use _ = torch.NewDisposeScope()

                for prior, shape in
                    [
                        Prior.normal 1.0, [| 3L |]
                        Prior.laplace 1.0, [| 3L |]
                        Prior.studentT 3.0 1.0, [| 3L |]
                        Prior.dirichlet [ 0.7; 1.0; 2.0 ], [| 3L |]
                        Prior.lkj 1.5, [| 3L; 3L |]
                        Prior.wishart 3.0 1.0, [| 3L; 3L |]
                        Prior.wishartOf 4.0 matrix, [| 2L; 2L |]
                        Prior.inverseWishart 3.0 1.0, [| 3L; 3L |]
                        Prior.inverseWishartOf 4.0 matrix, [| 2L; 2L |]
                        Prior.vonMisesFisher [ 1.0; 9.0 ], [| 2L |]
                        Prior.uniform orthogonal, [| 3L; 2L |]
                        Prior.uniform simplex, [| 4L |]
                        Prior.ofValue simplex (Prior.normal 3.0), [| 4L |]
                    ] do
                    let drawnAfter (work: unit -> unit) =
                        torch.random.manual_seed 3L |> ignore
                        work ()
                        torch.rand(1L).item<float32>()

                    let expected = drawnAfter ignore
                    let sample = draw prior shape

                    let found =
                        drawnAfter (fun () -> Expect.equal (Measures.apart sample (draw prior shape)) 0.0 $"{prior}")

                    Expect.equal found expected $"{prior}: a number of the default generator was drawn")
            testCase "16-bit samples are allowed" (fun () ->
                use _ = torch.NewDisposeScope()

                for prior, shape in
                    [
                        Prior.dirichlet [ 0.1 ], [| 3L; 5L |]
                        Prior.lkj 1.0, [| 3L; 3L |]
                        Prior.wishart 3.0 1.0, [| 3L; 3L |]
                        Prior.vonMisesFisher [ 1.0; 9.0 ], [| 5L; 2L |]
                        Prior.ofValue positive (Prior.normal 3.0), [| 4L |]
                    ] do
                    for dtype in [ torch.ScalarType.Float16; torch.ScalarType.BFloat16; torch.ScalarType.Float32 ] do
                        let form = { Shape = shape; Dtype = dtype; Device = Case.device }
                        let w = Prior.sample prior form None
                        Expect.equal w.dtype dtype "the element type"
                        Expect.equal (Prior.logDensity prior w).dtype torch.ScalarType.Float32 $"{prior}")
        ]
