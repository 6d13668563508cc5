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

/// Runs a command of the SDK in a folder, and returns its exit code and what it printed.
let dotnetAt (folder: string) (arguments: string list) : int * string =
    let redirected =
        ProcessStartInfo(
            "dotnet",
            arguments,
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true
        )

    use started = Process.Start redirected
    let errors = started.StandardError.ReadToEndAsync()
    let output = started.StandardOutput.ReadToEnd()
    started.WaitForExit()
    started.ExitCode, output + errors.Result

/// Builds a program and runs it where the user stands, so that file arguments mean what they say.
let start (project: string) (arguments: string list) : int =
    run Environment.CurrentDirectory "dotnet" ([ "run"; "-c"; "Release"; "--project"; under project; "--" ] @ arguments)

/// Runs a program that the solution's build has made.
let startBuilt (project: string) (arguments: string list) : int =
    dotnet ([ "run"; "--no-build"; "-c"; "Release"; "--project"; project; "--" ] @ arguments)

let deleteFolder (path: string) : unit =
    if Directory.Exists path then
        Directory.Delete(path, recursive = true)

/// How many tests passed and failed.
type Tally =
    {
        Passed: int
        Failed: int
    }

    static member Zero = { Passed = 0; Failed = 0 }

    static member (+)(a, b) = { Passed = a.Passed + b.Passed; Failed = a.Failed + b.Failed }

module Tally =
    let passed = { Tally.Zero with Passed = 1 }
    let failed = { Tally.Zero with Failed = 1 }

    /// A program that counts as one test.
    let ofExitCode (code: int) : Tally = if code = 0 then passed else failed

    /// A step that has to succeed but is no test.
    let ofStep (code: int) : Tally = if code = 0 then Tally.Zero else failed

    /// What a test runner reported, where a runner that failed without naming a failed test counts as one.
    let ofReport (code: int) (reported: Tally) : Tally =
        if code <> 0 && reported.Failed = 0 then reported + failed else reported

    /// A check that cannot even report counts as a failed test.
    let attempt (check: unit -> Tally) : Tally =
        try
            check ()
        with error ->
            eprintfn $"{error}"
            failed
