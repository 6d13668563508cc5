namespace Parametrize

/// The description of a value as data: what it prints as in F# and in C#, what it is compared by, and what reading gives.
[<RequireQualifiedAccess>]
type Code =
    | Float of float
    | Integer of int
    | Long of int64
    | Seed of uint64
    | Text of string
    /// A name that takes nothing, such as `Triangle.Lower`.
    | Symbol of string
    /// A union case with what it holds, such as `Pruning.Groups(2, 4)`.
    | Case of name: string * holds: Code list
    /// A static method with its arguments, such as `Mask.Parse "2x2:5"`.
    | Method of name: string * arguments: Code list
    /// A record that differs from its defaults in these fields.
    | Fields of defaults: string * changed: (string * Code) list
    | Items of Code list
    | Tuple of Code list
    /// A value of the library with its arguments, such as `sphere 1.0`.
    | Call of name: string * arguments: Code list
    /// One value behind another; `fits` tells whether their spaces were checked.
    | Then of first: Code * next: Code * fits: bool

[<RequireQualifiedAccess>]
module internal Code =

    let name (head: string) : Code = Code.Call(head, [])

    let call (head: string) (arguments: Code list) : Code = Code.Call(head, arguments)
