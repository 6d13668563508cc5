module Properties.Core.Program

open Expecto
open Parametrize.Laws
open TorchSharp
open Properties.Core.Formulas
open Properties.Core.Golden
open Properties.Core.Priors
open Properties.Core.Values

let private tests (isAskedFor: string list -> bool) : Test =
    testList
        "core"
        [
            LawSuite.coverage
            LawSuite.tests (fun title -> isAskedFor [ "core"; "laws"; title ])
            RandomTrees.tests
            OwnValueTests.tests
            MetaTests.tests
            ChainTests.tests
            VolumeTests.tests
            ApplyTests.tests
            DeterminantTests.tests
            DensityTests.tests
            SamplingTests.tests
            PrecisionTests.tests
            PriorTests.tests
            ErrorTests.tests
            ContractTests.tests
            FamilyTests.tests
            FormulaTests.tests
            NumberTests.tests
            SpaceTests.tests
            ClaimTests.tests
            DecompositionTests.tests
            LayoutTests.tests
            OptionTests.tests
            OptionShapeTests.tests
            OwnNodeTests.tests
            CornerTests.tests
            EndOfRangeTests.tests
            DimensionTests.tests
            PracticeTests.tests
            BesideOthersTests.tests
            SpectraTests.tests
            ConditionTests.tests
            StableTests.tests
            MetricTests.tests
            PruningCornerTests.tests
            SixteenBitTests.tests
            KeepingTests.tests
            OrderedTests.tests
            StochasticTests.tests
            SpanningTreeTests.tests
            ChainValueTests.tests
            MendingTests.tests
            AccuracyTests.tests
            ExtremeTests.tests
            EffortTests.tests
            StructuredTests.tests
            NearlyAllowedTests.tests
            NearnessTests.tests
            StabilityTests.tests
            SampleTests.tests
            ChainSampleTests.tests
            BatchTests.tests
            MemberTests.tests
            ThinTests.tests
            VolumeOfNoNumberTests.tests
            NegativeStartTests.tests
            MisspellingTests.tests
            LargeGradientTests.tests
            FormTests.tests
            EqualityTests.tests
            SentenceTests.tests
            PruningCountTests.tests
            OrthogonalFamilyTests.tests
            BreachSentenceTests.tests
            ArgumentSentenceTests.tests
            ProblemTests.tests
            PieceTests.tests
            NumberTextTests.tests
            ViewTests.tests
            BoundTests.tests
            NamedErrorTests.tests
            CarriedBaseTests.tests
            ModulusTests.tests
            CutEndTests.tests
            SolveShapeTests.tests
            LearningChainTests.tests
            LeastSizeTests.tests
            RealInComplexTests.tests
            HalfTurnTests.tests
            MissingArgumentTests.tests
            PivotTests.tests
            MemoryTests.tests
            CarriedBufferTests.tests
            SmallNormTests.tests
            OpenEdgeTests.tests
            EdgeStartTests.tests
            ScheduleTests.tests
            BatchClaimTests.tests
            ComplexMagnitudeTests.tests
            GrowingRangeTests.tests
            KroneckerTurnTests.tests
            LargeSymplecticTests.tests
            TinyChannelTests.tests
            ScaledNearnessTests.tests
            NormalizedTests.tests
            BesselTests.tests
            ComplexTests.tests
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
            LimitList.tests
            ReadingTests.tests
            RegistryTests.tests
            DocumentationTests.tests
        ]

/// One of several shares of the tests, for as many processes side by side: a hash of the name that is the same in each.
let private share (index: int) (count: int) : Test =
    let hash (names: string list) =
        (2166136261u, String.concat "." names)
        ||> Seq.fold (fun hash letter -> (hash ^^^ uint32 letter) * 16777619u)

    let isMine (names: string list) = hash names % uint32 count = uint32 index
    Test.filter "." isMine (tests isMine)

[<EntryPoint>]
let main arguments =
    // Many small tensors: threads cost more than they bring.
    torch.set_num_threads 1
    torch.set_default_device Case.device

    let run = runTestsWithCLIArgs [ CLIArguments.Sequenced ]

    match arguments with
    | [| "spec" |] -> Specification.run ()
    | [| "spec"; "--markdown"; file |] -> Specification.page file
    | [| "states" |] ->
        StateList.lines () |> List.iter (printfn "%s")
        0
    | [| "numbers" |] ->
        NumberList.lines () |> List.iter (printfn "%s")
        0
    | [| "limits" |] ->
        LimitList.lines () |> List.iter (printfn "%s")
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
    | _ when Array.tryHead arguments = Some "share" && arguments.Length >= 3 ->
        run arguments[3..] (share (int arguments[1]) (int arguments[2]))
    | _ -> run arguments (tests (fun _ -> true))
