/// What is assigned and nearly allowed, as what bfloat16 has rounded, becomes its projection.
module Properties.Core.Values.NearlyAllowedTests

open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open Properties.Core
open TorchSharp

let private hasOwn (value: Parametrization) : bool =
    value.Program.Nodes |> Array.exists (fun node -> Node.chooses node || Node.learns node)

let private becomesItsProjection (value: Parametrization) (nearly: torch.Tensor) (parts: Parts) : unit =
    let projected = Parametrization.project value nearly

    if Measures.apart projected nearly <= 0.01 * Measures.largest nearly then
        let taken = orFail (Accepting.take value parts nearly)
        let allowed = 64.0 * Form.epsilon nearly.dtype * Measures.largest nearly
        Expect.isLessThanOrEqual (Measures.apart (Parametrization.forward value taken) projected) allowed $"{value}"

let private ofCatalogue (subject: Subject) : Test =
    testCase subject.Name (fun () ->
        let dtype = torch.ScalarType.Float64

        if
            subject.Value.Program.HasRightInverse
            && not (hasOwn subject.Value)
            && List.contains dtype subject.Dtypes
        then
            for seed in 1UL .. 3UL do
                use _ = torch.NewDisposeScope()
                use generator = new torch.Generator(seed, torch.CPU)

                let form =
                    {
                        Shape = Generators.Subjects.smallShape subject
                        Dtype = dtype
                        Device = Case.device
                    }

                let member' = Parametrization.sample subject.Value form (Some generator)
                let parts = orFail (Parametrization.initialize subject.Value member')
                becomesItsProjection subject.Value ((member'.``to`` torch.bfloat16).``to`` dtype) parts
                becomesItsProjection subject.Value (member' * (1.003).ToScalar()) parts)

/// A layer whose singular values are all close to the bound keeps them.
let private lipschitzLayer () : unit =
    use _ = torch.NewDisposeScope()
    let value, size = lipschitz 1.0, 64L
    use generator = new torch.Generator(1UL, torch.CPU)
    let form = { Shape = [| size; size |]; Dtype = torch.float32; Device = Case.device }
    let weight = Parametrization.sample orthogonal form (Some generator) * (0.9999).ToScalar()
    let parts = orFail (Parametrization.initialize value weight)
    let taken = orFail (Accepting.take value parts ((weight.``to`` torch.bfloat16).``to`` torch.float32))
    Expect.isLessThan (Measures.apart (Parametrization.forward value taken) weight) 0.01 "the weight before rounding"

let tests: Test =
    testList
        "nearly allowed tensors"
        [
            testCase "a layer of singular values near the bound" lipschitzLayer
            yield! List.map ofCatalogue Generators.Subjects.all
        ]
