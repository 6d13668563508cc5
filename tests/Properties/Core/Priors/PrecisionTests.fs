/// Densities and samples keep their digits in float32, near edges and for extreme numbers.
module Properties.Core.Priors.PrecisionTests

open Expecto
open Parametrize
open Parametrize.Values
open Parametrize.Laws
open Properties.Core
open TorchSharp

let private single, private wide = torch.ScalarType.Float32, torch.ScalarType.Float64

let private form (dtype: torch.ScalarType) (shape: int64 list) : Form =
    { Shape = List.toArray shape; Dtype = dtype; Device = torch.CPU }

let private draw (prior: Prior) (form: Form) : torch.Tensor = Prior.sample prior form (Some(new torch.Generator(5UL)))

/// Compares float32 with float64 from the same parameters: the rounded tensor would lose its smallest eigenvalues.
let private ofParts (prior: Prior) (value: Parametrization) (size: int64) (scale: float) : Test =
    testCase $"{prior} of {value} from parameters of {scale}" (fun () ->
        use _ = torch.NewDisposeScope()

        let measured (dtype: torch.ScalarType) =
            let parts = orFail (Parametrization.start value (torch.eye (size, dtype = dtype)))

            let inputs =
                [
                    for parameter in parts.Parameters ->
                        (normalOn torch.CPU wide 3UL (List.ofArray parameter.shape) * scale.ToScalar())
                            .``to``(dtype)
                            .requires_grad_()
                ]

            let moved = Parametrization.ofTensorsLike parts inputs parts.Buffers value
            let density = Prior.logDensityOfParts prior value moved
            density.backward ()
            Tensors.number (density.detach ()), inputs.Head.grad |> Unchecked.nonNull |> Tensors.inDouble

        let expected, slopes = measured wide
        let found, ofSingle = measured single
        Expect.isLessThan (abs (found - expected)) (1e-4 * (1.0 + abs expected)) $"{found}, in float64 {expected}"

        Expect.isLessThan
            (Measures.apart ofSingle slopes)
            (1e-3 * (1.0 + Measures.largest slopes))
            "the gradients, in float32 and float64")

/// The same tensor.
let private ofTensor (prior: Prior) (shape: int64 list) : Test =
    testCase $"{prior} of one tensor in both" (fun () ->
        use _ = torch.NewDisposeScope()
        let w = draw prior (form single shape)
        // In double precision it may be off its space by the rounding of float32.
        let expected = prior.Density.Of(w.``to`` wide, ValueNone)
        let found = Prior.logDensity prior w
        Expect.equal found.dtype single "the element type"
        Expect.isLessThan (Measures.apart found expected) (1e-5 * (1.0 + Measures.largest expected)) "apart")

let private samples (prior: Prior) (size: int64) : Test =
    testCase $"samples of {prior} have a density, {size} x {size}" (fun () ->
        use _ = torch.NewDisposeScope()

        for dtype in [ single; wide ] do
            let w = draw prior (form dtype [ 2000L; size; size ])
            Expect.isTrue (w.isfinite().all().item<bool>()) $"{dtype}: finite"
            Expect.isTrue ((Prior.logDensity prior w).isfinite().all().item<bool>()) $"{dtype}: a density")

/// Rounding to 16 bits makes large matrices singular: they are mended by little.
let private sixteenBits () : unit =
    for dtype, size in
        [ torch.ScalarType.BFloat16, 32L; torch.ScalarType.BFloat16, 64L; torch.ScalarType.Float16, 256L ] do
        for prior in [ Prior.lkj 0.5; Prior.uniform correlation; Prior.wishart (float size) 1.0 ] do
            use _ = torch.NewDisposeScope()
            let narrow = Tensors.inDouble (draw prior (form dtype [ 4L; size; size ]))
            let expected = draw prior (form wide [ 4L; size; size ])
            let beside (tensor: torch.Tensor) = (tensor.tril -1L).flatten()
            let x, y = beside narrow, beside expected
            let cosine = Tensors.number ((x * y).sum() / (x.square().sum() * y.square().sum()).sqrt())
            Expect.isGreaterThan cosine 0.98 $"{prior}, {dtype}, {size}: as in double precision"
            let struct (_, info) = torch.linalg.cholesky_ex narrow
            Expect.isFalse ((info.ne ((0.0).ToScalar())).any().item<bool>()) $"{prior}, {dtype}, {size}: definite"

let private faint () : unit =
    use _ = torch.NewDisposeScope()

    for concentration in [ 1e-100; 1e-160; 1e-200; 1e-310 ] do
        let w = draw (Prior.vonMisesFisher [ concentration; 0.0; 0.0 ]) (form wide [ 20000L; 3L ])
        Expect.isLessThan (Measures.largest (w.mean [| 0L |])) 0.03 $"{concentration}: uniform"

