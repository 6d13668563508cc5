/// The site: the documents, the laws as they are found to hold, and the API reference of the packages.
module Site

#load "Shell.fsx"

open System
open System.IO
open Shell

let private output = under "artifacts/site"
let private generated = under "artifacts/site-sources"

let private libraries =
    [ "Parametrize.Flows/Parametrize.Flows.csproj"; "Parametrize.Laws/Parametrize.Laws.fsproj" ]

/// These two refer to the other libraries.
let private buildLibraries () : int =
    inOrder
        [
            for project in libraries ->
                fun () -> dotnet [ "build"; under $"src/{project}"; "-c"; "Release"; "-v"; "quiet"; "--nologo" ]
        ]

/// Fewer cases than the tests try, which take a quarter of an hour. The page says how many.
let private tryLaws () : int =
    let cases = "PARAMETRIZE_CASES"

    if isNull (Environment.GetEnvironmentVariable cases) then
        Environment.SetEnvironmentVariable(cases, "3")

    start "tests/Properties/Core" [ "spec"; "--markdown"; Path.Combine(generated, "laws.md") ]

let private docfx (command: string) (options: string list) () : int =
    dotnet ([ "docfx"; command; under "site/docfx.json" ] @ options)

let build () : int =
    deleteFolder output
    Directory.CreateDirectory generated |> ignore

    inOrder
        [
            fun () -> dotnet [ "tool"; "restore" ]
            buildLibraries
            tryLaws
            // It warns of parameters that a comment both inherits and describes, which the compiler asks for.
            docfx "metadata" []
            docfx "build" [ "--warningsAsErrors" ]
        ]

/// Reads the built site in Chromium.
let check () : int = start "tests/Site" [ output; under "artifacts/site-pictures" ]
