namespace Parametrize

open System

/// How many entries, or channels, to prune.
[<RequireQualifiedAccess>]
type Amount =
    /// A share of those that are left, in [0, 1]. The count is rounded to the nearest whole number, halves to the even one, as in
    /// Python.
    | Share of float
    /// A number of those that are left.
    | Count of int64
    /// As many as are missing until this share of all is pruned, those pruned before included; none when it is reached.
    | UpTo of share: float

    /// A floating-point number is a share.
    static member op_Implicit(share: float) : Amount = Share share

    /// A whole number is a count.
    static member op_Implicit(count: int64) : Amount = Count count

    /// A whole number is a count.
    static member op_Implicit(count: int) : Amount = Count(int64 count)

    /// How many to prune, given how many there are in all and how many are left; or why too few are left.
    member internal this.TryOf(what: string, all: int64, left: int64) : Result<int64, string> =
        let countOf (share: float) (many: int64) = int64 (Math.Round(share * float many, MidpointRounding.ToEven))

        match this with
        | Count count when count > left -> Error $"{count} {what} are to be pruned, but only {left} are left."
        | Count count -> Ok count
        | Share share -> Ok(countOf share left)
        | UpTo share -> Ok(max 0L (countOf share all - (all - left)))

    /// The fault of an amount that is impossible for every tensor. Throws ArgumentNullException for null, which C# can write.
    static member internal FaultOf(amount: Amount) : string option =
        if obj.ReferenceEquals(amount, null) then
            nullArg (nameof amount)

        match amount with
        | Share share
        | UpTo share when not (share >= 0.0 && share <= 1.0) ->
            Some(invariant $"The share must lie in [0, 1], but it is {share}.")
        | Count count when count < 0L -> Some $"The count must not be negative, but it is {count}."
        | _ -> None

    member internal this.Code: Code =
        match this with
        | Share share -> Code.Case("Amount.Share", [ Code.Float share ])
        | Count count -> Code.Case("Amount.Count", [ Code.Long count ])
        | UpTo share -> Code.Case("Amount.UpTo", [ Code.Float share ])

    /// As it is typed, in brackets.
    override this.ToString() : string = FSharpText.ofCode this.Code
