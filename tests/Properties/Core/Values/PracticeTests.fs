/// Weights as training uses them in practice, where random cases seldom are.
module Properties.Core.Values.PracticeTests

open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open Properties.Core
open TorchSharp

let private float64, float32 = torch.ScalarType.Float64, torch.ScalarType.Float32

let private symmetric, affine = QuantizationScheme.Symmetric, QuantizationScheme.Affine

let private normal (dtype: torch.ScalarType) (seed: uint64) (shape: int64 list) : torch.Tensor =
    normalOn Case.device dtype seed shape

let private started (value: Parametrization) (tensor: torch.Tensor) : Parts =
    orFail (Parametrization.start value tensor)

/// What a value yields from this parameter with the buffers of another tensor, and the gradient of its weighted sum.
let private withGradient (value: Parametrization) (parts: Parts) (parameter: torch.Tensor) (weights: torch.Tensor) =
    let leaf = parameter.detach().clone().requires_grad_ true

    let made =
        Parametrization.forward value (Parametrization.ofTensorsLike parts [ leaf ] parts.Buffers value)

    struct (made, (torch.autograd.grad ([| (made * weights).sum() |], [| leaf |]))[0])

let private vector (numbers: float list) : torch.Tensor = torch.tensor (List.toArray numbers, dtype = float64)

/// TorchSharp has not implemented these operations; TorchScript has them.
let private operations: Lazy<torch.jit.CompilationUnit> =
    lazy
        (torch.jit.compile
            """
def per_channel(x, scale, zero, axis: int, least: int, greatest: int):
    return torch.fake_quantize_per_channel_affine(x, scale, zero, axis, least, greatest)

def per_tensor(x, scale, zero, least: int, greatest: int):
    return torch.fake_quantize_per_tensor_affine(x, scale, zero, least, greatest)
""")

let private call (name: string) (arguments: obj list) : torch.Tensor =
    operations.Value.invoke<torch.Tensor>(name, List.toArray arguments)

let private agreesWithTorch: Test =
    inScope "fakeQuantized is torch's operation, gradients included" (fun () ->
        for seed in 1UL .. 20UL do
            let tensor = normal float32 seed [ 3L; 5L; 2L ]
            // Twice as far out as the range, and halves between the numbers of the grid.
            let parameter = normal float32 (seed + 100UL) [ 3L; 5L; 2L ] * 2.0.ToScalar()
            let weights = normal float32 (seed + 200UL) [ 3L; 5L; 2L ]

            for bits, scheme, dimension, least, greatest in
                [
                    8, symmetric, 0, -127L, 127L
                    8, affine, 1, 0L, 255L
                    4, affine, -1, 0L, 15L
                    2, symmetric, 2, -1L, 1L
                    16, symmetric, 0, -32767L, 32767L
                ] do
                let value = fakeQuantized bits scheme (Granularity.Channel dimension)
                let parts = started value tensor
                let zeroPoint = parts.Buffers[1].``to`` torch.ScalarType.Int32
                let axis = (dimension + 3) % 3
                let struct (made, gradient) = withGradient value parts parameter weights
                let leaf = parameter.detach().clone().requires_grad_ true

                let expected = call "per_channel" [ leaf; parts.Buffers[0]; zeroPoint; int64 axis; least; greatest ]

                let expectedGradient = (torch.autograd.grad ([| (expected * weights).sum() |], [| leaf |]))[0]
                Expect.equal (Measures.apart expected made) 0.0 $"{value}, seed {seed}"
                Expect.equal (Measures.apart expectedGradient gradient) 0.0 $"{value}, seed {seed}: gradients"

                let whole = fakeQuantized bits scheme Granularity.Tensor
                let parts = started whole tensor
                let zeroPoint = parts.Buffers[1].``to`` torch.ScalarType.Int32

                let expected = call "per_tensor" [ parameter; parts.Buffers[0]; zeroPoint; least; greatest ]

                let made = Parametrization.forward whole (withLeaf 0 parameter whole parts)
                Expect.equal (Measures.apart expected made) 0.0 $"{whole}, seed {seed}")

