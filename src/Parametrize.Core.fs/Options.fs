namespace Parametrize

open System

/// Checks of the options of values. They throw ArgumentException.
[<RequireQualifiedAccess>]
module internal Options =

    /// Checks an argument. The exception has its name; the message calls it by the word.
    let requirePositiveAs (argument: string) (word: string) (number: float) : unit =
        if not (number > 0.0 && Double.IsFinite number) then
            invalidArg argument (invariant $"The {word} must be positive and finite, but it is {number}.")

    /// Checks an argument that the message calls by its name.
    let requirePositive (name: string) (number: float) : unit = requirePositiveAs name name number

    /// Checks the argument of a gamma function in a density: above 1e9 its logarithm would lose all digits to rounding.
    let requireGammaAs (argument: string) (word: string) (number: float) : unit =
        requirePositiveAs argument word number

        if number > 1e9 then
            invalidArg
                argument
                (invariant $"The {word} must be at most 1e9, but it is {number}: the density would be lost to rounding.")

    /// Checks a number of steps. It may come from a file, which must not keep a process busy for days.
    let requireSteps (argument: string) (step: string) (most: int) (count: int) : unit =
        if count < 1 then
            invalidArg argument $"At least 1 {step} is needed, but {count} were asked for."

        if count > most then
            invalidArg argument $"At most {most} {step}s are possible, but {count} were asked for."

    let requireRank (rank: int64) : unit =
        if rank < 1L then
            invalidArg (nameof rank) $"The rank must be at least 1, but it is {rank}."
