namespace Parametrize

open System.Threading

/// How a constrained tensor is computed from unconstrained ones. An immutable value without tensors, compared by its
/// description and printed as it is typed in F#.
[<Sealed; StructuredFormatDisplay("{Code}"); Notebooks.TypeFormatterSource(typeof<Notebooks.AsPrinted>)>]
type Parametrization internal (tree: Tree) =

    // Compiled on first use, because a chain is composed node by node and most of its beginnings are never used. With
    // `PublicationOnly`, the next use compiles again after a user's node has thrown.
    let program =
        System.Lazy<Program>((fun () -> Program.compile tree), LazyThreadSafetyMode.PublicationOnly)

    let description = System.Lazy<Code>((fun () -> Tree.code tree), LazyThreadSafetyMode.PublicationOnly)

    member internal _.Tree: Tree = tree

    /// The compiled program, made once.
    member internal _.Program: Program = program.Value

    /// Its nodes, in the order of evaluation; positions in names of buffers count them.
    member _.Nodes: System.Collections.Generic.IReadOnlyList<Node> = program.Value.Composed

    /// Its description as data.
    member _.Description: Code = description.Value

    /// The value as it is typed in F#, such as `skew >>> cayley`.
    member _.Code: string = FSharpText.ofCode description.Value

    /// `left >>> right`: first `left`, then `right`. Throws ArgumentException when their spaces do not fit.
    static member AndThen(left: Parametrization, right: Parametrization) : Parametrization =
        match Tree.andThen true right.Tree left.Tree with
        | Ok tree -> Parametrization tree
        | Error error -> invalidArg (nameof right) error.Message

    override _.Equals(other: obj) : bool =
        match other with
        | :? Parametrization as value -> tree.Equals value.Tree
        | _ -> false

    override _.GetHashCode() : int = tree.GetHashCode()

    /// C#'s `==`: as `Equals`.
    static member op_Equality(left: Parametrization | null, right: Parametrization | null) : bool =
        obj.Equals(left, right)

    /// C#'s `!=`.
    static member op_Inequality(left: Parametrization | null, right: Parametrization | null) : bool =
        not (obj.Equals(left, right))

    override this.ToString() : string = this.Code
