// dotnet fsi build.fsx TARGET [ARGUMENTS]

#load "build/Shell.fsx" "build/Docs.fsx" "build/Links.fsx" "build/Packages.fsx" "build/Consumers.fsx" "build/Site.fsx" "build/Coverage.fsx"

open System
open System.IO
open System.Xml.Linq
open Shell

let solution = "Parametrize.sln"
let reports = under "artifacts/tests"

let restoreTools () = dotnet [ "tool"; "restore" ]
let build () = dotnet [ "build"; solution; "-c"; "Release"; "--nologo" ]

let fantomas (options: string list) =
    dotnet ([ "fantomas"; "src"; "tests"; "samples"; "bench"; "build"; "build.fsx" ] @ options)

let csharpier (command: string) = dotnet [ "csharpier"; command; "." ]

let elements (report: string) (name: string) : XElement list =
    if File.Exists report then
        XDocument.Load(report).Descendants()
        |> Seq.filter (fun node -> node.Name.LocalName = name)
        |> List.ofSeq
    else
        []

/// A test that failed, with the beginning of what it said.
let failed (name: string) (message: string) : Tally =
    let line = message.ReplaceLineEndings " "
    Tally.failed $"{name}: {line[..400]}"

let isOnGpu = not (isNull (Environment.GetEnvironmentVariable "TorchBackend"))

/// How many checks run side by side: one where a GPU computes.
let atOnce = if isOnGpu then 1 else min 4 Environment.ProcessorCount

/// Processes that share the laws, which run one after the other in each: with the tests of the facade, two for each of two cores.
let shares = if isOnGpu then 1 else 3

let expecto (index: int) () : Tally =
    let report = Path.Combine(reports, $"core{index}.xml")
    File.Delete report
    let colours = if Console.IsOutputRedirected then [ "--colours"; "0"; "--no-spinner" ] else []
    let share = [ "share"; string index; string shares ]
    let options = [ "--fail-on-focused-tests"; "--junit-summary"; report ]

    // Most of all Scalars are made by the laws.
    let code = startBuilt [ collectEvery "10000000" ] "tests/Properties/Core" (share @ options @ colours)

    /// Expecto puts an element into the case of a test that did not pass.
    let verdict (case: XElement) =
        match Seq.tryHead (case.Elements()) with
        | None -> Tally.passed
        | Some reason when reason.Name.LocalName = "skipped" -> Tally.Zero
        | Some reason ->
            let messages = reason.Attributes "message" |> Seq.map _.Value
            failed (case.Attribute("name").Value) (String.concat " " messages)

    elements report "testcase" |> List.sumBy verdict |> Tally.ofReport "tests/Properties/Core" code

let xunit (project: string) () : Tally =
    let report = Path.Combine(reports, $"{Path.GetFileName(project).ToLowerInvariant()}.trx")
    File.Delete report

    let built = [ "test"; project; "--no-build"; "-c"; "Release"; "--nologo" ]
    let loggers = [ "--logger"; $"trx;LogFileName={report}"; "--logger"; "console;verbosity=normal" ]
    let code = dotnetBeside [] (built @ loggers)

    let verdict (result: XElement) =
        match result.Attribute("outcome").Value with
        | "Passed" -> Tally.passed
        | "NotExecuted" -> Tally.Zero
        | _ ->
            let messages = result.Descendants() |> Seq.filter (fun node -> node.Name.LocalName = "Message")
            failed (result.Attribute("testName").Value) (String.concat " " (messages |> Seq.map _.Value))

    elements report "UnitTestResult" |> List.sumBy verdict |> Tally.ofReport project code

let sample (project: string) (options: string list) () : Tally =
    Tally.ofExitCode project (startBuilt [] project options)

/// Builds everything, and runs checks of what was built side by side.
let runBuilt (checks: (string * (unit -> Tally)) list) : int =
    // Compilers and tests run most code a few times: counting what to optimize takes a fifth of their time, and saves none.
    Environment.SetEnvironmentVariable("DOTNET_TieredPGO", "0")
    let prepare () = Tally.ofStep "building" (max (restoreTools ()) (build ()))
    let prepared = Tally.attempt ("building", prepare)
    Tally.report (if prepared.Failed = 0 then Tally.sideBySide atOnce checks else prepared)

let packagesCheck = "packages in blank projects", Consumers.checkAll

