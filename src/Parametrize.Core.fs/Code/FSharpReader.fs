namespace Parametrize

open System
open System.Globalization

/// Reads code as it is typed in F#: what `FSharpText` writes, with any white space and brackets.
type private FSharpScanner(text: string) =

    /// The most brackets in one another, and the most values in a text. The functions that use the result call themselves for
    /// each of them, so more could overflow the stack.
    let deepest, most = 100, 1000

    let mutable at = 0
    let mutable values = 0

    let fail (position: int) (expected: string) : Result<'a, Fault> = Error { At = position; Expected = expected }

    let peek (ahead: int) : char = if at + ahead < text.Length then text[at + ahead] else '\000'

    let startsWith (token: string) : bool = String.CompareOrdinal(text, at, token, 0, token.Length) = 0

    let skip () : unit =
        while at < text.Length && Char.IsWhiteSpace text[at] do
            at <- at + 1

    let take (token: string) : bool =
        skip ()

        if startsWith token then
            at <- at + token.Length
            true
        else
            false

    let expect (token: string) (others: string) : Result<unit, Fault> =
        if take token then Ok() else fail at $"{others}'{token}'"

    let located (start: int) (inner: Located list) (code: Code) : Located =
        { At = start; End = at; Code = code; Inner = inner }

    let isInName (char: char) : bool = Char.IsAsciiLetterOrDigit char || char = '_'

    let isNumber () : bool =
        Char.IsAsciiDigit(peek 0)
        || peek 0 = '-'
           && (Char.IsAsciiDigit(peek 1) || String.CompareOrdinal(text, at + 1, "infinity", 0, 8) = 0)

    /// Whether a number without a digit before its point, such as `.5`, begins here. F# does not read such numbers.
    let isPoint () : bool =
        let sign = if peek 0 = '-' then 1 else 0
        peek sign = '.' && Char.IsAsciiDigit(peek (sign + 1))

    let startsAtom () : bool =
        skip ()

        match peek 0 with
        | '"'
        | '('
        | '['
        | '{' -> true
        | char -> Char.IsAsciiLetter char || isNumber () || isPoint ()

    /// Words with dots between them.
    let name () : string =
        let start = at

        while isInName (peek 0) || peek 0 = '.' && Char.IsAsciiLetter(peek 1) do
            at <- at + 1

        text.Substring(start, at - start)

    let digits () : unit =
        while Char.IsAsciiDigit(peek 0) do
            at <- at + 1

    let parsed (start: int) (expected: string) (isOne: bool, code: Code) : Result<Located, Fault> =
        if isInName (peek 0) || peek 0 = '.' then
            fail at "a space or the end of the number"
        elif isOne then
            Ok(located start [] code)
        else
            fail start expected

    let number () : Result<Located, Fault> =
        let start = at

        if peek 0 = '-' then
            at <- at + 1

        if startsWith "infinity" then
            at <- at + 8
            parsed start "a number" (true, Code.Float -infinity)
        else
            digits ()
            let mutable isWhole = true

            if peek 0 = '.' then
                isWhole <- false
                at <- at + 1
                digits ()

            if peek 0 = 'E' || peek 0 = 'e' then
                isWhole <- false
                at <- at + 1

                if peek 0 = '+' || peek 0 = '-' then
                    at <- at + 1

                digits ()

            let digits = text.Substring(start, at - start)
            let culture = CultureInfo.InvariantCulture

            if not isWhole then
                let isOne, number = Double.TryParse(digits, NumberStyles.Float, culture)
                parsed start "a floating-point number" (isOne, Code.Float number)
            elif startsWith "UL" then
                at <- at + 2
                let isOne, number = UInt64.TryParse(digits, NumberStyles.Integer, culture)
                parsed start $"a whole number between 0 and {UInt64.MaxValue}" (isOne, Code.Seed number)
            elif startsWith "L" then
                at <- at + 1
                let isOne, number = Int64.TryParse(digits, NumberStyles.Integer, culture)
                parsed start $"a whole number between {Int64.MinValue} and {Int64.MaxValue}" (isOne, Code.Long number)
            else
                let isOne, number = Int32.TryParse(digits, NumberStyles.Integer, culture)

                parsed
                    start
                    $"a whole number between {Int32.MinValue} and {Int32.MaxValue}"
                    (isOne, Code.Integer number)

    let quoted () : Result<Located, Fault> =
        let start = at

        match text.IndexOf('"', start + 1) with
        | -1 -> fail text.Length "'\"' at the end of a text"
        | last ->
            at <- last + 1
            Ok(located start [] (Code.Text(text.Substring(start + 1, last - start - 1))))

    let word () : Result<Located, Fault> =
        let start = at
        let name = name ()

        // A name with dots is that of an option, so it does not count as a value.
        if not (name.Contains '.') then
            values <- values + 1

        if values > most then fail start $"a text of at most {most} names"
        elif name = "infinity" then Ok(located start [] (Code.Float infinity))
        elif name.Contains '.' then Ok(located start [] (Code.Symbol name))
        else Ok(located start [] (Code.Call(name, [])))

    /// Items up to the closing bracket, which is read as well.
    let rec several (depth: int) (separator: string) (closing: string) : Result<Located list, Fault> =
        let rec go (items: Located list) =
            result {
                let! item = chain depth
                let items = item :: items

                if take separator then
                    return! go items
                else
                    do! expect closing $"'{separator}' or "
                    return List.rev items
            }

        if closing = "]" && take closing then Ok [] else go []

    and bracketed (depth: int) : Result<Located, Fault> =
        let start = at
        at <- at + 1

        result {
            match! several depth "," ")" with
            | [ only ] -> return only
            | items -> return located start items (Code.Tuple(items |> List.map _.Code))
        }

    and listed (depth: int) : Result<Located, Fault> =
        let start = at
        at <- at + 1

        result {
            let! items = several depth ";" "]"
            return located start items (Code.Items(items |> List.map _.Code))
        }

    and fields (depth: int) : Result<(string * Located) list, Fault> =
        let rec go (before: (string * Located) list) =
            result {
                skip ()
                let start = at
                let field = name ()

                if field = "" then
                    return! fail start "the name of a field"
                else
                    do! expect "=" ""
                    let! value = chain depth
                    let all = (field, value) :: before

                    if take ";" then
                        return! go all
                    else
                        do! expect "}" "';' or "
                        return List.rev all
            }

        go []

    and record (depth: int) : Result<Located, Fault> =
        let start = at
        at <- at + 1
        skip ()
        let defaults = name ()

        if defaults = "" then
            fail at "the name of the defaults, such as SpectralNorm.defaults"
        else
            result {
                do! expect "with" ""
                let! fields = fields depth
                let changed = fields |> List.map (fun (field, value) -> field, value.Code)
                return located start (fields |> List.map snd) (Code.Fields(defaults, changed))
            }

    and atom (depth: int) : Result<Located, Fault> =
        skip ()

        match peek 0 with
        | '('
        | '['
        | '{' when depth >= deepest -> fail at $"at most {deepest} brackets in one another"
        | '(' -> bracketed (depth + 1)
        | '[' -> listed (depth + 1)
        | '{' -> record (depth + 1)
        | '"' -> quoted ()
        | char when Char.IsAsciiLetter char -> word ()
        | _ when isPoint () -> fail at "a digit before the point, as in 0.5,"
        | _ when isNumber () -> number ()
        | _ -> fail at "a value"

    and arguments (depth: int) (before: Located list) : Result<Located list, Fault> =
        if startsAtom () then
            atom depth |> Result.bind (fun next -> arguments depth (next :: before))
        else
            Ok(List.rev before)

    and application (depth: int) : Result<Located, Fault> =
        result {
            let! head = atom depth
            let end' = at
            let isBracketed = head.At < end' && text[end' - 1] = ')'
            let! arguments = arguments depth []

            match head.Code, arguments with
            | _, [] ->
                // `arguments` has skipped white space, which is no part of the code.
                at <- end'
                return head
            | Code.Call(name, []), several when not isBracketed ->
                return
                    { head with
                        End = (List.last several).End
                        Code = Code.Call(name, several |> List.map _.Code)
                        Inner = several
                    }
            | Code.Symbol name, [ only ] when not isBracketed ->
                let held =
                    match only.Code with
                    | Code.Tuple _ -> only.Inner
                    | _ -> [ only ]

                return
                    { head with
                        End = only.End
                        Code = Code.Case(name, held |> List.map _.Code)
                        Inner = held
                    }
            | Code.Symbol _, several when not isBracketed -> return! fail several[1].At "the end of what a case holds"
            | _, first :: _ -> return! fail first.At "'>>>', a closing bracket or the end"
        }

    and chain (depth: int) : Result<Located, Fault> =
        let rec go (first: Located) =
            let isFree = take ">>>!"

            if isFree || take ">>>" then
                result {
                    let! next = application depth
                    let code = Code.Then(first.Code, next.Code, not isFree)
                    return! go { At = first.At; End = next.End; Code = code; Inner = [ first; next ] }
                }
            else
                Ok first

        application depth |> Result.bind go

    member _.Read() : Result<Located, Fault> =
        result {
            let! code = chain 0
            skip ()

            if at < text.Length then return! fail at "'>>>' or the end" else return code
        }

[<RequireQualifiedAccess>]
module internal FSharpReader =

    let read (text: string) : Result<Located, Fault> = FSharpScanner(text).Read()