let private ranges: Test =
    inScope "scales are those of the range, and halves go to even numbers" (fun () ->
        let tensor = vector [ -1.0; 0.5; 3.0 ]
        let buffers value = [ for buffer in (started value tensor).Buffers -> Tensors.number buffer ]
        Expect.equal (buffers (fakeQuantized 3 symmetric Granularity.Tensor)) [ 1.0; 0.0 ] "-3 .. 3"
        Expect.equal (buffers (fakeQuantized 2 affine Granularity.Tensor)) [ 4.0 / 3.0; 1.0 ] "0 .. 3"
        let value = fakeQuantized 3 symmetric Granularity.Tensor
        let parts = started value tensor
        let parameter = vector [ 0.5; 1.5; 2.5; -0.5; -1.5; 9.0; -9.0; 3.5; 3.6 ]
        let parts = Parametrization.ofTensors [ parameter ] parts.Buffers value
        let struct (made, gradient) = withGradient value parts parameter (torch.ones_like parameter)
        Expect.equal (Measures.apart made (vector [ 0.0; 2.0; 2.0; -0.0; -2.0; 3.0; -3.0; 3.0; 3.0 ])) 0.0 "to even"
        Expect.equal (Measures.apart gradient (vector [ 1.0; 1.0; 1.0; 1.0; 1.0; 0.0; 0.0; 0.0; 0.0 ])) 0.0 "gradients")

let private zeroPoints: Test =
    inScope "zero points are those of the scheme" (fun () ->
        let x = vector [ -1.0; 0.5; 3.0 ]

        let carrying zeroPoint value =
            Parametrization.ofTensors [ x ] [ vector([ 1.0 ]).reshape [||]; zeroPoint ] value

        for value, zeroPoint, isRight in
            [
                fakeQuantized 3 symmetric Granularity.Tensor, 0L, true
                fakeQuantized 3 symmetric Granularity.Tensor, 1L, false
                fakeQuantized 3 affine Granularity.Tensor, 7L, true
                fakeQuantized 3 affine Granularity.Tensor, 8L, false
                fakeQuantized 3 affine Granularity.Tensor, -1L, false
            ] do
            let parts = value |> carrying (torch.tensor (int32 zeroPoint))
            let named = Parametrization.misfits value 1e-15 parts |> List.map fst
            Expect.equal named (if isRight then [] else [ "0.zeroPoint" ]) $"{value}, {zeroPoint}")

/// In 16 bits, the rounding of a scale can move a zero point by more than the range of the grid.
let private zeroPointsInHalf: Test =
    inScope "zero points are on the grid, however coarse the scale" (fun () ->
        for dtype in [ torch.ScalarType.Float16; torch.ScalarType.BFloat16; float32 ] do
            for bits in [ 2; 4; 8 ] do
                for low in [ -1.0; -0.3; -7.77 ] do
                    for high in [ 0.0; 1e-3; 0.011; 0.5 ] do
                        let tensor = (vector [ low; high; low / 3.0 ]).``to`` dtype
                        let value = fakeQuantized bits affine Granularity.Tensor
                        let zeroPoint = (started value tensor).Buffers[1].item<int64>()
                        let what = $"{dtype}, {bits} bits, from {low} to {high}: {zeroPoint}"
                        Expect.isTrue (zeroPoint >= 0L && zeroPoint < (1L <<< bits)) what)

/// A report says the same each time.
let private saturationWithoutNoise: Test =
    inScope "saturation is told as in evaluation" (fun () ->
        let tensor = normal float64 3UL [ 20L; 20L ] * 3.0.ToScalar()
        let quiet = bounded -10.0 10.0
        let noisy = weightNoise 30.0 >>> quiet
        let ofValue value = Parametrization.saturation value (Parametrization.ofTensors [ tensor ] [] value)
        Expect.equal (ofValue noisy) (ofValue quiet) "the share of entries")

