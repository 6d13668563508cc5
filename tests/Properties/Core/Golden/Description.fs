/// Models in words: `fc1: orthogonal(Linear(48,8), cayley)`, `relu, flatten`.
module Properties.Core.Golden.Description

open System
open System.Globalization
open System.Text.RegularExpressions

/// A description that cannot be read.
exception Unclear of reason: string

let unclear (reason: string) : 'a = raise (Unclear reason)

[<RequireQualifiedAccess>]
type Term =
    | Whole of int64
    | Real of float
    /// With quotes or without: cayley, None, 'weight'.
    | Word of string
    | Tuple of Term list
    | Call of name: string * arguments: Argument list

and Argument = { Keyword: string option; Value: Term }

/// A layer with its name, or a function.
type Step = { Name: string option; Term: Term }

/// Parentheses are read by recursion, which a stack must hold.
let private longest: int = 1000

let private token: Regex =
    Regex(
        @"\G\s*(?:(?<word>[A-Za-z_][\w.]*)|(?<number>[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)|(?<quoted>'[^']*'|""[^""]*"")|(?<sign>[(),:=]))",
        RegexOptions.CultureInvariant
    )

let private tokens (text: string) : string list =
    let text = text.TrimEnd()

    let rec from (position: int) (found: string list) =
        if position = text.Length then
            List.rev found
        else
            let next = token.Match(text, position)

            if not next.Success then
                unclear $"'{text.Substring position}' is neither a name nor a number"

            from (position + next.Length) (next.Value.Trim() :: found)

    from 0 []

let private number (token: string) : Term =
    match Int64.TryParse(token, CultureInfo.InvariantCulture) with
    | true, value -> Term.Whole value
    | _ -> Term.Real(Double.Parse(token, CultureInfo.InvariantCulture))

let private isSign (token: string) : bool = "(),:=".Contains token

let private isWord (token: string) : bool = Char.IsLetter token[0] || token[0] = '_'

/// Modules of Python do not matter: nn.Linear is Linear.
let private lastPart (word: string) : string = word.Substring(word.LastIndexOf '.' + 1)

let private simple (token: string) : Term =
    if token[0] = ''' || token[0] = '"' then Term.Word(token.Trim(''', '"'))
    elif isWord token then Term.Word(lastPart token)
    else number token

let rec private term (tokens: string list) : Term * string list =
    match tokens with
    | "(" :: rest ->
        let items, rest = arguments rest
        Term.Tuple(items |> List.map _.Value), rest
    | name :: "(" :: rest when isWord name ->
        let found, rest = arguments rest
        Term.Call(lastPart name, found), rest
    | token :: rest when not (isSign token) -> simple token, rest
    | token :: _ -> unclear $"'{token}' is out of place"
    | [] -> unclear "something is missing at the end"

/// Up to the closing parenthesis, which may follow a comma.
and private arguments (tokens: string list) : Argument list * string list =
    match tokens with
    | ")" :: rest -> [], rest
    | _ ->
        let first, rest = argument tokens

        match rest with
        | "," :: rest ->
            let others, rest = arguments rest
            first :: others, rest
        | ")" :: rest -> [ first ], rest
        | _ -> unclear "a parenthesis is not closed"

and private argument (tokens: string list) : Argument * string list =
    match tokens with
    | keyword :: "=" :: rest when isWord keyword ->
        let value, rest = term rest
        { Keyword = Some keyword; Value = value }, rest
    | _ ->
        let value, rest = term tokens
        { Keyword = None; Value = value }, rest

let rec private steps (tokens: string list) : Step list =
    let name, rest =
        match tokens with
        | name :: ":" :: rest when not (isSign name) -> Some name, rest
        | _ -> None, tokens

    let term, rest = term rest
    let step = { Name = name; Term = term }

    match rest with
    | [] -> [ step ]
    | "," :: rest -> step :: steps rest
    | token :: _ -> unclear $"'{token}' is out of place"

/// The steps of a line, which commas separate.
let parse (text: string) : Step list =
    if text.Length > longest then
        unclear $"it is longer than {longest} characters"

    steps (tokens text)
