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

let private inScope (name: string) (body: unit -> unit) : Test =
    testCase name (fun () ->
        use _ = torch.NewDisposeScope()
        body ())

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

let private options: Test =
    testCase "bits that no grid has are refused" (fun () ->
        for bits in [ -1; 0; 1; 9; 15; 17 ] do
            Expect.throwsT<System.ArgumentException>
                (fun () -> fakeQuantized bits symmetric Granularity.Tensor |> ignore)
                $"{bits} bits")

let tests: Test = testList "practice" [ agreesWithTorch; ranges; members; signs; zeros; large; options ]
