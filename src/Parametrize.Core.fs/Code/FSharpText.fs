namespace Parametrize

open System.Globalization

/// Code as it is typed in F#.
[<RequireQualifiedAccess>]
module internal FSharpText =

    let private separated (separator: string) (texts: string seq) : string = String.concat separator texts

    let float (number: float) : string =
        if System.Double.IsPositiveInfinity number then
            "infinity"
        elif System.Double.IsNegativeInfinity number then
            "-infinity"
        else
            let digits = number.ToString("R", CultureInfo.InvariantCulture)
            if digits.IndexOfAny [| '.'; 'E' |] >= 0 then digits else digits + ".0"

    let private integer (number: int64) : string = number.ToString CultureInfo.InvariantCulture

    /// Adds brackets to a text that F# would not read as one argument: one with a space or a leading minus.
    let private bracketed (text: string) : string =
        if text.StartsWith '-' || text.Contains ' ' then $"({text})" else text

    let rec ofCode (code: Code) : string =
        match code with
        | Code.Float number -> float number
        | Code.Integer number -> integer (int64 number)
        | Code.Long number -> integer number + "L"
        | Code.Seed number -> number.ToString CultureInfo.InvariantCulture + "UL"
        | Code.Text text -> "\"" + text + "\""
        | Code.Symbol name -> name
        | Code.Case(name, [ only ])
        | Code.Method(name, [ only ]) -> $"({name} {argument only})"
        | Code.Case(name, several)
        | Code.Method(name, several) ->
            let several = several |> List.map ofCode |> separated ", "
            $"({name}({several}))"
        | Code.Fields(defaults, changed) ->
            let changed = changed |> List.map (fun (field, code) -> $"{field} = {ofCode code}") |> separated "; "
            $"{{ {defaults} with {changed} }}"
        | Code.Items items ->
            let items = items |> List.map ofCode |> separated "; "
            $"[ {items} ]"
        | Code.Tuple items ->
            let items = items |> List.map ofCode |> separated ", "
            $"({items})"
        | Code.Call(name, arguments) -> name :: List.map argument arguments |> separated " "
        | Code.Then(first, next, fits) ->
            let operator = if fits then ">>>" else ">>>!"
            $"{ofCode first} {operator} {ofCode next}"

    and private argument (code: Code) : string =
        match code with
        // They have brackets of their own.
        | Code.Case _
        | Code.Method _
        | Code.Fields _
        | Code.Items _
        | Code.Tuple _
        | Code.Text _ -> ofCode code
        | _ -> bracketed (ofCode code)
