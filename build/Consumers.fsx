/// The packages as others meet them: installed into blank projects and scripts outside of this repository.
module Consumers

#load "Shell.fsx"
#load "Packages.fsx"

open System
open System.IO
open System.Text
open System.Text.RegularExpressions
open System.Xml.Linq
open Shell

/// The page by which a newcomer installs them.
let private page = lazy File.ReadAllText(under "docs/start.md")

/// The first code of a language on that page.
let private code (language: string) : string =
    Regex.Match(page.Value, $"(?ms)^```{language}\n(.*?)^```").Groups[1].Value

/// The packages that it installs into a project, with the versions it names.
let private installed () : (string * string) list =
    [
        for found in Regex.Matches(page.Value, @"(?m)^dotnet add package (\S+)(?: --version (\S+))?$") do
            found.Groups[1].Value, found.Groups[2].Value
    ]

/// A folder that holds the packages, of a version that nobody has installed.
type private Feed = { Folder: string; Version: string }

let private versionOfTheSources () =
    XDocument.Load(under "build/Library.props").Descendants(XName.Get "Version")
    |> Seq.exactlyOne
    |> _.Value

/// What the package feed says about vulnerabilities, and whether it answers, changes without the sources.
let private project (feed: Feed) (others: string list) (source: string) : string =
    let references =
        [
            for id, version in installed () @ [ for other in others -> other, "" ] do
                let version = if version = "" then feed.Version else version
                $"    <PackageReference Include=\"{id}\" Version=\"{version}\" />"
        ]
        |> String.concat "\n"

    $"""<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <OutputType>Exe</OutputType>
    <TargetFramework>net10.0</TargetFramework>
    <ImplicitUsings>enable</ImplicitUsings>
    <Nullable>enable</Nullable>
    <TreatWarningsAsErrors>true</TreatWarningsAsErrors>
    <WarningsNotAsErrors>NU1801;NU1900;NU1901;NU1902;NU1903;NU1904;NU1905</WarningsNotAsErrors>
  </PropertyGroup>
  <ItemGroup Condition="'$(MSBuildProjectExtension)' == '.fsproj'">
    <Compile Include="{source}" />
  </ItemGroup>
  <ItemGroup>
{references}
  </ItemGroup>
</Project>"""

/// Nothing wrong, or what a command printed.
let private faults (code: int, output: string) : string list = if code = 0 then [] else [ output ]

/// Builds a program as somebody else's. Links instead of copies of libtorch change nothing else.
let private buildProgram (feed: Feed) (folder: string) others (program: string) (extension: string) : int * string =
    let folder = Directory.CreateDirectory(folder).FullName
    let source = $"Program.{extension}"
    File.WriteAllText(Path.Combine(folder, source), program)
    File.WriteAllText(Path.Combine(folder, $"Blank.{extension}proj"), project feed others source)

    let sources =
        [ $"-p:RestoreAdditionalProjectSources={feed.Folder}"; "-p:RestoreIgnoreFailedSources=true" ]

    let options =
        [ "-v"; "quiet"; "--nologo"; "-o"; "out"; "-p:CreateHardLinksForCopyLocalIfPossible=true" ]

    dotnetAt folder ("build" :: options @ sources)

let private runProgram (feed: Feed) (folder: string) others (program: string) (extension: string) : string list =
    match buildProgram feed folder others program extension with
    | 0, _ -> dotnetAt folder [ "out/Blank.dll" ] |> faults
    | failed -> faults failed

/// A program of the page.
let private runProject (feed: Feed) (folder: string) (language: string) (extension: string) : string list =
    runProgram feed (Path.Combine(folder, language)) [] (code language) extension

/// The laws, with nothing else installed that would bring FsCheck.
let private tryLaws (feed: Feed) (folder: string) : string list =
    let program =
        """
open Parametrize.Laws
open Parametrize.Values

Laws.checkWith { LawOptions.Default with Cases = 5 } (skew >>> cayley) [ [ 3L; 3L ] ]
"""

    runProgram feed (Path.Combine(folder, "laws")) [ "Parametrize.Laws" ] program "fs"

/// A program with one mistake that the analyzer knows, which is all that it reports.
let private tryAnalyzer (feed: Feed) (folder: string) : string list =
    let program =
        """
using Parametrize.CSharp;
using static TorchSharp.torch;

var layer = nn.Linear(4, 4).orthogonal();
using var right = layer.call(randn(2, 4));
using var wrong = layer.forward(randn(2, 4));
"""

    let code, output = buildProgram feed (Path.Combine(folder, "analyzer")) [] program "cs"

    let reported =
        set
            [
                for found in Regex.Matches(output, @"\((\d+),\d+\): error (\w+)") ->
                    found.Groups[1].Value, found.Groups[2].Value
            ]

    if code <> 0 && reported = set [ ("7", "PARAM001") ] then [] else [ output ]

/// Runs the F# script of the page. What F# Interactive says of packages are never errors, so it has to be silent.
let private runScript (feed: Feed) (folder: string) : string list =
    let text = (code "fsx").Replace($", {versionOfTheSources ()}\"", $", {feed.Version}\"")
    File.WriteAllText(Path.Combine(folder, "script.fsx"), $"#i \"nuget: {feed.Folder}\"\n{text}")

    match dotnetAt folder [ "fsi"; "--warnaserror+"; "script.fsx" ] with
    | 0, output when output.Contains "warning" -> [ output ]
    | result -> faults result

