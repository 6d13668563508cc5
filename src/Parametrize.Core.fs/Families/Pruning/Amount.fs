namespace Parametrize

open System
open System.Globalization

/// Numbers of a description, as they are typed: they read back as the same number.
[<RequireQualifiedAccess>]
module internal Typed =

    let float (number: float) : string =
        if Double.IsPositiveInfinity number then
            "infinity"
        else
            let digits = number.ToString("R", CultureInfo.InvariantCulture)
            if Seq.forall Char.IsAsciiDigit digits then digits + ".0" else digits

/// How many of those that are left (entries, or channels) to prune.
[<RequireQualifiedAccess>]
type Amount =
    /// A share, in [0, 1]; the count is rounded to even, as Python rounds.
    | Share of float
    /// A number.
    | Count of int64

    /// A floating-point number is a share.
    static member op_Implicit(share: float) : Amount = Share share

    /// A whole number is a count.
    static member op_Implicit(count: int64) : Amount = Count count

    /// A whole number is a count.
    static member op_Implicit(count: int) : Amount = Count(int64 count)

    /// The count for a share of that many.
    static member internal CountOf(share: float, many: int64) : int64 =
        int64 (Math.Round(share * float many, MidpointRounding.ToEven))

    /// How many of that many; never more than there are, which `TryOf` refuses.
    member internal this.Of(many: int64) : int64 =
        match this with
        | Share share -> Amount.CountOf(share, many)
        | Count count -> min count many

    /// How many of that many, or why there are too few.
    member internal this.TryOf(what: string, many: int64) : Result<int64, string> =
        match this with
        | Count count when count > many -> Error $"{count} {what} are to be pruned, but only {many} are left."
        | _ -> Ok(this.Of many)

    /// What no tensor could meet.
    member internal this.Fault: string option =
        match this with
        | Share share when not (share >= 0.0 && share <= 1.0) ->
            Some $"The share must lie in [0, 1], but it is {share}."
        | Count count when count < 0L -> Some $"The count must not be negative, but it is {count}."
        | _ -> None

    override this.ToString() : string =
        match this with
        | Share share -> $"(Amount.Share {Typed.float share})"
        | Count count -> $"(Amount.Count {count}L)"
