/// Every fenced csharp and fsharp snippet of the documents is compiled and, unless its fence says `no-run`, run.
module Docs

#load "Shell.fsx"

open System
open System.IO
open System.Text.RegularExpressions
open Shell

type Snippet =
    {
        File: string
        /// The line of the document on which the code begins.
        Line: int
        Language: string
        Runs: bool
        Code: string list
    }

    member this.Place = $"{this.File}:{this.Line}"
    member this.Name = Regex.Replace($"{this.File}_{this.Line}", @"\W", "_")

/// A line of C# that ends with the id of a rule of the analyzer is reported by it; no other is.
let private mark = Regex @"// (PARAM\d+)"

let private rules = [ "PARAM001"; "PARAM002"; "PARAM003"; "PARAM004"; "PARAM005" ]

let private fence = Regex @"^```(csharp|fsharp)( no-run)?\s*$"

let private snippets (file: string) : Snippet list =
    let rec scan found lines =
        match lines with
        | (number, text: string) :: rest when (fence.IsMatch text) ->
            let opening = fence.Match text
            let isCode (_, text: string) = not (text.StartsWith "```")

            let snippet =
                {
                    File = file
                    Line = number + 1
                    Language = opening.Groups[1].Value
                    Runs = not opening.Groups[2].Success
                    Code = rest |> List.takeWhile isCode |> List.map snd
                }

            scan (snippet :: found) (rest |> List.skipWhile isCode |> List.skip 1)
        | _ :: rest -> scan found rest
        | [] -> List.rev found

    File.ReadAllLines(under file)
    |> Seq.indexed
    |> Seq.map (fun (i, text) -> i + 1, text)
    |> List.ofSeq
    |> scan []

/// Code comes in blocks: a line at the margin and what belongs to it.
type private Block = { Start: int; Lines: string list }

let private blocks (continues: string -> bool) (snippet: Snippet) : Block list =
    let add (found: Block list) (number, text) =
        match found with
        | block :: earlier when continues text -> { block with Lines = block.Lines @ [ text ] } :: earlier
        | _ -> { Start = number; Lines = [ text ] } :: found

    snippet.Code |> List.mapi (fun i text -> snippet.Line + i, text) |> List.fold add [] |> List.rev

/// What has to stand outside of a function body: imports first, then types.
type private Parts = { Imports: Block list; Types: Block list; Body: Block list }

let private split (isImport: Regex) (isType: Regex) (all: Block list) : Parts =
    let starts (pattern: Regex) (block: Block) = pattern.IsMatch block.Lines.Head
    let imports, others = all |> List.partition (starts isImport)
    let types, body = others |> List.partition (starts isType)

    { Imports = imports; Types = types; Body = body }

type private Language =
    {
        Name: string
        Extension: string
        Project: string
        /// What the snippets may use beside the library and its laws.
        TestFramework: string
        NoWarn: string
        /// As in the projects that `dotnet new` makes.
        Nullable: string
        Source: Snippet -> string list
        Main: Snippet list -> string list
    }

/// Compilers then report errors in the document itself.
let private located (snippet: Snippet) (indent: string) (blocks: Block list) : string list =
    [
        for block in blocks do
            $"#line {block.Start} \"{under snippet.File}\""

            for line in block.Lines do
                indent + line
    ]

let private csharp =
    let isImport = Regex @"^using (static )?[\w.]+( = [^;]+)?;"

    let isType = Regex @"^\[|^(\w+ )*(class|record|struct|interface|enum) \w"

    let continues (text: string) = Regex.IsMatch(text, "^$|^[ {}]")

    /// The parts are put in order below, so that the compiler does not see what a reader who pastes them would.
    let misplaced (all: Block list) (parts: Parts) : Block option =
        let ordered = parts.Imports @ parts.Body @ parts.Types
        let isCode (block: Block) = not (block.Lines.Head.StartsWith "//")

        List.zip (List.filter isCode all) (List.filter isCode ordered)
        |> List.tryFind (fun (found, expected) -> found.Start <> expected.Start)
        |> Option.map fst

    let source (snippet: Snippet) =
        let all = blocks continues snippet
        let parts = split isImport isType all

        [
            match misplaced all parts with
            | Some block ->
                yield!
                    located
                        snippet
                        ""
                        [
                            { block with
                                Lines = [ "#error usings come first, then statements, then types" ]
                            }
                        ]
            | None -> ()
            yield! located snippet "" parts.Imports
            $"namespace Docs.{snippet.Name}"
            "{"
            yield! located snippet "" parts.Types
            "    static class Snippet"
            "    {"
            "        public static void Run()"
            "        {"
            yield! located snippet "" parts.Body
            "        }"
            "    }"
            "}"
        ]

    let main (runnable: Snippet list) =
        [
            "var failed = 0;"
            for snippet in runnable do
                $"Check(\"{snippet.Place}\", Docs.{snippet.Name}.Snippet.Run);"
            "return failed;"
            "void Check(string place, Action run)"
            "{"
            "    try { run(); Console.WriteLine($\"ok      {place}\"); }"
            "    catch (Exception error) { failed++; Console.WriteLine($\"FAILED  {place}\\n{error}\"); }"
            "}"
        ]

    {
        Name = "csharp"
        Extension = "cs"
        Project = "Docs.CSharp.csproj"
        TestFramework = "xunit"
        NoWarn = "CS0168;CS0219;CS8321"
        Nullable = "enable"
        Source = source
        Main = main
    }

