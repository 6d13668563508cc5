module Properties.Core.Program

open Expecto
open TorchSharp
open Properties.Core.Formulas
open Properties.Core.Golden
open Properties.Core.Values

let private tests: Test =
    testList
        "core"
        [
            LawSuite.coverage
            LawSuite.tests
            RandomTrees.tests
            OwnValueTests.tests
            MetaTests.tests
            ChainTests.tests
            VolumeTests.tests
            ErrorTests.tests
            ContractTests.tests
            FamilyTests.tests
            FormulaTests.tests
            NumberTests.tests
            SpaceTests.tests
            ClaimTests.tests
            OptionTests.tests
            OwnNodeTests.tests
            CornerTests.tests
            BesideOthersTests.tests
            PruningCornerTests.tests
            SixteenBitTests.tests
            KeepingTests.tests
            ChainValueTests.tests
            AccuracyTests.tests
            ExtremeTests.tests
            EffortTests.tests
            NearnessTests.tests
            SampleTests.tests
            BatchTests.tests
            FormTests.tests
            EqualityTests.tests
            SentenceTests.tests
            PruningCountTests.tests
            SpaceList.tests
            OrthogonalTests.tests
            SizeTests.tests
            StartTests.tests
            SmallStartTests.tests
            RangeTests.tests
            GoldenTests.tests
            MalformedTests.tests
            OtherCasesTests.tests
            DescriptionTests.tests
            StateList.tests
            NumberList.tests
            ReadingTests.tests
            RegistryTests.tests
        ]

[<EntryPoint>]
let main arguments =
    // Many small tensors: threads cost more than they bring.
    torch.set_num_threads 1

    match arguments with
    | [| "spec" |] -> Specification.run ()
    | [| "states" |] ->
        StateList.lines () |> List.iter (printfn "%s")
        0
    | [| "numbers" |] ->
        NumberList.lines () |> List.iter (printfn "%s")
        0
    | [| "spaces" |] ->
        SpaceList.lines () |> List.iter (printfn "%s")
        0
    | [| "csharp" |] ->
        printf "%s" (ReadingTests.csharp ())
        0
    | [| "golden"; file |] -> Command.run file
    | [| "golden" |] ->
        eprintfn "golden needs a file: golden FILE"
        1
    | _ -> runTestsWithCLIArgs [ CLIArguments.Sequenced ] arguments tests