/// As PyTorch starts a layer, of as many numbers as each output reads.
let private adaptersOfKernels: Test =
    inScope "the first factor of an adapter is uniform up to 1 / sqrt k, kernels included" (fun () ->
        for shape, inputs in [ [ 6L; 400L ], 400.0; [ 6L; 40L; 3L; 3L ], 360.0 ] do
            let parts = started (lora 4L 8.0) (normal float64 5UL shape)
            let largest, most = Measures.largest parts.Parameters[0], 1.0 / sqrt inputs
            Expect.isLessThanOrEqual largest most $"{shape}"
            Expect.isGreaterThan largest (0.99 * most) $"{shape}")

/// From where a channel of zeros can grow beside the others.
let private channelsOfZeros: Test =
    inScope "channels of zeros have the scale of the largest of the others" (fun () ->
        for scheme in [ symmetric; affine ] do
            let value = fakeQuantized 4 scheme (Granularity.Channel 0)

            let scales (rows: torch.Tensor list) = (started value (torch.stack (List.toArray rows))).Buffers[0]

            let zeros, some, more = vector [ 0.0; 0.0; 0.0 ], vector [ 0.3; -0.9; 1.5 ], vector [ 40.0; 1.0; -9.0 ]
            let beside = scales [ zeros; some; more ]
            let alone = scales [ some; more ]
            Expect.equal (Measures.apart (beside.narrow (0L, 1L, 2L)) alone) 0.0 $"{value}: the others"
            Expect.equal (Measures.apart beside[0L] alone[1L]) 0.0 $"{value}: that of zeros"
            Expect.equal (Measures.apart (scales [ zeros; zeros ]) (vector [ 1.0; 1.0 ])) 0.0 $"{value}: zeros alone")

/// Grids are found for some channels at a time, for fewer the more steps there are.
let private manyChannels: Test =
    inScope "each of many channels has a grid of its own" (fun () ->
        for bits, channels in [ 8, 30L; 16, 30L; 16, 100L; 8, 7000L ] do
            for scheme in [ symmetric; affine ] do
                let value = fakeQuantized bits scheme (Granularity.Channel 0)

                let scales = torch.linspace (0.01, 3.0, channels, dtype = float64, device = torch.CPU)

                let rows = normal float64 5UL [ channels; 4L ] * scales.unsqueeze -1L
                let w = Parametrization.project value rows
                Expect.isOk (Parametrization.contains value w) $"{value}, {channels} channels"
                let made = Parametrization.forward value (started value w)
                Expect.isLessThan (Measures.apart made w) 1e-9 $"{value}, {channels} channels")

/// What lies on some grid is allowed, and is found to lie on it; what lies on none is not.
let private members: Test =
    inScope "tensors on other grids than that of their range are allowed" (fun () ->
        let value = fakeQuantized 4 symmetric (Granularity.Channel 0)

        let on =
            torch.stack [| vector [ 0.3; -0.9; 1.5 ]; vector [ 0.0; 0.0; 0.0 ]; vector [ 0.7; 0.0; -0.1 ] |]

        let off =
            torch.stack [| vector [ 0.3; -0.9; 1.5 ]; vector [ 0.0; 0.0; 0.0 ]; vector [ 0.7; 0.033; -0.1 ] |]

        Expect.isOk (Parametrization.contains value on) "on grids"
        let parts = orFail (Parametrization.initialize value on)
        Expect.isLessThan (Measures.apart on (Parametrization.forward value parts)) 1e-15 "comes back"
        Expect.isError (Parametrization.contains value off) "beside a grid"
        // Nine steps of an affine grid of seven.
        let affine = fakeQuantized 3 affine Granularity.Tensor
        Expect.isOk (Parametrization.contains affine (vector [ -3.0; 4.0 ])) "seven steps"
        Expect.isError (Parametrization.contains affine (vector [ -4.0; 5.0 ])) "nine steps"
        // One that is in use admits nothing of another.
        let whole = fakeQuantized 8 symmetric Granularity.Tensor
        let parts = started whole (vector [ 127.0; 1.0 ])
        Expect.isOk (Parametrization.admits whole parts (vector [ -5.0; 126.0 ])) "on the grid in use"
        Expect.isError (Parametrization.admits whole parts (vector [ -5.0; 0.5 ])) "between its numbers"
        Expect.isError (Parametrization.admits whole parts (vector [ -5.0; 128.0 ])) "beyond its range")

