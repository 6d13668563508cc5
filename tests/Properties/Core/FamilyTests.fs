/// What single families promise beyond the laws.
module Properties.Core.FamilyTests

open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open TorchSharp

let private normal (seed: uint64) (shape: int64 list) : torch.Tensor =
    Case.unit
        1UL
        {
            Shape = List.toArray shape
            Dtype = torch.ScalarType.Float64
            Scale = 1.0
            Seed = seed
            Device = Case.device
        }

let private number (tensor: torch.Tensor) : float = tensor.item<double>()

let private spectralNormOf (matrix: torch.Tensor) : float = number (torch.linalg.svdvals(matrix.flatten 1L).max())

/// From random vectors the estimate approaches the norm from below, and stays.
let private converges: Test =
    inScope "power iterations find the spectral norm" (fun () ->
        for seed in 1UL .. 20UL do
            let value = spectralNorm
            let matrix = normal seed [ 5L; 3L; 2L ]
            let start = [ normal (seed + 100UL) [ 5L ]; normal (seed + 200UL) [ 6L ] ]
            let unit = start |> List.map (fun vector -> vector / vector.norm ())
            let mutable parts = Parametrization.ofTensors [ matrix ] unit value
            let mutable before = 0.0

            for _ in 1..500 do
                parts <- Parametrization.advance value parts
                let scaled = Parametrization.forward value parts
                let estimate = spectralNormOf matrix / spectralNormOf scaled
                Expect.isGreaterThanOrEqual estimate (before - 1e-9) "estimates do not fall"
                before <- estimate

            Expect.floatClose { absolute = 1e-6; relative = 1e-6 } before (spectralNormOf matrix) "the estimate")

/// As a layer that starts from zero and is trained.
let private survivesZero: Test =
    inScope "power iterations on a zero matrix lose nothing" (fun () ->
        let matrix = normal 1UL [ 4L; 5L ]
        let start = orFail (Parametrization.initialize spectralNorm (torch.zeros_like matrix))
        let mutable parts = Parametrization.advance spectralNorm start

        for _ in 1..500 do
            parts <-
                Parametrization.advance spectralNorm (Parametrization.ofTensors [ matrix ] parts.Buffers spectralNorm)

        let scaled = Parametrization.forward spectralNorm parts
        Expect.floatClose Accuracy.medium (spectralNormOf scaled) 1.0 "the norm")

let private iterations: Test =
    inScope "three iterations are three steps of one" (fun () ->
        let options = { SpectralNorm.defaults with Iterations = 3 }
        let matrix = normal 1UL [ 4L; 5L ]
        let start = [ normal 2UL [ 4L ]; normal 3UL [ 5L ] ]
        let once = Parametrization.ofTensors [ matrix ] start
        let thrice = Parametrization.advance (spectralNormWith options) (once (spectralNormWith options))
        let step = Parametrization.advance spectralNorm
        let stepped = once spectralNorm |> step |> step |> step
        Expect.equal (Measures.apart thrice.Buffers[0] stepped.Buffers[0]) 0.0 "u"
        Expect.equal (Measures.apart thrice.Buffers[1] stepped.Buffers[1]) 0.0 "v")

let private zeros: Test =
    inScope "zero weights stay zero, with finite gradients" (fun () ->
        for value in [ spectralNorm; weightNorm 0; weightNormWhole ] do
            let parts =
                orFail (Parametrization.initializeNearest value (torch.zeros (3L, 4L, device = Case.device)))

            let leaves = [| for p in parts.Parameters -> p.detach().clone().requires_grad_ true |]
            let tensor = Parametrization.forward value (Parametrization.ofTensors leaves parts.Buffers value)
            Expect.equal (Measures.largest tensor) 0.0 $"{value}"

            for gradient in torch.autograd.grad ([| tensor.sum () |], leaves) do
                Expect.isTrue (gradient.isfinite().all().item<bool>()) $"the gradient of {value}")

/// The entries of a Haar matrix have mean 0 and variance 1/n, and so does the trace, with variance 1.
let private haar: Test =
    inScope "samples of orthogonal matrices are uniform" (fun () ->
        use generator = new torch.Generator(5UL, torch.CPU)

        let form =
            Form.ofTensor (torch.zeros (4000L, 4L, 4L, dtype = torch.ScalarType.Float64, device = Case.device))

        for value in [ orthogonal; cayley; householder; matrixExp; skew >>> cayley ] do
            let sample = Parametrization.sample value form (Some generator)
            let trace = sample.diagonal(0L, -2L, -1L).sum(dim = -1L)
            let determinants = torch.linalg.det sample
            Expect.isLessThan (Measures.largest (sample.mean ([| 0L |]))) 0.04 $"mean of {value}"
            Expect.isLessThan (Measures.largest (sample.square().mean([| 0L |]) - 0.25)) 0.03 $"variance of {value}"

            Expect.floatClose
                { absolute = 0.1; relative = 0.0 }
                (number (trace.square().mean()))
                1.0
                $"trace of {value}"

            Expect.isLessThan (Measures.largest (determinants.mean ())) 0.1 $"both signs of {value}")

