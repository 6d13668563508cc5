namespace Parametrize

open System.Globalization

/// Pieces of a value as they are typed in F#: code that yields the same value.
[<RequireQualifiedAccess>]
module internal Typed =

    let float (number: float) : string =
        if System.Double.IsPositiveInfinity number then
            "infinity"
        elif System.Double.IsNegativeInfinity number then
            "-infinity"
        else
            let digits = number.ToString("R", CultureInfo.InvariantCulture)
            if digits.IndexOfAny [| '.'; 'E' |] >= 0 then digits else digits + ".0"

    /// In brackets where a function would not take it as one argument.
    let argument (code: string) : string = if code.StartsWith '-' || code.Contains ' ' then $"({code})" else code