/// Installs the tool, and lets it read a file of two zeros.
let private runTool (feed: Feed) (folder: string) : string list =
    let header = Encoding.UTF8.GetBytes """{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"""
    let length = BitConverter.GetBytes(uint64 header.Length)
    File.WriteAllBytes(Path.Combine(folder, "w.safetensors"), Array.concat [ length; header; Array.zeroCreate 8 ])

    let install =
        [ "tool"; "install"; "Parametrize.Tool"; "--tool-path"; "tools"; "--version"; feed.Version ]

    match dotnetAt folder (install @ [ "--add-source"; feed.Folder; "--ignore-failed-sources" ]) with
    | 0, _ ->
        match programAt folder (Path.Combine(folder, "tools", "parametrize")) [ "verify"; "w.safetensors" ] with
        | 0, output when output.Contains "nothing wrong" -> []
        | _, output -> [ output ]
    | failed -> faults failed

/// Runs the C# script of the page: the program behind the lines that name the packages.
let private runCSharpScript (feed: Feed) (folder: string) : string list =
    let packages = (code "cs").Replace($"@{versionOfTheSources ()}", $"@{feed.Version}")
    let sources = $"#:property RestoreAdditionalProjectSources={feed.Folder}\n"
    File.WriteAllText(Path.Combine(folder, "script.cs"), sources + packages + "\n" + code "csharp")
    dotnetAt folder [ "run"; "script.cs" ] |> faults

/// Others' caches keep what was installed and resolved here, and nobody asks for it again.
let private forget (feed: Feed) (folder: string) (packed: Packages.Package list) : unit =
    let _, locals = dotnetAt folder [ "nuget"; "locals"; "global-packages"; "--list" ]
    let packages = locals.Substring(locals.IndexOf ':' + 1).Trim()

    for package in packed do
        deleteFolder (Path.Combine(packages, package.Id.ToLowerInvariant(), feed.Version))

    let home = Environment.GetFolderPath Environment.SpecialFolder.UserProfile
    let resolutions = DirectoryInfo(Path.Combine(home, ".packagemanagement", "nuget", "Cache"))

    if resolutions.Exists then
        for file in resolutions.GetFiles() do
            if File.ReadAllText(file.FullName).Contains feed.Version then
                file.Delete()

/// Which backend packages a program of this repository refers to.
let private backends (options: string list) : string list =
    let listing = [ "msbuild"; "samples/Digits/Digits.csproj"; "-getItem:PackageReference" ]
    let _, output = dotnetAt root (listing @ options)

    [
        for found in Regex.Matches(output, @"""Identity"": ""(TorchSharp-\S+)""") do
            found.Groups[1].Value
    ]

let private backendFaults () : string list =
    let platform = if OperatingSystem.IsWindows() then "windows" else "linux"

    [
        for backend, expected in [ "cpu", "TorchSharp-cpu"; "cuda", $"TorchSharp-cuda-{platform}" ] do
            match backends [ $"-p:TorchBackend={backend}" ] with
            | [ found ] when found = expected -> ()
            | found -> $"""{backend} refers to {String.concat ", " found}"""
    ]

let private report (name: string, find: unit -> string list) : Tally =
    match find () with
    | [] ->
        printfn $"ok      {name}"
        Tally.passed
    | found ->
        printfn $"FAILED  {name}"

        for fault in found do
            printfn $"        {fault}"

        Tally.failed name

let private checkIn (folder: string) : Tally =
    let version = $"""{versionOfTheSources ()}-test.{DateTime.UtcNow.ToString "yyyyMMddHHmmss"}"""
    let feed = { Folder = Path.Combine(folder, "feed"); Version = version }

    let options = [ "-o"; feed.Folder; $"-p:PackageVersion={version}" ]

    match dotnet ([ "pack"; "-c"; "Release"; "--no-build"; "--nologo" ] @ options) with
    | 0 ->
        let packed = Directory.GetFiles(feed.Folder, "*.nupkg") |> Seq.map Packages.read |> List.ofSeq

        try
            [
                for package in packed do
                    $"the package {package.Id}", (fun () -> Packages.faults packed package)

                "a blank C# project", (fun () -> runProject feed folder "csharp" "cs")
                "a blank F# project", (fun () -> runProject feed folder "fsharp" "fs")
                "the laws in a blank F# project", (fun () -> tryLaws feed folder)
                "the analyzer in a blank C# project", (fun () -> tryAnalyzer feed folder)
                "an F# script", (fun () -> runScript feed folder)
                "a C# script", (fun () -> runCSharpScript feed folder)
                "the tool", (fun () -> runTool feed folder)
                "the choice of the backend", backendFaults
            ]
            |> List.sumBy report
        finally
            forget feed folder packed
    | code -> Tally.ofStep "packing" code

/// Packs what the solution's build has made, and uses it.
let checkAll () : Tally =
    let folder = Directory.CreateTempSubdirectory "parametrize-packages-"

    try
        checkIn folder.FullName
    finally
        folder.Delete(recursive = true)
