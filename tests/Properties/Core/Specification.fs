/// `spec`: the laws by the values, with the number of cases tried.
module Properties.Core.Specification

open System
open Parametrize.Laws

/// What a law's cell of the table says: how many cases, that one broke it, or that the law does not apply.
let private cell (law: Law) (subject: Subject) : string * string option =
    if not (Law.applies law subject) then
        "-", None
    else
        match LawSuite.run law subject with
        | Ok tried -> string tried, None
        | Error broken -> "BROKEN", Some(LawSuite.shown law subject broken)

let private pad (width: int) (text: string) : string = text.PadRight width

/// The exit code: 0 when every law holds.
let run () : int =
    printfn "The laws, and on how many random cases each was tried for each value (- where it does not apply):\n"

    for law in Suite.laws do
        printfn $"  {law.Number, -4} {law.Name}"

    let nameWidth = LawSuite.subjects |> List.map _.Name.Length |> List.max

    let header = Suite.laws |> List.map (fun law -> pad 6 law.Number) |> String.concat " "
    printfn $"\n{pad nameWidth String.Empty}  {header}"

    let rows =
        [
            for subject in LawSuite.subjects do
                let cells = Suite.laws |> List.map (fun law -> cell law subject)
                let shown = cells |> List.map (fst >> pad 6) |> String.concat " "
                printfn $"{pad nameWidth subject.Name}  {shown}"
                cells
        ]

    let cells = List.concat rows
    let broken = cells |> List.choose snd

    let tried =
        cells
        |> List.sumBy (fun (text, _) ->
            match Int32.TryParse text with
            | true, count -> count
            | _ -> 0)

    broken |> List.iter (eprintfn "\n%s")
    printfn $"\n{tried} random cases, {broken.Length} laws broken"
    if broken.IsEmpty then 0 else 1