let private sparse () : unit =
    use _ = torch.NewDisposeScope()

    for a in [ 1e-2; 1e-3; 1e-4; 1e-6 ] do
        let w = draw (Prior.dirichlet [ a ]) (form wide [ 4000L; 3L ])
        // Nearly all of the mass is in one entry.
        let spread = (w.amax [| -1L |]).lt((0.5).ToScalar()).``to``(wide).mean()
        Expect.isLessThan (Tensors.number spread) (10.0 * a + 1e-3) $"{a}: the largest entry"

    let means = (draw (Prior.dirichlet [ 1e-4; 3e-4 ]) (form wide [ 20000L; 2L ])).mean [| 0L |]
    Expect.isLessThan (abs (Tensors.number means[0] - 0.25)) 0.02 "the mean is a_i / sum a"

let private zeros () : unit =
    use _ = torch.NewDisposeScope()

    let parts =
        orFail (Parametrization.start simplex (torch.full ([| 4L |], (0.25).ToScalar(), dtype = single)))

    // The smallest entry is a normal number, a smaller one, or zero.
    for size in [ 10.0f..5.0f..120.0f ] @ [ 300.0f ] do
        let x = torch.tensor ([| size; 0.0f; -size |], requires_grad = true)
        let moved = Parametrization.ofTensorsLike parts [ x ] parts.Buffers simplex
        let density = Prior.logDensityOfParts (Prior.dirichlet [ 0.5 ]) simplex moved
        density.backward ()
        Expect.isTrue (density.isfinite().item<bool>()) $"a density, {size}"
        Expect.isTrue ((Unchecked.nonNull x.grad).isfinite().all().item<bool>()) $"gradients, {size}"

let private far () : unit =
    use _ = torch.NewDisposeScope()

    let student (freedom: float) (scale: float) (x: float) =
        let r = log x - log scale - log freedom / 2.0

        Special.logGamma ((freedom + 1.0) / 2.0)
        - Special.logGamma (freedom / 2.0)
        - log (freedom * System.Math.PI) / 2.0
        - log scale
        - (freedom + 1.0) * r

    for dtype, scale, x in [ single, 1.0, 1e20; single, 1.0, 1e30; single, 1e-25, 1.0; wide, 1.0, 1e200 ] do
        let at = torch.tensor(x, dtype = dtype).requires_grad_()
        let found = Prior.logDensity (Prior.studentT 1.0 scale) at
        found.backward ()
        let expected = student 1.0 scale x
        Expect.isLessThan (abs (Tensors.number (found.detach ()) - expected)) (1e-5 * abs expected) $"{x} of {scale}"
        let slope = Tensors.number (Unchecked.nonNull at.grad) * x
        Expect.isLessThan (abs (slope + 2.0)) 1e-4 $"{x} of {scale}: the slope"

    let at = torch.tensor ([| 1.0; 0.999; 1.001; 0.0 |], dtype = wide)
    let expected = -(at.square().log1p()) - (log System.Math.PI).ToScalar()
    Expect.isLessThan (Measures.apart (Prior.logDensity (Prior.studentT 1.0 1.0) at) expected) 1e-14 "near 1"

let private singular () : unit =
    use _ = torch.NewDisposeScope()
    let density = Prior.logDensity (Prior.wishart 2.5 1.0) (torch.ones ([| 2L; 2L |], dtype = wide))
    Expect.equal (Tensors.number density) -infinity "a singular matrix, on the edge"

let tests: Test =
    testList
        "precision of densities"
        [
            ofParts (Prior.lkj 2.0) correlation 10L 1.0
            ofParts (Prior.lkj 2.0) correlation 10L 2.0
            ofParts (Prior.lkj 0.5) correlation 2L 20.0
            ofParts (Prior.lkj 3.0) correlation 30L 1.0
            ofParts (Prior.lkjCholesky 2.0) correlationCholesky 10L 2.0
            ofParts (Prior.wishart 12.0 1.0) spd 10L 2.0
            ofParts (Prior.inverseWishart 12.0 1.0) spd 6L 1.0
            ofTensor (Prior.wishart 1e6 1.0) [ 3L; 3L ]
            ofTensor (Prior.wishart 1e8 1.0) [ 3L; 3L ]
            ofTensor (Prior.inverseWishart 1e6 1.0) [ 3L; 3L ]
            ofTensor (Prior.lkj 1e7) [ 3L; 3L ]
            ofTensor (Prior.dirichlet [ 1e7 ]) [ 4L ]
            ofTensor (Prior.vonMisesFisher [ 3e6; 4e6 ]) [ 5L; 2L ]
            for prior, size in
                [
                    Prior.wishart 2.5 1.0, 3L
                    Prior.wishart 2.1 1.0, 3L
                    Prior.wishart 1.1 1.0, 2L
                    Prior.inverseWishart 2.5 1.0, 3L
                    Prior.inverseWishart 2.1 1.0, 3L
                    Prior.lkj 0.1, 3L
                ] do
                samples prior size
            testCase "samples of 16 bits" sixteenBits
            testCase "directions of hardly any concentration" faint
            testCase "Dirichlet's of small concentrations are nearly one-hot" sparse
            testCase "Dirichlet's of zeros of float32 has finite gradients" zeros
            testCase "Student's far out" far
            testCase "of singular matrices there is none" singular
        ]