let private signs: Test =
    inScope "signs and their sizes, with gradients straight through" (fun () ->
        let x = vector [ 3.0; -1.0; 0.0; 0.5; -2.5 ]
        let weights = vector [ 1.0; 2.0; 3.0; 4.0; 5.0 ]

        for value, expected in
            [
                binary Granularity.Tensor, vector [ 1.4; -1.4; 1.4; 1.4; -1.4 ]
                // The threshold is 0.98.
                ternary Granularity.Tensor, vector [ 1.0; -1.0; 0.0; 0.0; -1.0 ] * (6.5 / 3.0).ToScalar()
            ] do
            let parts = started value x
            let struct (made, gradient) = withGradient value parts x weights
            Expect.isLessThan (Measures.apart made expected) 1e-15 $"{value}"
            Expect.equal (Measures.apart gradient weights) 0.0 $"{value}: gradients"
            let zeros = torch.zeros_like x
            Expect.isOk (Parametrization.contains value zeros) $"{value}: zeros"
            let struct (made, gradient) = withGradient value (started value zeros) zeros weights
            Expect.equal (Tensors.largest made) 0.0 $"{value} of zeros"
            Expect.equal (Measures.apart gradient weights) 0.0 $"{value} of zeros: gradients")

/// Registered zeros have a grid on which they can be trained.
let private zeros: Test =
    inScope "zero channels take the scale of the others" (fun () ->
        let value = fakeQuantized 8 symmetric (Granularity.Channel 0)
        let tensor = torch.stack [| vector [ 1.0; 127.0 ]; vector [ 0.0; 0.0 ] |]
        let scale = (started value tensor).Buffers[0]
        Expect.equal (Measures.apart scale (vector [ 1.0; 1.0 ])) 0.0 "beside others"
        let scale = (started value (torch.zeros (2L, 2L, dtype = float64))).Buffers[0]
        Expect.equal (Measures.apart scale (vector [ 1.0; 1.0 ])) 0.0 "alone")

let private large: Test =
    inScope "a large weight is registered and told from its neighbours" (fun () ->
        for value in
            [
                fakeQuantized 8 symmetric (Granularity.Channel 0)
                fakeQuantized 8 affine Granularity.Tensor
                binary (Granularity.Channel 0)
                ternary Granularity.Tensor
            ] do
            let x = normal float32 1UL [ 768L; 768L ]
            Expect.isError (Parametrization.contains value x) $"{value}: normal numbers"
            let projected = Parametrization.project value x
            Expect.isOk (Parametrization.contains value projected) $"{value}: projected"
            let back = Parametrization.forward value (started value projected)
            Expect.isLessThan (Measures.apart back projected) 1e-6 $"{value}: comes back")

/// The loss `sum(W weights) + lambda / 2 sum (X - W)^2`, the latter W detached: SR-STE.
let private refined: Test =
    inScope "hidden entries get gradients, and SR-STE those that pull them to zero" (fun () ->
        let value = groupSparse 1 2
        let x = vector [ 3.0; -1.0; 0.5; 2.0 ]
        let weights = vector [ 1.0; 2.0; 3.0; 4.0 ]
        let leaf = x.clone().requires_grad_ true
        let made = Parametrization.forward value (Parametrization.ofTensors [ leaf ] [] value)
        Expect.equal (Measures.apart made (vector [ 3.0; 0.0; 0.0; 2.0 ])) 0.0 "the largest"

        let loss = (made * weights).sum() + (leaf - made.detach ()).square().sum() * (0.1 / 2.0).ToScalar()

        let gradient = (torch.autograd.grad ([| loss |], [| leaf |]))[0]
        let expected = weights + vector [ 0.0; -1.0; 0.5; 0.0 ] * 0.1.ToScalar()
        Expect.isLessThan (Measures.apart gradient expected) 1e-15 "gradients")

