/// The links of the documents to one another: files that exist, and headings in them.
module Links

#load "Shell.fsx"

open System.IO
open System.Text.RegularExpressions
open Shell

let private fenced = Regex(@"^```.*?^```", RegexOptions.Multiline ||| RegexOptions.Singleline)
let private inlineCode = Regex @"`[^`\n]*`"
let private link = Regex @"\]\((?!\w+:)([^)#\s]*)(?:#([^)\s]*))?\)"
let private heading = Regex(@"^#+ (.+)$", RegexOptions.Multiline)
let private linkText = Regex @"\[([^\]]*)\]\([^)]*\)"

let private prose (file: string) : string = fenced.Replace(File.ReadAllText file, "")

/// The anchor that GitHub and the site give a heading.
let private anchor (title: string) : string =
    let plain = linkText.Replace(title.Trim().ToLowerInvariant(), "$1")
    Regex.Replace(plain, @"[^\w\- ]", "").Replace(' ', '-')

let private anchors (file: string) : Set<string> =
    set [ for found in heading.Matches(prose file) -> anchor found.Groups[1].Value ]

/// A link leads to a file or folder of the repository, and to a heading of it where it names one.
let private fault (file: string) (target: string) (fragment: string) : string option =
    let path =
        if target = "" then
            file
        else
            Path.GetFullPath(Path.Combine(Path.GetDirectoryName file, target))

    if not (File.Exists path || Directory.Exists path) then
        Some $"there is no {target}"
    elif fragment <> "" && not ((anchors path).Contains fragment) then
        Some $"{Path.GetFileName path} has no heading #{fragment}"
    else
        None

let private faults (file: string) : string list =
    [
        for found in link.Matches(inlineCode.Replace(prose file, "")) do
            match fault file found.Groups[1].Value found.Groups[2].Value with
            | Some fault -> $"{Path.GetRelativePath(root, file)}: {fault}"
            | None -> ()
    ]

let private documents () : string list =
    [
        yield! Directory.GetFiles(root, "*.md")
        yield! Directory.GetFiles(under "docs", "*.md", SearchOption.AllDirectories)
    ]

/// The documents together count as one test.
let checkAll () : Tally =
    match documents () |> List.collect faults with
    | [] -> Tally.passed
    | found ->
        for fault in found do
            printfn $"FAILED  {fault}"

        found |> List.map Tally.failed |> List.sum
