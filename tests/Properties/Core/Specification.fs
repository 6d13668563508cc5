/// `spec`: the laws by the values, with the number of cases tried.
module Properties.Core.Specification

open System
open System.IO
open Parametrize.Laws

[<RequireQualifiedAccess>]
type private Outcome =
    | Holds of cases: int
    | DoesNotApply of lacks: string
    | IsBroken of message: string

let private outcome (law: Law) (subject: Subject) : Outcome =
    match Law.lacks law subject with
    | Some lacks -> Outcome.DoesNotApply lacks
    | None ->
        match LawSuite.run law subject with
        | Ok tried -> Outcome.Holds tried
        | Error broken -> Outcome.IsBroken(LawSuite.shown law subject broken)

/// How many cases were tried, and what is broken.
let private summary (outcomes: Outcome list) : int * string list =
    let tried =
        outcomes
        |> List.sumBy (function
            | Outcome.Holds cases -> cases
            | _ -> 0)

    tried,
    outcomes
    |> List.choose (function
        | Outcome.IsBroken message -> Some message
        | _ -> None)

/// The exit code: 0 when every law holds.
let private report (outcomes: Outcome list) : int =
    let tried, broken = summary outcomes
    broken |> List.iter (eprintfn "\n%s")
    printfn $"\n{tried} random cases, {broken.Length} laws broken"
    if broken.IsEmpty then 0 else 1

let private pad (width: int) (text: string) : string = text.PadRight width

let private cell (outcome: Outcome) : string =
    match outcome with
    | Outcome.Holds cases -> string cases
    | Outcome.DoesNotApply _ -> "-"
    | Outcome.IsBroken _ -> "BROKEN"

/// A table: the laws by the values.
let run () : int =
    printfn "The laws, and on how many random cases each was tried for each value (- where it does not apply):\n"

    for law in Suite.laws do
        printfn $"  {law.Number, -4} {law.Name}"

    let nameWidth = LawSuite.subjects |> List.map _.Name.Length |> List.max

    let header = Suite.laws |> List.map (fun law -> pad 6 law.Number) |> String.concat " "
    printfn $"\n{pad nameWidth String.Empty}  {header}"

    report
        [
            for subject in LawSuite.subjects do
                let outcomes = Suite.laws |> List.map (fun law -> outcome law subject)
                let shown = outcomes |> List.map (cell >> pad 6) |> String.concat " "
                printfn $"{pad nameWidth subject.Name}  {shown}"
                yield! outcomes
        ]

let private code (names: string list) : string = names |> List.map (fun name -> $"`{name}`") |> String.concat ", "

/// A section: what the law says, how often it was tried, and where it does not apply.
let private section (law: Law) (outcomes: (Subject * Outcome) list) : string list =
    let tried, broken = outcomes |> List.map snd |> summary

    let values =
        outcomes
        |> List.sumBy (function
            | _, Outcome.Holds _ -> 1
            | _ -> 0)

    let lacking =
        outcomes
        |> List.choose (function
            | subject, Outcome.DoesNotApply lacks -> Some(lacks, subject.Name)
            | _ -> None)
        |> List.groupBy fst

    [
        $"## {law.Number} {law.Name}\n"
        $"{law.Sentence}\n"
        $"Tried on {values} values, {tried} random cases, broken by {broken.Length}.\n"

        if not lacking.IsEmpty then
            "| needs | so does not apply to |"
            "|---|---|"

            for lacks, names in lacking do
                $"| {lacks} | {names |> List.map snd |> code} |"

            ""
    ]

/// A page in Markdown.
let page (file: string) : int =
    let found =
        [
            for law in Suite.laws do
                law, LawSuite.subjects |> List.map (fun subject -> subject, outcome law subject)
        ]

    let outcomes = found |> List.collect (snd >> List.map snd)
    let tried, broken = summary outcomes

    File.WriteAllLines(
        file,
        [
            "# The laws\n"
            "What holds for every value is written once, as a law, and tried on random cases: shapes, batches, element types, scales.\n"
            $"This page was made by `dotnet fsi build.fsx spec --markdown FILE`, which tried {Suite.laws.Length} laws on \
{LawSuite.subjects.Length} values: {tried} cases with seed {LawSuite.seed}, {broken.Length} laws broken. The variable \
`PARAMETRIZE_CASES` was {LawSuite.casesEach}, the number of cases of a law and a value; where they are costly, fewer are tried. \
`dotnet fsi build.fsx test` tries the same laws.\n"
            yield! found |> List.collect (fun (law, outcomes) -> section law outcomes)
        ]
    )

    report outcomes
