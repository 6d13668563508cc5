/// Tensors of ordinary layers, which random cases do not reach: what counts as rounding must not grow with them.
module Properties.Core.SizeTests

open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open TorchSharp

let private single: torch.ScalarType = torch.ScalarType.Float32

/// A value, and the shapes of large tensors for which it is tried.
let private norms: (Parametrization * int64 list) list =
    [
        spectralNorm, [ 768L; 768L ]
        spectralNorm, [ 1L; 200_000L ]
        spectralNorm, [ 512L; 512L; 3L; 3L ]
        spectralNormWith { SpectralNorm.defaults with Bound = 2.5 }, [ 1024L; 1024L ]
        sphere 1.0, [ 200_000L ]
        sphereExp 2.0, [ 3L; 200_000L ]
    ]

let private stretched (value: Parametrization) (shape: int64 list) (dtype: torch.ScalarType) : Test =
    testCase $"{value} of {shape} in {dtype} tells a norm that is off" (fun () ->
        use _ = torch.NewDisposeScope()
        use generator = new torch.Generator(3UL, Case.device)

        let form = { Shape = List.toArray shape; Dtype = dtype; Device = Case.device }

        let sample = Parametrization.sample value form (Some generator)
        Expect.isOk (Parametrization.contains value sample) "a sample"

        for share in [ 1.0 + 8.0 * Form.epsilon dtype + 1e-4; 3.0 ] do
            Expect.isError (Parametrization.contains value (sample * share)) $"{share} times a sample"

        match Parametrization.initialize value sample with
        | Error error -> failtest $"{error}"
        | Ok parts ->
            let distance = Measures.apart sample (Parametrization.forward value parts)
            let allowed = 8.0 * Form.epsilon dtype * Measures.largest sample + 1e-6
            Expect.isLessThanOrEqual distance allowed "the round trip"

        let projected = Parametrization.project value (sample * 3.0)
        Expect.isOk (Parametrization.contains value projected) "a projection")

/// Residuals of computations in n steps may grow with the square root of n only.
let private matrices: Test =
    testCase "orthogonal and definite matrices of size 512 are told from others" (fun () ->
        use _ = torch.NewDisposeScope()
        use generator = new torch.Generator(5UL, Case.device)

        let form = { Shape = [| 512L; 512L |]; Dtype = single; Device = Case.device }

        for value in [ orthogonal; spd ] do
            let sample = Parametrization.sample value form (Some generator)
            Expect.isOk (Parametrization.contains value sample) $"{value}"
            let missed = sample.clone ()
            missed[0, 1] <- missed[0, 1] + Measures.largest sample * 1e-2
            Expect.isError (Parametrization.contains value missed) $"{value}, an entry off by a hundredth")

let tests: Test =
    testList
        "sizes"
        [
            for value, shape in norms do
                stretched value shape single
            stretched spectralNorm [ 768L; 768L ] torch.ScalarType.BFloat16
            stretched (sphere 1.0) [ 200_000L ] torch.ScalarType.BFloat16
            matrices
        ]
