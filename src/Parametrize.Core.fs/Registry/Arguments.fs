namespace Parametrize

open System

/// How an argument of a value is read.
[<NoComparison; NoEquality>]
type internal Argument<'a> =
    {
        /// The description of the argument, with an example.
        Expected: string
        Of: Located -> Result<'a, Fault>
    }

/// Arguments as they are typed in F#, and functions of them.
[<RequireQualifiedAccess>]
module internal Argument =

    let private fault (at: int) (expected: string) : Result<'a, Fault> = Error { At = at; Expected = expected }

    let private ofCode (expected: string) (pick: Code -> 'a option) (hint: Code -> string option) : Argument<'a> =
        {
            Expected = expected
            Of =
                fun located ->
                    match pick located.Code, hint located.Code with
                    | Some value, _ -> Ok value
                    | None, Some hint -> fault located.At $"{expected} (write {hint})"
                    | None, None -> fault located.At expected
        }

    /// A number of another kind, with the suffix of this one.
    let private suffixed (suffix: string) (code: Code) : string option =
        match code with
        | Code.Integer number -> Some $"{number}{suffix}"
        | Code.Long number -> Some $"{number}{suffix}"
        | Code.Seed number -> Some $"{number}{suffix}"
        | _ -> None

    let private noHint (_: Code) : string option = None

    let number: Argument<float> =
        ofCode
            "a floating-point number such as 1.0"
            (function
            | Code.Float number -> Some number
            | _ -> None)
            (suffixed ".0")

    let integer: Argument<int> =
        ofCode
            "a whole number such as 1"
            (function
            | Code.Integer number -> Some number
            | _ -> None)
            (suffixed "")

    let long: Argument<int64> =
        ofCode
            "a whole number such as 1L"
            (function
            | Code.Long number -> Some number
            | _ -> None)
            (suffixed "L")

    let seed: Argument<uint64> =
        ofCode
            "a seed such as 1UL"
            (function
            | Code.Seed number -> Some number
            | _ -> None)
            (suffixed "UL")

    let text: Argument<string> =
        ofCode
            "a text in quotes"
            (function
            | Code.Text text -> Some text
            | _ -> None)
            noHint

    let symbol (names: (string * 'a) list) : Argument<'a> =
        let expected = names |> List.map fst |> String.concat " or "

        {
            Expected = expected
            Of =
                fun located ->
                    match located.Code with
                    | Code.Symbol name ->
                        match names |> List.tryFind (fst >> (=) name) with
                        | Some(_, value) -> Ok value
                        | None -> fault located.At (Misspelling.hinted expected (List.map fst names) name)
                    | _ -> fault located.At expected
        }

    let items (item: Argument<'a>) : Argument<'a list> =
        let expected = $"a list of {item.Expected}"

        let collect (inner: Located list) =
            (inner, Ok [])
            ||> List.foldBack (fun one rest ->
                item.Of one |> Result.bind (fun one -> rest |> Result.map (fun rest -> one :: rest)))

        {
            Expected = expected
            Of =
                fun located ->
                    match located.Code with
                    | Code.Items _ -> collect located.Inner
                    | _ -> fault located.At expected
        }

    let pair (first: Argument<'x>) (second: Argument<'y>) : Argument<'x * 'y> =
        let expected = $"a pair of {first.Expected} and {second.Expected}"

        {
            Expected = expected
            Of =
                fun located ->
                    match located.Code, located.Inner with
                    | Code.Tuple _, [ x; y ] ->
                        first.Of x |> Result.bind (fun x -> second.Of y |> Result.map (fun y -> x, y))
                    | _ -> fault located.At expected
        }

    /// A record, given by its defaults and the fields that differ from them.
    let fields (defaults: string) (initial: 'a) (setters: (string * (Located -> 'a -> Result<'a, Fault>)) list) =
        let names = setters |> List.map fst |> String.concat ", "
        let expected = $"{{ {defaults} with ... }}, whose fields are {names}"

        let set (state: Result<'a, Fault>) ((field: string, _: Code), located: Located) =
            match setters |> List.tryFind (fst >> (=) field) with
            | Some(_, setter) -> state |> Result.bind (setter located)
            | None ->
                let expected = $"a field among {names}, not {field}"
                fault located.At $"{Misspelling.hinted expected (List.map fst setters) field},"

        {
            Expected = expected
            Of =
                fun located ->
                    match located.Code with
                    | Code.Fields(name, changed) when name = defaults ->
                        Seq.zip changed located.Inner |> Seq.fold set (Ok initial)
                    | _ -> fault located.At expected
        }

    let field (argument: Argument<'b>) (set: 'a -> 'b -> 'a) (located: Located) (record: 'a) : Result<'a, Fault> =
        argument.Of located |> Result.map (set record)

    /// The result of a function of arguments, which may throw for them.
    let private make (located: Located) (from: unit -> 'a) : Result<'a, Fault> =
        let name =
            match located.Code with
            | Code.Call(name, _)
            | Code.Case(name, _)
            | Code.Symbol name -> name
            | _ -> "a value"

        let refused (reason: string) = fault located.At $"another argument of {name} ({reason})"

        try
            Ok(from ())
        with
        | :? ArgumentException as error ->
            // .NET adds the name of the parameter to the message.
            refused (error.Message.Replace($" (Parameter '{error.ParamName}')", ""))
        | :? FormatException as error -> refused error.Message

    let private tooMany (extra: Located) : Result<'a, Fault> = fault extra.At "the end of the arguments"

    let none (value: 'a) (located: Located) : Result<'a, Fault> =
        match located.Inner with
        | [] -> Ok value
        | extra :: _ -> tooMany extra

    let one (first: Argument<'x>) (from: 'x -> 'a) (located: Located) : Result<'a, Fault> =
        match located.Inner with
        | [] -> fault located.End first.Expected
        | [ x ] -> first.Of x |> Result.bind (fun x -> make located (fun () -> from x))
        | _ :: extra :: _ -> tooMany extra

    let two (first: Argument<'x>) (second: Argument<'y>) (from: 'x -> 'y -> 'a) (located: Located) : Result<'a, Fault> =
        match located.Inner with
        | [] -> fault located.End first.Expected
        | [ x ] -> first.Of x |> Result.bind (fun _ -> fault x.End second.Expected)
        | [ x; y ] ->
            result {
                let! x = first.Of x
                let! y = second.Of y
                return! make located (fun () -> from x y)
            }
        | _ :: _ :: extra :: _ -> tooMany extra

    let three first second third (from: 'x -> 'y -> 'z -> 'a) (located: Located) : Result<'a, Fault> =
        match located.Inner with
        | [ x; y; z ] ->
            result {
                let! x = first.Of x
                let! y = second.Of y
                let! z = third.Of z
                return! make located (fun () -> from x y z)
            }
        | _ :: _ :: _ :: extra :: _ -> tooMany extra
        | [ x; y ] ->
            result {
                let! _ = first.Of x
                let! _ = second.Of y
                return! fault y.End third.Expected
            }
        | _ -> two first second (fun _ _ -> ()) located |> Result.bind (fun () -> fault located.End third.Expected)

    /// A case of a union, or the result of a static method, by its name.
    let case (expected: string) (cases: (string * (Located -> Result<'a, Fault>)) list) : Argument<'a> =
        {
            Expected = expected
            Of =
                fun located ->
                    let known =
                        match located.Code with
                        | Code.Symbol name
                        | Code.Case(name, _) -> cases |> List.tryFind (fst >> (=) name)
                        | _ -> None

                    match known, located.Code with
                    | Some(_, read), _ -> read located
                    | None, (Code.Symbol name | Code.Case(name, _)) ->
                        fault located.At (Misspelling.hinted expected (List.map fst cases) name)
                    | None, _ -> fault located.At expected
        }