let private constantChannels: Test =
    inScope "constant channels get a direction, and train from there" (fun () ->
        for dtype in [ float32; float64 ] do
            for constant in [ 0.0; 0.1; -3e30 ] do
                let value = weightStandardized 0
                let rows = [| normal dtype 1UL [ 5L ]; torch.full ([| 5L |], constant.ToScalar(), dtype = dtype) |]
                let x = torch.stack rows
                let projected = Parametrization.project value x
                Expect.isOk (Parametrization.contains value projected) $"{constant}: projected"
                let leaf = (Seq.head (started value x).Parameters).detach().requires_grad_ true
                let made = Parametrization.forward value (Parametrization.ofTensors [ leaf ] [] value)
                let loss = (made * normal dtype 2UL [ 2L; 5L ]).sum()
                let gradient = (torch.autograd.grad ([| loss |], [| leaf |]))[0]
                let size = Measures.largest (gradient[1])
                Expect.isTrue (size > 1e-3 && size < 1e3) $"{constant}: the gradient is {size}"

        // Small deviations beside a large mean.
        let x = normal float32 3UL [ 4L; 64L ] + 1e4.ToScalar()

        let made =
            Parametrization.forward (weightStandardized 0) (Parametrization.ofTensors [ x ] [] (weightStandardized 0))

        Expect.isOk (Parametrization.contains (weightStandardized 0) made) "a large mean"

        // Deviations of some roundoffs are deviations, not rounding.
        for dtype in [ float32; float64 ] do
            let pattern = torch.tensor([| 1.0; -1.0; 3.0; -3.0 |], dtype = dtype).reshape(1L, 4L)
            let near = pattern * (8.0 * Form.epsilon dtype).ToScalar() + 1.0.ToScalar()
            let ofX x = Parametrization.apply (weightStandardized 0) x
            Expect.isLessThan (Measures.apart (ofX near) (ofX pattern)) 1e-6 $"{dtype}: the pattern")

let private gains: Test =
    inScope "gains are spectral norms, also of kernels, and zeros can be trained" (fun () ->
        let huge = torch.full ([| 2L; 2L |], (3e38).ToScalar(), dtype = torch.ScalarType.Float32)
        Expect.isError (Parametrization.contains sigmaReparametrized huge) "a norm that is no number of the type"
        Expect.isOk (Parametrization.contains sigmaReparametrized (huge * (0.1).ToScalar())) "one that is"

        let kernel = normal float64 1UL [ 4L; 3L; 2L; 2L ]
        let parts = orFail (Parametrization.initialize sigmaReparametrized kernel)
        let norm = Tensors.number ((torch.linalg.svdvals (kernel.reshape (4L, -1L))).max())
        Expect.floatClose Accuracy.high (Tensors.number parts.Parameters[0]) norm "the gain"
        let turned = withLeaf 0 (torch.tensor (-norm, dtype = float64)) sigmaReparametrized parts

        Expect.isLessThan
            (Measures.apart (Parametrization.forward sigmaReparametrized turned) -kernel)
            1e-13
            "negative"

        let zero = started sigmaReparametrized (torch.zeros (3L, 2L, dtype = float64))
        let made = Parametrization.forward sigmaReparametrized zero
        let gradients = torch.autograd.grad ([| made.sum () |], Array.ofSeq zero.Parameters)
        Expect.equal (Measures.largest made) 0.0 "zeros"
        Expect.isGreaterThan (Measures.largest gradients[0]) 0.1 "the gradient of the gain")

