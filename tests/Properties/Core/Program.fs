module Properties.Core.Program

open Expecto
open TorchSharp

[<EntryPoint>]
let main arguments =
    testList
        "placeholder"
        [ test "libtorch loads" { Expect.equal (torch.ones(2L).sum().item<float32>()) 2.0f "1 + 1" } ]
    |> runTestsWithCLIArgs [] arguments