let test () : int =
    Directory.CreateDirectory reports |> ignore

    let formatting () =
        Tally.ofStep "formatting of F#" (fantomas [ "--check" ])
        + Tally.ofStep "formatting of C#" (csharpier "check")

    let checks: (string * (unit -> Tally)) list =
        [
            // The longest first, so that the last end together.
            "laws and tests of the facade", xunit "tests/Properties/CSharp"
            for index in 0 .. shares - 1 do
                $"laws of the core, {index + 1} of {shares}", expecto index
            "formatting", formatting
            "tests of the analyzer", xunit "tests/Properties/Analyzers"
            "links of the documents", Links.checkAll
            "snippets of the documents", Docs.checkAll
            packagesCheck
            "samples/Notebook", sample "samples/Notebook" []
            "samples/FSharp", sample "samples/FSharp" []
            "samples/Flows", sample "samples/Flows" [ "--steps"; "20"; "--output"; under "artifacts/flows" ]
            "samples/Showcase", sample "samples/Showcase" [ "all"; "--quick"; "--output"; under "artifacts/showcase" ]
        ]

    runBuilt checks

let docs (files: string list) : int =
    let total = if files.IsEmpty then Docs.checkAll () else Docs.checkThese files
    printfn $"{total.Passed} snippets work, {total.Failed} do not"
    min total.Failed 1

let packages () : int = runBuilt [ packagesCheck ]

/// Builds the site, and reads it in a browser.
let site (options: string list) : int =
    match options with
    | [] -> Site.build ()
    | [ "--check" ] -> max (Site.build ()) (Site.check ())
    | _ ->
        eprintfn "site takes --check, or nothing."
        1

let format () : int =
    match restoreTools () with
    | 0 -> max (fantomas []) (csharpier "format")
    | code -> code

let clean () : int =
    let generated = set [ "bin"; "obj" ]

    [ "src"; "tests"; "samples"; "bench" ]
    |> Seq.collect (fun folder -> Directory.GetDirectories(under folder, "*", SearchOption.AllDirectories))
    |> Seq.filter (fun folder -> generated.Contains(Path.GetFileName folder))
    |> Seq.append [ under "artifacts"; under "BenchmarkDotNet.Artifacts" ]
    |> Seq.iter deleteFolder

    0

let pack () : int = dotnet [ "pack"; solution; "-c"; "Release"; "--nologo" ]

type Target =
    {
        Usage: string
        Summary: string
        Run: string list -> int
    }

    member this.Name = this.Usage.Split(' ')[0]

let target (usage: string) (summary: string) (run: string list -> int) : Target =
    { Usage = usage; Summary = summary; Run = run }

let targets =
    [
        target "demo [OPTIONS]" "train the digits sample" (start "samples/Digits")
        target "test" "check, build and test everything" (fun _ -> test ())
        target "packages" "install the packages into blank projects" (fun _ -> packages ())
        target "spec [OPTIONS]" "print the laws as a specification, or --markdown FILE" (fun rest ->
            start "tests/Properties/Core" ("spec" :: rest))
        target "golden FILE" "compare with reference cases" (fun rest ->
            start "tests/Properties/Core" ("golden" :: rest))
        target "bench [OPTIONS]" "run the benchmarks" (start "bench/Parametrize.Bench")
        target "pictures" "draw the pictures of docs/catalogue" (start "samples/Pictures")
        target "coverage" "measure which lines of the libraries tests run" (fun _ -> Coverage.measure ())
        target "docs [FILES]" "compile and run the snippets of the documents" docs
        target "site [--check]" "make the site in artifacts/site; read it in a browser" site
        target "format" "format all sources" (fun _ -> format ())
        target "pack" "make the NuGet packages in artifacts/packages" (fun _ -> pack ())
        target "clean" "delete everything that was built" (fun _ -> clean ())
    ]

let cuda = "--cuda"

let help () =
    printfn "Usage: dotnet fsi build.fsx TARGET\n"

    for target in targets do
        printfn $"  {target.Usage, -18} {target.Summary}"

    printfn $"\n  {cuda, -18} with any target: on the CUDA backend of TorchSharp, which is downloaded then"

    // fsi takes --help for itself wherever it stands, except behind a double dash.
    printfn "\nOptions of a program: dotnet fsi build.fsx -- demo --help"

let arguments, options =
    List.tail (List.ofArray fsi.CommandLineArgs) |> List.partition (fun argument -> argument <> cuda)

// MSBuild takes properties from the environment, of this process and of all that it starts.
if not options.IsEmpty then
    Environment.SetEnvironmentVariable("TorchBackend", "cuda")

match arguments with
| []
| [ "help" | "--help" | "-h" ] ->
    help ()
    exit 0
| name :: rest ->
    match targets |> List.tryFind (fun target -> target.Name = name) with
    | Some target -> exit (target.Run rest)
    | None ->
        let names = targets |> List.map _.Name |> String.concat ", "
        eprintfn $"There is no target '{name}'; there are {names}."
        exit 1