let private fsharp =
    let isImport = Regex @"^open "
    let isType = Regex @"^(type|module|exception|\[<) ?"
    let continues (text: string) = Regex.IsMatch(text, @"^$|^[ |}\])]|^and ")

    let source (snippet: Snippet) =
        let parts = snippet |> blocks continues |> split isImport isType

        [
            $"module Docs.{snippet.Name}"
            yield! located snippet "" parts.Imports
            yield! located snippet "" parts.Types
            "let run () ="
            yield! located snippet "    " parts.Body
            "    ()"
        ]

    let main (runnable: Snippet list) =
        [
            "module Docs.Main"
            "let private check (place: string, run: unit -> unit) ="
            "    try"
            "        run ()"
            "        printfn $\"ok      {place}\""
            "        0"
            "    with error ->"
            "        printfn $\"FAILED  {place}\\n{error}\""
            "        1"
            "[<EntryPoint>]"
            "let main _ ="
            "    List.sumBy check ["
            for snippet in runnable do
                $"        \"{snippet.Place}\", {snippet.Name}.run"
            "    ]"
        ]

    {
        Name = "fsharp"
        Extension = "fs"
        Project = "Docs.FSharp.fsproj"
        TestFramework = "Expecto"
        NoWarn = "FS0020;FS1182"
        Nullable = "disable"
        Source = source
        Main = main
    }

let private libraries =
    [
        "src/Parametrize.CSharp/Parametrize.CSharp.csproj"
        "src/Parametrize.Flows/Parametrize.Flows.csproj"
        "src/Parametrize.Laws/Parametrize.Laws.fsproj"
    ]

let private analyzer = "src/Parametrize.Analyzers/Parametrize.Analyzers.csproj"

let private project (language: Language) (files: string list) : string list =
    [
        "<Project Sdk=\"Microsoft.NET.Sdk\">"
        "  <PropertyGroup>"
        "    <OutputType>Exe</OutputType>"
        "    <EnableDefaultCompileItems>false</EnableDefaultCompileItems>"
        $"    <NoWarn>$(NoWarn);{language.NoWarn}</NoWarn>"
        $"    <Nullable>{language.Nullable}</Nullable>"
        $"""    <WarningsNotAsErrors>$(WarningsNotAsErrors);{String.concat ";" rules}</WarningsNotAsErrors>"""
        "  </PropertyGroup>"
        "  <ItemGroup>"
        for file in files do
            $"    <Compile Include=\"{file}\" />"
        for library in libraries do
            $"    <ProjectReference Include=\"{under library}\" />"
        $"    <ProjectReference Include=\"{under analyzer}\" OutputItemType=\"Analyzer\" ReferenceOutputAssembly=\"false\" />"
        $"    <PackageReference Include=\"{language.TestFramework}\" />"
        "  </ItemGroup>"
        "</Project>"
    ]

/// How many lines the analyzer reports that are not marked, or does not report that are.
let private misreported (found: Snippet list) (output: string) : int =
    let marked =
        set
            [
                for snippet in found do
                    for i, text in List.indexed snippet.Code do
                        for id in mark.Matches text do
                            $"{under snippet.File}({snippet.Line + i}): {id.Groups[1].Value}"
            ]

    let reported =
        set
            [
                for one in Regex.Matches(output, @"(?m)^\s*(.+)\((\d+),\d+\): warning (PARAM\d+)") do
                    $"{one.Groups[1].Value}({one.Groups[2].Value}): {one.Groups[3].Value}"
            ]

    for place in marked - reported do
        printfn $"FAILED  {place} is not reported"

    for place in reported - marked do
        printfn $"FAILED  {place} is reported"

    (marked - reported).Count + (reported - marked).Count

/// Generates, builds and runs the program of one language; its exit code is the number of snippets that failed.
let private check (language: Language) (found: Snippet list) : Tally =
    let folder = under $"artifacts/docs/{language.Name}"
    Directory.CreateDirectory folder |> ignore

    let write (name: string) (lines: string list) =
        File.WriteAllLines(Path.Combine(folder, name), lines)
        name

    let runnable = found |> List.filter _.Runs

    let sources =
        found
        |> List.map (fun snippet -> write $"{snippet.Name}.{language.Extension}" (language.Source snippet))

    let main = write $"Main.{language.Extension}" (language.Main runnable)
    let path = Path.Combine(folder, write language.Project (project language (sources @ [ main ])))

    match dotnetAt root [ "build"; path; "-c"; "Release"; "-v"; "quiet"; "--nologo" ] with
    | 0, output ->
        let failed = min runnable.Length (startBuilt [] path []) + misreported found output

        {
            Passed = found.Length - failed
            Failures = List.replicate failed $"a snippet in {language.Name}"
        }
    | code, output ->
        printfn $"{output}"
        Tally.ofStep $"building the snippets in {language.Name}" code

let private documents () : string list =
    let pages = Directory.GetFiles(under "docs", "*.md", SearchOption.AllDirectories)

    "README.md"
    :: (pages |> Seq.map (fun page -> Path.GetRelativePath(under ".", page)) |> Seq.sort |> List.ofSeq)

/// Each snippet of these documents counts as one test.
let checkThese (files: string list) : Tally =
    let found = files |> List.collect snippets

    [ csharp; fsharp ]
    |> List.map (fun language -> language, found |> List.filter (fun snippet -> snippet.Language = language.Name))
    |> List.filter (fun (_, mine) -> not mine.IsEmpty)
    |> List.sumBy (fun (language, mine) -> check language mine)

let checkAll () : Tally = checkThese (documents ())
