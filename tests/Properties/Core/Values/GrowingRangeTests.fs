/// Quantized in training: the range follows what grows beyond it, as torch's MinMaxObserver, and never shrinks.
module Properties.Core.Values.GrowingRangeTests

open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open Properties.Core
open TorchSharp

let private numbers (parts: Parts) : float list =
    [
        for buffer in parts.Buffers do
            yield! (buffer.``to``(torch.ScalarType.Float64).cpu().contiguous()).data<double>().ToArray()
    ]

let private follows (value: Parametrization) (dtype: torch.ScalarType) : unit =
    use _ = torch.NewDisposeScope()
    let tensor = normalOn Case.device dtype 3UL [ 4L; 6L ]
    let parts = orFail (Parametrization.start value tensor)

    let advanced (factor: float) =
        value
        |> Parametrization.ofTensors [ parts.Parameters[0].detach() * factor.ToScalar() ] parts.Buffers
        |> Parametrization.advance value

    for factor in [ 1.0; 0.9; 0.1; 0.0 ] do
        Expect.equal (numbers (advanced factor)) (numbers parts) $"times {factor}"

    let grown = advanced 3.0
    let expected = orFail (Parametrization.start value (tensor * (3.0).ToScalar()))
    let yielded = Parametrization.forward value

    // The ends of the old range, rounded, may be farther out on one side.
    Expect.isLessThan (Measures.apart (yielded grown) (yielded expected)) 0.5 "times 3"
    Expect.isGreaterThan (Measures.apart (yielded parts) (yielded grown)) 1.0 "times 3, not cut off"
    Expect.equal (numbers (Parametrization.advance value grown)) (numbers grown) "once is enough"

let tests: Test =
    testList
        "growing ranges"
        [
            for scheme in [ QuantizationScheme.Symmetric; QuantizationScheme.Affine ] do
                for granularity in [ Granularity.Tensor; Granularity.Channel 0; Granularity.Channel -1 ] do
                    for dtype in [ torch.ScalarType.Float32; torch.ScalarType.BFloat16 ] do
                        let value = fakeQuantized 4 scheme granularity
                        testCase $"{value}, {dtype}" (fun () -> follows value dtype)
        ]
