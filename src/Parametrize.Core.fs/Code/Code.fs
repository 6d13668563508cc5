namespace Parametrize

/// The description of a value as data: what it prints as in F# and in C#, what it is compared by, and what reading gives.
[<RequireQualifiedAccess>]
type Code =
    /// A real number, such as `0.5`.
    | Float of float
    /// A whole number of 32 bits, such as `2`.
    | Integer of int
    /// A whole number of 64 bits, such as `2L`.
    | Long of int64
    /// The seed of random numbers, such as `7UL`.
    | Seed of uint64
    /// A text in quotation marks.
    | Text of string
    /// A name that takes nothing, such as `Triangle.Lower`.
    | Symbol of string
    /// A union case with what it holds, such as `Pruning.Groups(2, 4)`.
    | Case of name: string * holds: Code list
    /// A static method with its arguments, such as `Mask.Parse "2x2:5"`.
    | Method of name: string * arguments: Code list
    /// A record that differs from its defaults in these fields.
    | Fields of defaults: string * changed: (string * Code) list
    /// A list, such as `[ skew; diagonal ]`.
    | Items of Code list
    /// Several together, such as `(2L, orthogonal)`.
    | Tuple of Code list
    /// A value of the library with its arguments, such as `sphere 1.0`.
    | Call of name: string * arguments: Code list
    /// One value behind another; `fits` tells whether their spaces were checked.
    | Then of first: Code * next: Code * fits: bool

[<RequireQualifiedAccess>]
module internal Code =

    let name (head: string) : Code = Code.Call(head, [])

    let call (head: string) (arguments: Code list) : Code = Code.Call(head, arguments)
