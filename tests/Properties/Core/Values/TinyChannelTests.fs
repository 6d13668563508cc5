/// Channels that are tiny beside others: what is computed from their squares is a number all the same.
module Properties.Core.Values.TinyChannelTests

open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open Properties.Core
open TorchSharp

let private single = torch.ScalarType.Float32

let tests: Test =
    testList
        "tiny channels"
        [
            for tiny in [ 1e-8; 1e-13; 1e-20; 1e-30 ] do
                testCase $"gradients of aol, {tiny}" (fun () ->
                    use _ = torch.NewDisposeScope()
                    let diagonal = torch.tensor ([| 2.0f; 2.0f; 2.0f; float32 tiny |], device = Case.device)
                    let parts = orFail (Parametrization.initializeNearest aol (torch.diag diagonal))
                    let parameter = parts.Parameters[0]
                    use _ = torch.enable_grad ()
                    let x = torch.diag(diagonal).requires_grad_ true
                    let yielded = Parametrization.forward aol (Parametrization.ofTensors [ x ] parts.Buffers aol)
                    yielded.sum().backward()
                    Expect.isTrue ((nonNull x.grad).isfinite().all().item<bool>()) "of the tensor"
                    Expect.isTrue (parameter.isfinite().all().item<bool>()) "the parameter")

                for power in [ 1.0; 2.0; 3.0 ] do
                    testCase $"pruned rows, {tiny}, power {power}" (fun () ->
                        use _ = torch.NewDisposeScope()
                        let value = pruned (Pruning.Ln(Amount.Share 0.5, power, 0))

                        let scales =
                            torch.tensor ([| 1.0f; 1.0f; float32 tiny; 0.0f; 0.0f; 0.0f |], device = Case.device)

                        let tensor = normalOn Case.device single 3UL [ 6L; 4L ] * scales.unsqueeze -1L
                        let parts = orFail (Parametrization.start value tensor)
                        let yielded = Parametrization.forward value parts
                        Expect.equal (Measures.apart yielded tensor) 0.0 "nothing but zeros is hidden"
                        orFail (Parametrization.contains value yielded))
        ]
