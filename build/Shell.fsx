/// Running programs and adding up what they report.
module Shell

open System
open System.Diagnostics
open System.IO

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

/// TorchSharp's Scalars may be collected while libtorch reads them, those of the tests too: collections after so many bytes, in
/// hexadecimal digits, instead of after 2 MB make that rare.
let collectEvery (bytes: string) : string * string = "DOTNET_GCgen0size", bytes

/// The tests' matrices are small: a second thread of OpenMP would only wait for the first, and take a core from other tests.
let private computeOnOneThread = "OMP_NUM_THREADS", "1"

/// Runs a program in a folder with more variables in its environment, and returns its exit code and what it printed.
let private programWith
    (variables: (string * string) list)
    (folder: string)
    (program: string)
    (arguments: string list)
    : int * string =
    let redirected =
        ProcessStartInfo(
            program,
            arguments,
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true
        )

    for name, value in collectEvery "4000000" :: computeOnOneThread :: variables do
        redirected.Environment[name] <- value

    use started = Process.Start redirected
    let output, errors = started.StandardOutput.ReadToEndAsync(), started.StandardError.ReadToEndAsync()
    started.WaitForExit()
    started.ExitCode, output.Result + errors.Result

/// Runs a program in a folder, and returns its exit code and what it printed.
let programAt (folder: string) (program: string) (arguments: string list) : int * string =
    programWith [] folder program arguments

/// The same for a command of the SDK.
let dotnetAt (folder: string) (arguments: string list) : int * string = programAt folder "dotnet" arguments

let private console = obj ()

/// Runs a command of the SDK beside others: what it printed follows in one piece when it has ended.
let dotnetBeside (variables: (string * string) list) (arguments: string list) : int =
    let code, output = programWith variables root "dotnet" arguments
    lock console (fun () -> printfn $"""> dotnet {String.concat " " arguments}\n{output}""")
    code

/// Builds a program and runs it where the user stands, so that file arguments mean what they say.
let start (project: string) (arguments: string list) : int =
    run Environment.CurrentDirectory "dotnet" ([ "run"; "-c"; "Release"; "--project"; under project; "--" ] @ arguments)

/// Runs a program that the solution's build has made, beside others.
let startBuilt (variables: (string * string) list) (project: string) (arguments: string list) : int =
    dotnetBeside variables ([ "run"; "--no-build"; "-c"; "Release"; "--project"; project; "--" ] @ arguments)

/// Each step only where the one before has succeeded.
let inOrder (steps: (unit -> int) list) : int =
    steps |> List.fold (fun code step -> if code = 0 then step () else code) 0

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
        printfn $"begins: {name}"
        let clock = Stopwatch.StartNew()

        let tally =
            try
                check ()
            with error ->
                eprintfn $"{error}"
                failed error.Message

        lock timings (fun () -> timings.Add(name, clock.Elapsed))
        printfn $"ended after {clock.Elapsed.TotalSeconds:F0} s: {name}"
        tally

    /// Runs checks side by side, so many at once.
    let sideBySide (count: int) (checks: (string * (unit -> Tally)) list) : Tally =
        let all = [ for check in checks -> async { return attempt check } ]
        Async.Parallel(all, count) |> Async.RunSynchronously |> Array.sum

    /// How long each step took, what failed, and the line that ends every run of tests; the exit code.
    let report (total: Tally) : int =
        for name, time in timings do
            printfn $"{time.TotalSeconds, 6:F0} s  {name}"

        for name in total.Failures do
            printfn $"failed: {name}"

        printfn $"{total.Passed} passed, {total.Failed} failed"
        if total.Failed = 0 && total.Passed > 0 then 0 else 1