let private lipschitz: Test =
    inScope "aol: corners of its image" (fun () ->
        let eye = torch.eye (4L, dtype = float64)
        let zeroColumn = torch.cat ([| eye.narrow (1L, 0L, 2L); torch.zeros (4L, 1L, dtype = float64) |], 1L)
        let ones = torch.full ([| 3L; 4L |], (1.0 / sqrt 12.0).ToScalar(), dtype = float64)

        for what, w in
            [
                "the identity", eye
                "a zero column", zeroColumn
                "equal columns", ones
                "zeros", torch.zeros (3L, 2L, dtype = float64)
                "blocks", torch.block_diag [| eye; ones |]
            ] do
            Expect.isOk (Parametrization.contains aol w) what
            let back = Parametrization.forward aol (orFail (Parametrization.initialize aol w))
            Expect.isLessThan (Measures.apart back w) 1e-13 $"{what}: comes back"

        for what, w in
            [
                "half of the identity", eye * 0.5.ToScalar()
                "a small block beside others", torch.block_diag [| eye; ones * 0.9.ToScalar() |]
                "twice", eye * 2.0.ToScalar()
                "huge", eye * 1e300.ToScalar()
                // Their squares are no numbers.
                "tiny", eye * 1e-200.ToScalar()
                "a tiny column", zeroColumn + 1e-170.ToScalar()
            ] do
            Expect.isError (Parametrization.contains aol w) what

        // Columns of very different sizes, whose Perron vectors have small entries; columns that are nearly orthogonal.
        for seed in 1UL .. 20UL do
            let graded = torch.logspace (0.0, -12.0, 6L, dtype = float64)

            let nearly =
                torch.eye (6L, dtype = float64) + normal float64 seed [ 6L; 6L ] * (10.0 ** -float seed).ToScalar()

            for x in [ normal float64 seed [ 8L; 6L ] * graded; nearly ] do
                let w = Parametrization.forward aol (Parametrization.ofTensors [ x ] [] aol)
                Expect.isLessThan (Tensors.number ((torch.linalg.svdvals w).max())) (1.0 + 1e-14) "the norm"
                Expect.isOk (Parametrization.contains aol w) $"seed {seed}"
                let back = Parametrization.forward aol (orFail (Parametrization.initialize aol w))
                Expect.isLessThan (Measures.apart back w) 1e-12 $"seed {seed}: comes back"

        // One column is as it should be, and others are not.
        let mixed = torch.tensor([| 3.0; 0.0; 4.0; 0.0; 0.0; 2.0 |], dtype = float64).reshape(2L, 3L)
        let expected = Parametrization.forward aol (Parametrization.ofTensors [ mixed ] [] aol)
        Expect.isLessThan (Measures.apart expected (Parametrization.project aol mixed)) 1e-13 "a projection"

        let zeros = torch.zeros(3L, 2L, dtype = float64).requires_grad_ true
        let made = Parametrization.forward aol (Parametrization.ofTensors [ zeros ] [] aol)
        let gradient = (torch.autograd.grad ([| made.sum () |], [| zeros |]))[0]
        Expect.equal (Measures.apart gradient (torch.ones_like gradient)) 0.0 "the gradient at zeros")

