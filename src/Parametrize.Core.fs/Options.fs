namespace Parametrize

open System

/// Checks of the options of values. They throw ArgumentException.
[<RequireQualifiedAccess>]
module internal Options =

    /// Of the argument of that name, which the message calls so.
    let requirePositiveAs (argument: string) (word: string) (number: float) : unit =
        if not (number > 0.0 && Double.IsFinite number) then
            invalidArg argument $"The {word} must be positive and finite, but it is {number}."

    /// Of an argument that is called as the message calls it.
    let requirePositive (name: string) (number: float) : unit = requirePositiveAs name name number

    /// Of a number of which a density has the gamma function: above 1e9 rounding would take the digits of its logarithm.
    let requireGammaAs (argument: string) (word: string) (number: float) : unit =
        requirePositiveAs argument word number

        if number > 1e9 then
            invalidArg
                argument
                $"The {word} must be at most 1e9, but it is {number}: the density would be lost to rounding."

    let requireRank (rank: int64) : unit =
        if rank < 1L then
            invalidArg (nameof rank) $"The rank must be at least 1, but it is {rank}."