let private invertibles: Test =
    inScope "the factors of an invertible matrix give inverse and determinant" (fun () ->
        for dtype in [ torch.ScalarType.Float64; torch.ScalarType.Float32; torch.ScalarType.BFloat16 ] do
            let seed = (normal 7UL [ 3L; 4L; 4L ] + torch.eye (4L, device = Case.device) * 3.0).``to`` dtype
            let parts = orFail (Parametrization.initializeNearest invertible seed)
            let matrix = (Parametrization.forward invertible parts).``to`` torch.ScalarType.Float64
            let inverse = Invertible.inverse invertible parts
            let logDeterminant = Invertible.logDeterminant invertible parts
            let struct (sign, logarithm) = torch.linalg.slogdet matrix
            let identity = torch.eye (4L, dtype = torch.ScalarType.Float64, device = Case.device)
            let product = matrix.matmul (inverse.``to`` torch.ScalarType.Float64)
            let allowed = 40.0 * Form.epsilon dtype
            Expect.equal (inverse.dtype, logDeterminant.dtype) (dtype, dtype) "element types"
            Expect.isLessThan (Measures.largest (product - identity)) allowed $"W W^-1 of {dtype}"
            Expect.isLessThan (Measures.apart logarithm logDeterminant) allowed $"log det of {dtype}"
            Expect.equal (number (sign.min ())) 1.0 "the sign"

        Expect.throwsT<System.InvalidOperationException>
            (fun () ->
                (Invertible.inverse skew (orFail (Parametrization.initializeNearest skew (normal 1UL [ 2L; 2L ]))))
                    .Dispose())
            "another value has no factors")

let private shareOfZeros (tensor: torch.Tensor) : float =
    number (tensor.eq(0.0.ToScalar()).``to``(torch.ScalarType.Float64).mean())

let private pruning: Test =
    inScope "pruning keeps to its share, its seed and its mask" (fun () ->
        let weight = normal 3UL [ 100L; 100L ]
        let masked seed = Parametrization.project (pruned (Pruning.Bernoulli(0.3, seed))) weight
        Expect.floatClose { absolute = 0.02; relative = 0.0 } (shareOfZeros (masked 1UL)) 0.3 "the share"
        Expect.equal (Measures.apart (masked 1UL) (masked 1UL)) 0.0 "one seed, one mask"
        Expect.isGreaterThan (Measures.apart (masked 1UL) (masked 2UL)) 0.0 "two seeds, two masks"

        let small = Parametrization.project (pruned (Pruning.L1(Amount.Share 0.25))) weight
        Expect.equal (shareOfZeros small) 0.25 "the share of smallest entries"
        let kept = small.abs().masked_select(small.ne (0.0.ToScalar()))
        let cut = weight.abs().masked_select(small.eq (0.0.ToScalar()))
        Expect.isGreaterThanOrEqual (number (kept.min ())) (number (cut.max ())) "the smallest entries went"

        // What is under the mask is neither read nor trained.
        let value = pruned (Pruning.L1(Amount.Count 50L))
        let parts = orFail (Parametrization.initializeNearest value weight)
        let leaf = weight.clone().requires_grad_ true
        let tensor = Parametrization.forward value (Parametrization.ofTensors [ leaf ] parts.Buffers value)
        let gradient = torch.autograd.grad ([| tensor.sum () |], [| leaf |]) |> Seq.head
        Expect.equal (Measures.apart gradient parts.Buffers[0]) 0.0 "the gradient is the mask")

let private nothingToSample: Test =
    inScope "extreme pruning" (fun () ->
        let weight = normal 4UL [ 4L; 5L ]
        let project pruning = Parametrization.project (pruned pruning) weight
        Expect.equal (shareOfZeros (project (Pruning.Bernoulli(0.0, 1UL)))) 0.0 "nothing"
        Expect.equal (shareOfZeros (project (Pruning.Bernoulli(1.0, 1UL)))) 1.0 "everything"
        Expect.equal (shareOfZeros (project (Pruning.L1(Amount.Share 1.0)))) 1.0 "the whole share"
        Expect.equal (shareOfZeros (project (Pruning.L1(Amount.Count 0L)))) 0.0 "count 0")

let private moving: Test =
    inScope "the base moves to the present point" (fun () ->
        for value in [ cayley; matrixExp; householder; orthogonal ] do
            let parts = orFail (Parametrization.initialize value (torch.eye (4L, device = Case.device)))
            let x = (normal 5UL [ 4L; 4L ]).``to`` torch.ScalarType.Float32
            let away = Parametrization.ofTensors [ x ] parts.Buffers value
            let tensor = Parametrization.forward value away
            let moved = orFail (Parametrization.rebase value away)
            // Free of rounding, which the tensor is not.
            Expect.isLessThan (Measures.apart moved.Buffers[0] tensor) 2e-6 $"the base of {value} is the tensor"

            Expect.equal
                (Measures.apart moved.Parameters[0] parts.Parameters[0])
                0.0
                $"the parameter of {value} is its zero")

let private movingOften: Test =
    inScope "roundoff does not add up over many bases" (fun () ->
        for value in [ cayley; matrixExp; householder; sphereExp 2.0; skew >>> cayley ] do
            for dtype in [ torch.float32; torch.float64 ] do
                let start = Parametrization.project value ((normal 5UL [ 4L; 4L ]).``to`` dtype)
                let step = (normal 6UL [ 4L; 4L ]).``to`` dtype * (0.1).ToScalar()

                let move (parts: Parts) _ =
                    use _scope = torch.NewDisposeScope()
                    let away = Parametrization.ofTensors [ parts.Parameters[0] + step ] parts.Buffers value
                    let moved = orFail (Parametrization.rebase value away)
                    moved.Tensors |> Seq.iter (fun tensor -> tensor.MoveToOuterDisposeScope() |> ignore)
                    moved

                let last = Seq.fold move (orFail (Parametrization.initialize value start)) [ 1..1000 ]
                let tensor = Parametrization.forward value last
                Expect.isOk (Parametrization.contains value tensor) $"{value} stays allowed")

let tests: Test =
    testList
        "families"
        [
            converges
            survivesZero
            iterations
            zeros
            haar
            invertibles
            pruning
            nothingToSample
            moving
            movingOften
        ]
