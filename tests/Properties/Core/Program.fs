module Properties.Core.Program

open Expecto
open TorchSharp

let private tests: Test = testList "core" [ LawSuite.coverage; LawSuite.tests ]

[<EntryPoint>]
let main arguments =
    // Many small tensors: threads cost more than they bring.
    torch.set_num_threads 1
    runTestsWithCLIArgs [ CLIArguments.Sequenced ] arguments tests
