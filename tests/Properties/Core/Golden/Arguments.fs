/// Arguments of descriptions, as Python binds them.
module Properties.Core.Golden.Arguments

open Properties.Core.Golden.Description

/// What was given, by the name of the parameter.
type Bound = Map<string, Term>

let bind (callee: string) (parameters: string list) (arguments: Argument list) : Bound =
    let add (bound: Bound, places: string list) (argument: Argument) =
        let name, places =
            match argument.Keyword, places with
            | Some keyword, _ when List.contains keyword parameters -> keyword, places
            | Some keyword, _ -> unclear $"{callee} has no parameter '{keyword}' here"
            | None, place :: places -> place, places
            | None, [] -> unclear $"{callee} has too many arguments"

        if bound.ContainsKey name then
            unclear $"{callee} is given '{name}' twice"

        Map.add name argument.Value bound, places

    List.fold add (Map.empty, parameters) arguments |> fst

let private read (what: string) (reader: Term -> 'a option) (name: string) (term: Term) : 'a =
    match reader term with
    | Some value -> value
    | None -> unclear $"'{name}' is not {what}"

let private needed (bound: Bound) (name: string) : Term =
    match bound.TryFind name with
    | Some term -> term
    | None -> unclear $"'{name}' is missing"

let private asWhole (term: Term) : int64 option =
    match term with
    | Term.Whole value -> Some value
    | _ -> None

let private asReal (term: Term) : float option =
    match term with
    | Term.Whole value -> Some(float value)
    | Term.Real value -> Some value
    | _ -> None

let private asTruth (term: Term) : bool option =
    match term with
    | Term.Word "True" -> Some true
    | Term.Word "False" -> Some false
    | _ -> None

let private asWord (term: Term) : string option =
    match term with
    | Term.Word word -> Some word
    | _ -> None

/// One size stands for all dimensions.
let private asSizes (count: int) (term: Term) : int64[] option =
    match term with
    | Term.Whole size -> Some(Array.replicate count size)
    | Term.Tuple terms ->
        let sizes = List.choose asWhole terms

        if sizes.Length = count && terms.Length = count then
            Some(List.toArray sizes)
        else
            None
    | _ -> None

let term (name: string) (bound: Bound) : Term = needed bound name

let whole (name: string) (bound: Bound) : int64 = needed bound name |> read "a whole number" asWhole name

let private orElse (reader: string -> Term -> 'a) (name: string) (otherwise: 'a) (bound: Bound) : 'a =
    match bound.TryFind name with
    | Some term -> reader name term
    | None -> otherwise

let wholeOr (name: string) (otherwise: int64) (bound: Bound) : int64 =
    orElse (read "a whole number" asWhole) name otherwise bound

let realOr (name: string) (otherwise: float) (bound: Bound) : float =
    orElse (read "a number" asReal) name otherwise bound

let truthOr (name: string) (otherwise: bool) (bound: Bound) : bool =
    orElse (read "True or False" asTruth) name otherwise bound

let wordOr (name: string) (otherwise: string) (bound: Bound) : string =
    orElse (read "a name" asWord) name otherwise bound

/// None in Python is None here.
let optional (reader: string -> Bound -> 'a) (name: string) (bound: Bound) : 'a option =
    match bound.TryFind name with
    | None
    | Some(Term.Word "None") -> None
    | Some _ -> Some(reader name bound)

let sizes (count: int) (name: string) (bound: Bound) : int64[] =
    needed bound name |> read $"a whole number or {count} of them" (asSizes count) name

let sizesOr (count: int) (name: string) (otherwise: int64) (bound: Bound) : int64[] =
    orElse (read $"a whole number or {count} of them" (asSizes count)) name (Array.replicate count otherwise) bound