/// By what the convolution makes of random inputs, and by matrices whose norms are known.
let private convolutions: Test =
    inScope "operator norms of convolutions" (fun () ->
        for seed in 1UL .. 5UL do
            let kernel = normal float64 seed [ 3L; 2L; 3L; 2L ]
            let norm = Tensors.number (ConvolutionNorm.operatorNorm [ 6L; 5L ] kernel)
            let rows = torch.eye (60L, dtype = float64)

            let padded =
                torch.nn.functional.pad (rows.reshape (60L, 2L, 6L, 5L), [| 0L; 1L; 0L; 2L |], PaddingModes.Circular)

            let whole = torch.nn.functional.conv2d (padded, kernel)
            let expected = Tensors.number ((torch.linalg.svdvals (whole.reshape (60L, -1L))).max())
            Expect.floatClose Accuracy.high norm expected $"seed {seed}"
            let line = kernel.select (3L, 0L)
            let alone = ConvolutionNorm.operatorNorm [ 7L ] line
            let column = ConvolutionNorm.operatorNorm [ 7L; 1L ] (line.unsqueeze -1L)
            Expect.floatClose Accuracy.high (Tensors.number alone) (Tensors.number column) "of one dimension"
            let tiny = Tensors.number (ConvolutionNorm.operatorNorm [ 6L; 5L ] (kernel * 1e-200.ToScalar()))
            Expect.floatClose Accuracy.high (tiny * 1e200) norm "tiny"

        // An identity: all singular values are equal.
        let identity = torch.zeros (3L, 3L, 3L, 3L, dtype = float64)
        identity.select(2L, 1L).select(2L, 1L).copy_(torch.eye (3L, dtype = float64)) |> ignore
        let leaf = identity.clone().requires_grad_ true
        let norm = ConvolutionNorm.operatorNorm [ 8L; 8L ] leaf
        Expect.floatClose Accuracy.high (Tensors.number norm) 1.0 "of the identity"
        let gradient = (torch.autograd.grad ([| norm |], [| leaf |]))[0]
        Expect.equal (Tensors.nonFinite gradient) 0L "the gradient at equal values"
        let value = convolutionNorm [ 8L; 8L ] 1.0
        let zeros = torch.zeros_like(identity).requires_grad_ true
        let made = Parametrization.forward value (Parametrization.ofTensors [ zeros ] [] value)
        let gradient = (torch.autograd.grad ([| made.sum () |], [| zeros |]))[0]
        Expect.equal (Measures.apart gradient (torch.ones_like gradient)) 0.0 "the gradient at zeros"
        use large = normal float32 1UL [ 16L; 16L; 3L; 3L ]
        let projected = Parametrization.project (convolutionNorm [ 16L; 16L ] 1.0) large
        Expect.isOk (Parametrization.contains (convolutionNorm [ 16L; 16L ] 1.0) projected) "a large one"

        for kernel, sizes in [ identity, [ 8L ]; identity, [ 2L; 8L ] ] do
            Expect.throwsT<System.ArgumentException>
                (fun () -> ConvolutionNorm.operatorNorm sizes kernel |> ignore)
                $"{sizes}")

let private noise: Test =
    inScope "noise has the moments that it says, and gradients go through" (fun () ->
        let x = torch.full ([| 20000L |], 2.0.ToScalar(), dtype = float64)

        for value, mean, square in [ weightNoise 0.5, 2.0, 4.25; weightDropout 0.2, 2.0, 5.0 ] do
            let leaf = x.clone().requires_grad_ true
            let parts = Parametrization.ofTensors [ leaf ] [] value
            torch.manual_seed 7L |> ignore
            let made = Parametrization.forwardInTraining value parts
            torch.manual_seed 7L |> ignore
            let again = Parametrization.forwardInTraining value parts
            Expect.equal (Measures.apart made again) 0.0 $"{value}: one seed"
            Expect.isLessThan (abs (Tensors.number (made.mean ()) - mean)) 0.05 $"{value}: the mean"
            Expect.isLessThan (abs (Tensors.number (made.square().mean()) - square)) 0.15 $"{value}: the mean square"
            let gradient = (torch.autograd.grad ([| made.sum () |], [| leaf |]))[0]
            let expected = if value = weightNoise 0.5 then torch.ones_like x else made.detach () / x
            Expect.isLessThan (Measures.apart gradient expected) 1e-14 $"{value}: the gradient"
            Expect.equal (Measures.apart (Parametrization.forward value parts) x) 0.0 $"{value}: in evaluation"

        // Behind a space that noise leaves.
        let value = orthogonal >>> weightNoise 0.1
        let tensor = torch.eye (3L, dtype = float64)
        Expect.isOk (Parametrization.initialize value tensor) $"{value}"
        Expect.isError (Parametrization.tryAndThen cayley (skew >>> weightNoise 0.1)) "noise is not skew")

