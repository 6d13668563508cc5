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

    let requireRank (rank: int64) : unit =
        if rank < 1L then
            invalidArg (nameof rank) $"The rank must be at least 1, but it is {rank}."
