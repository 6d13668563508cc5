namespace Parametrize

open System

/// Code as it is typed in C#.
[<RequireQualifiedAccess>]
module internal CSharpText =

    let private float (number: float) : string =
        if Double.IsPositiveInfinity number then "double.PositiveInfinity"
        elif Double.IsNegativeInfinity number then "double.NegativeInfinity"
        else FSharpText.float number

    let private separated (texts: string list) : string = String.concat ", " texts

    /// `Pruning.Groups` of F# is `Pruning.NewGroups` in C#.
    let private caseName (name: string) : string =
        let dot = name.LastIndexOf '.'
        $"{name[..dot]}New{name[dot + 1 ..]}"

    let private argumentName (field: string) : string = $"{Char.ToLowerInvariant field[0]}{field[1..]}"

    /// Writes code in C#. `formOf` gives the C# form of a name, in which `{0}` stands for its first argument. A name without a
    /// form, such as that of a user's node, is written as in F#.
    let rec ofCode (formOf: string -> string option) (code: Code) : string =
        let all (codes: Code list) = codes |> List.map (ofCode formOf)

        match code with
        | Code.Float number -> float number
        | Code.Integer _
        | Code.Long _
        | Code.Seed _
        | Code.Symbol _
        | Code.Text _ -> FSharpText.ofCode code
        | Code.Case(name, held) -> $"{caseName name}({separated (all held)})"
        | Code.Method(name, arguments) -> $"{name}({separated (all arguments)})"
        | Code.Fields(_, changed) ->
            changed
            |> List.map (fun (field, code) -> $"{argumentName field}: {ofCode formOf code}")
            |> separated
        | Code.Items items -> $"[{separated (all items)}]"
        | Code.Tuple items -> $"({separated (all items)})"
        | Code.Then(first, next, fits) ->
            let verb = if fits then "Then" else "ThenUnchecked"
            $"{ofCode formOf first}.{verb}({ofCode formOf next})"
        | Code.Call(name, arguments) ->
            match formOf name with
            | None -> FSharpText.ofCode code
            | Some form ->
                (form, Seq.indexed (all arguments))
                ||> Seq.fold (fun text (index, argument) -> text.Replace($"{{{index}}}", argument))