let private options: Test =
    testCase "options that make no sense are refused" (fun () ->
        let refused (what: string) (make: unit -> Parametrization) =
            Expect.throwsT<System.ArgumentException> (fun () -> make () |> ignore) what

        for bits in [ -1; 0; 1; 9; 15; 17 ] do
            refused $"{bits} bits" (fun () -> fakeQuantized bits symmetric Granularity.Tensor)

        for keep, size in [ 0, 4; 5, 4; -1, 1 ] do
            refused $"{keep} of {size}" (fun () -> groupSparse keep size)

        for deviation in [ 0.0; -1.0; infinity; nan ] do
            refused $"noise {deviation}" (fun () -> weightNoise deviation)
            refused $"bound {deviation}" (fun () -> convolutionNorm [ 3L ] deviation)

        for probability in [ -0.1; 1.0; nan ] do
            refused $"dropout {probability}" (fun () -> weightDropout probability)

        for sizes in [ []; [ 0L; 3L ] ] do
            refused $"sizes {sizes}" (fun () -> convolutionNorm sizes 1.0)

        refused "orthogonal directions" (fun () -> gain [ identity; orthogonal ])

        for value, shape in
            [
                weightStandardized 0, [ 3L ]
                weightStandardized 2, [ 3L; 4L ]
                groupSparse 2 4, [ 3L; 6L ]
                binary (Granularity.Channel 1), [ 3L ]
                convolutionNorm [ 3L; 3L ] 1.0, [ 2L; 2L; 4L; 1L ]
                convolutionNorm [ 3L; 3L ] 1.0, [ 2L; 2L; 1L ]
            ] do
            use tensor = torch.ones (List.toArray shape)
            Expect.isError (Parametrization.contains value tensor) $"{value} of {shape}")

/// The grid is in the units of a tensor that the values behind it divide by their own numbers.
let private rescaledGrids: Test =
    inScope "what yields a grid in other units takes its own tensors" (fun () ->
        let grids =
            [ fakeQuantized 8 symmetric Granularity.Tensor; fakeQuantized 4 affine (Granularity.Channel 0) ]

        let values =
            [
                for grid in grids do
                    grid >>> spectralNorm, [ 8L; 8L ]
                    grid >>> convolutionNorm [ 4L; 4L ] 1.0, [ 3L; 2L; 2L; 2L ]
                    kronecker (2L, 2L) identity grid, [ 4L; 4L ]
            ]

        for value, shape in values do
            for dtype in [ float64; float32 ] do
                let parts = started value (normal dtype 1UL shape)
                let moved = withLeaf 0 (normal dtype 2UL (List.ofArray parts.Parameters[0].shape)) value parts
                let near = 64.0 * Form.epsilon dtype

                for parts in [ parts; orFail (Parametrization.refresh value moved) ] do
                    let tensor = Parametrization.forward value parts
                    Expect.isOk (Parametrization.admits value parts tensor) $"{value}, {dtype}"

                    for again in
                        [ Parametrization.rightInverse value parts tensor; Parametrization.rebase value parts ] do
                        let back = Parametrization.forward value (orFail again)
                        Expect.isLessThan (Measures.apart back tensor) near $"{value}, {dtype}")

let private grownByNoNumber: Test =
    inScope "ranges do not grow to what is no number" (fun () ->
        for scheme in [ symmetric; affine ] do
            for bad in [ infinity; -infinity; nan ] do
                let value = fakeQuantized 4 scheme Granularity.Tensor
                let parts = started value (normal float64 1UL [ 3L; 4L ])
                let x = parts.Parameters[0].detach().clone()
                x[0, 0] <- torch.tensor (bad, dtype = float64)

                let next =
                    Parametrization.advance value (Parametrization.ofTensorsLike parts [ x ] parts.Buffers value)

                for before, after in Seq.zip parts.Buffers next.Buffers do
                    Expect.isTrue (before.Equals after) $"{scheme}, {bad}")

let tests: Test =
    testList
        "practice"
        [
            rescaledGrids
            agreesWithTorch
            ranges
            grownByNoNumber
            channelsOfZeros
            manyChannels
            zeroPoints
            zeroPointsInHalf
            saturationWithoutNoise
            adaptersOfKernels
            members
            signs
            zeros
            large
            refined
            constantChannels
            gains
            lipschitz
            convolutions
            noise
            options
        ]
