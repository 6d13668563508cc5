/// Tensors whose norm is below that which counts: those of which enough is left start as they are, the others at the bound.
module Properties.Core.Values.SmallNormTests

open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open Properties.Core
open TorchSharp

let private wide = torch.ScalarType.Float64

/// Of that spectral norm.
let private ofNorm (norm: float) : torch.Tensor =
    let matrix = normalOn Case.device wide 3UL [ 4L; 3L ]
    matrix * (norm / (torch.linalg.svdvals matrix).max().item<double>()).ToScalar()

let private starts (options: SpectralNormOptions) (share: float) : unit =
    use _ = torch.NewDisposeScope()
    let value = spectralNormWith options
    let tensor = ofNorm (options.Epsilon * share)

    for what, found in
        [
            "start", Parametrization.start value tensor
            "initializeNearest", Parametrization.initializeNearest value tensor
        ] do
        let parts = orFail found
        let original = parts.Parameters[0].detach()
        let yielded = (torch.linalg.svdvals (Parametrization.forward value parts)).max().item<double>()
        let what = $"{value}: {what} of {share} times epsilon"

        if share >= 0.01 then
            Expect.equal (Measures.apart original tensor) 0.0 $"{what}: the tensor as it is"
            let expected = options.Bound * min 1.0 share
            Expect.floatClose Accuracy.high (yielded / expected) 1.0 $"{what}: short of the bound"
        else
            Expect.floatClose Accuracy.high (yielded / options.Bound) 1.0 $"{what}: at the bound"
            let size = (torch.linalg.svdvals original).max().item<double>()
            Expect.floatClose Accuracy.high (size / max options.Bound options.Epsilon) 1.0 $"{what}: the parameter"

let tests: Test =
    testCase "norms below that which counts" (fun () ->
        for bound in [ 1.0; 0.25; 8.0 ] do
            for epsilon in [ 1e-12; 0.5; 2.0; 1e-3 ] do
                for share in [ 1e-6; 1e-3; 0.0099; 0.0101; 0.02; 0.1; 0.5; 0.99; 1.01; 2.0; 100.0 ] do
                    // Of exactly the bound it is allowed, and comes back.
                    if abs (epsilon * share - bound) > 1e-6 * bound then
                        starts { SpectralNorm.defaults with Bound = bound; Epsilon = epsilon } share)
