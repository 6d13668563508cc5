/// `golden FILE`: for each case what agreed, and by how much it did not.
module Properties.Core.Golden.Command

open System.Globalization

let private shown (off: float) : string = off.ToString("0.0e-0", CultureInfo.InvariantCulture)

let private describe (comparisons: Comparison list) : string list =
    [
        for comparison in comparisons do
            if Comparison.agrees comparison then
                $"    agrees      {shown comparison.Off}  {comparison.What}"
            else
                $"    DISAGREES   {shown comparison.Off}  {comparison.What}"
    ]

/// The lines about a case, and whether it counts as agreeing, skipped or wrong.
let private report (case: GoldenFile.Case) : string list * int[] =
    match case.Verdict.Value with
    | Verdict.Skipped reason -> [ $"skipped     {case.Title}"; $"    {reason}" ], [| 0; 1; 0 |]
    | Verdict.Unreadable reason -> [ $"UNREADABLE  {case.Title}"; $"    {reason}" ], [| 0; 0; 1 |]
    | Verdict.Compared comparisons when List.forall Comparison.agrees comparisons ->
        $"agrees      {case.Title}" :: describe comparisons, [| 1; 0; 0 |]
    | Verdict.Compared comparisons -> $"DISAGREES   {case.Title}" :: describe comparisons, [| 0; 0; 1 |]

/// The exit code: 0 when there are cases and none disagrees.
let run (path: string) : int =
    match GoldenFile.load path with
    | Error reason ->
        eprintfn $"{path} cannot be read: {reason}"
        1
    | Ok cases ->
        let totals = [| 0; 0; 0 |]

        for case in cases do
            let lines, counts = report case
            lines |> List.iter (printfn "%s")
            counts |> Array.iteri (fun index count -> totals[index] <- totals[index] + count)

        let allowed = shown Comparison.allowed
        printfn $"{totals[0]} cases agree to {allowed}, {totals[1]} skipped, {totals[2]} disagree or cannot be read"
        if totals[2] = 0 && not cases.IsEmpty then 0 else 1
