namespace Parametrize

/// Why a text cannot be read as a value: the position of the fault, and what was expected there.
type ParseError =
    {
        /// The text to be read.
        Text: string
        /// The position in the text, from 0; the length of the text where it ends too early.
        Position: int
        /// The text that was expected at the position.
        Expected: string
    }

    /// What was found there: the next characters, at most 24 of them, in quotation marks, or `the end`.
    member this.Found: string =
        if this.Position >= this.Text.Length then
            "the end"
        else
            let rest = this.Text.Substring(this.Position, min 24 (this.Text.Length - this.Position))
            $"'{rest}'"

    /// The position of the fault, what was expected there, and what was found.
    member this.Message: string =
        let isCSharp = this.Text.Length > 0 && System.Char.IsUpper this.Text[0]

        $"Position {this.Position}: {this.Expected} was expected, but found {this.Found}."
        + (if isCSharp then
               " Write it as F# does and values print, such as `skew >>> cayley`."
           else
               "")

    override this.ToString() : string = this.Message

/// Code with its place in a text: `At` is the position of its first character, `End` the position after its last one.
[<NoComparison>]
type internal Located =
    {
        At: int
        End: int
        Code: Code
        /// Its components: arguments, items, values of fields, both sides of an operator.
        Inner: Located list
    }

/// A place, and what was expected there.
type internal Fault = { At: int; Expected: string }

/// `result { ... }`: the first error ends the block.
type internal ResultBuilder() =
    member _.Bind(result, next) = Result.bind next result
    member _.Return value = Ok value
    member _.ReturnFrom(result: Result<'a, 'e>) = result

[<AutoOpen>]
module internal ResultBuilding =

    let result = ResultBuilder()
