/// Running programs and adding up what they report.
module Shell

open System
open System.Diagnostics
open System.IO
open System.Threading.Tasks

let root = Path.GetDirectoryName __SOURCE_DIRECTORY__

let under (path: string) : string = Path.Combine(root, path)

/// Runs a program with this terminal as its own, so that its output streams, and returns its exit code.
let private run (folder: string) (program: string) (arguments: string list) : int =
    printfn $"""> {program} {String.concat " " arguments}"""
    use started = Process.Start(ProcessStartInfo(program, arguments, WorkingDirectory = folder))
    started.WaitForExit()
    started.ExitCode

/// Runs a command of the SDK in the root folder, where it finds the repository's SDK version and tools.
let dotnet (arguments: string list) : int = run root "dotnet" arguments

/// Starts a program in a folder; the task has its exit code and what it printed.
let private begin' (folder: string) (program: string) (arguments: string list) : Task<int * string> =
    let redirected =
        ProcessStartInfo(
            program,
            arguments,
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true
        )

    let started = Process.Start redirected
    let output, errors = started.StandardOutput.ReadToEndAsync(), started.StandardError.ReadToEndAsync()

    task {
        do! started.WaitForExitAsync()
        let! output = output
        let! errors = errors
        return started.ExitCode, output + errors
    }

/// Runs a program in a folder, and returns its exit code and what it printed.
let programAt (folder: string) (program: string) (arguments: string list) : int * string =
    (begin' folder program arguments).Result

/// The same for a command of the SDK.
let dotnetAt (folder: string) (arguments: string list) : int * string = programAt folder "dotnet" arguments

/// Builds a program and runs it where the user stands, so that file arguments mean what they say.
let start (project: string) (arguments: string list) : int =
    run Environment.CurrentDirectory "dotnet" ([ "run"; "-c"; "Release"; "--project"; under project; "--" ] @ arguments)

let private built (project: string) (arguments: string list) : string list =
    [ "run"; "--no-build"; "-c"; "Release"; "--project"; project; "--" ] @ arguments

/// Runs a program that the solution's build has made.
let startBuilt (project: string) (arguments: string list) : int = dotnet (built project arguments)

/// Runs a program that the solution's build has made several times at once, and returns the exit codes. What the first prints
/// streams; the others' follows.
let startBuiltTogether (project: string) (arguments: string list list) : int list =
    let others = arguments.Tail |> List.map (fun one -> begin' root "dotnet" (built project one))
    let first = startBuilt project arguments.Head

    first
    :: [
        for other in others do
            let code, output = other.Result
            printfn $"{output}"
            code
    ]

let deleteFolder (path: string) : unit =
    if Directory.Exists path then
        Directory.Delete(path, recursive = true)

/// How many tests passed, and what failed: a name for each.
type Tally =
    {
        Passed: int
        Failures: string list
    }

    member this.Failed = this.Failures.Length

    static member Zero = { Passed = 0; Failures = [] }

    static member (+)(a, b) = { Passed = a.Passed + b.Passed; Failures = a.Failures @ b.Failures }

module Tally =
    let private timings = ResizeArray<string * TimeSpan>()

    let passed = { Tally.Zero with Passed = 1 }
    let failed (name: string) = { Tally.Zero with Failures = [ name ] }

    /// A program that counts as one test.
    let ofExitCode (name: string) (code: int) : Tally = if code = 0 then passed else failed name

    /// A step that has to succeed but is no test.
    let ofStep (name: string) (code: int) : Tally = if code = 0 then Tally.Zero else failed name

    /// What a test runner reported, where a runner that failed without naming a failed test counts as one.
    let ofReport (runner: string) (code: int) (reported: Tally) : Tally =
        if code <> 0 && reported.Failed = 0 then
            reported + failed $"{runner} ended with {code}"
        else
            reported

    /// A check that cannot even report counts as a failed test. `report` prints how long it took.
    let attempt (name: string, check: unit -> Tally) : Tally =
        let clock = Stopwatch.StartNew()

        try
            check ()
        with error ->
            eprintfn $"{error}"
            failed error.Message
        |> fun tally ->
            timings.Add(name, clock.Elapsed)
            tally

    /// How long each step took, what failed, and the line that ends every run of tests; the exit code.
    let report (total: Tally) : int =
        for name, time in timings do
            printfn $"{time.TotalSeconds, 6:F0} s  {name}"

        for name in total.Failures do
            printfn $"failed: {name}"

        printfn $"{total.Passed} passed, {total.Failed} failed"
        if total.Failed = 0 && total.Passed > 0 then 0 else 1
