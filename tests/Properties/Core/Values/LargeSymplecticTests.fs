/// Symplectic matrices of large entries: moving the base, and another element type, move them by rounding only.
module Properties.Core.Values.LargeSymplecticTests

open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open Properties.Core
open TorchSharp

/// Two turns with a stretch between them, rounded to single precision.
let private stretched (stretch: float) : torch.Tensor =
    let turn (angle: float) =
        torch.tensor (array2D [ [ cos angle; -(sin angle) ]; [ sin angle; cos angle ] ], device = Case.device)

    let middle = torch.tensor (array2D [ [ stretch; 0.0 ]; [ 0.0; 1.0 / stretch ] ], device = Case.device)
    (turn 0.3).matmul(middle).matmul(turn 1.1).``to`` torch.ScalarType.Float32

let private moved (before: torch.Tensor) (after: torch.Tensor) : float =
    let wide (tensor: torch.Tensor) = tensor.``to`` torch.ScalarType.Float64
    (wide before - wide after).abs().max().item<double>() / (wide before).abs().max().item<double>()

let private inType (dtype: torch.ScalarType) (parts: Parts) : Parts =
    let typed (tensors: torch.Tensor seq) = [| for tensor in tensors -> tensor.``to`` dtype |]

    symplectic
    |> Parametrization.ofTensors (typed parts.Parameters) (typed parts.Buffers)
    |> Parametrization.repair symplectic

let tests: Test =
    testList
        "large symplectic matrices"
        [
            for stretch in [ 10.0; 100.0; 1e3; 3e3; 1e4; 1e6 ] do
                testCase $"{stretch}" (fun () ->
                    use _ = torch.NewDisposeScope()
                    let tensor = stretched stretch
                    let parts = orFail (Parametrization.initialize symplectic tensor)
                    Expect.equal (moved tensor (Parametrization.forward symplectic parts)) 0.0 "as it is"
                    let rebased = orFail (Parametrization.rebase symplectic parts)
                    Expect.isLessThan (moved tensor (Parametrization.forward symplectic rebased)) 1e-5 "rebased"
                    let wide = inType torch.ScalarType.Float64 parts

                    Expect.isLessThan
                        (moved tensor (Parametrization.forward symplectic wide))
                        1e-5
                        "in double precision")

            testCase "many moves do not add up" (fun () ->
                use _ = torch.NewDisposeScope()
                let tensor = stretched 30.0
                let mutable parts = orFail (Parametrization.initialize symplectic tensor)

                for _ in 1..200 do
                    parts <- orFail (Parametrization.rebase symplectic parts)

                Expect.isLessThan (moved tensor (Parametrization.forward symplectic parts)) 1e-5 "after 200 moves")
        ]
