namespace Parametrize

/// How a constrained tensor is computed from unconstrained ones. An immutable value without tensors, compared by its
/// description and printed as it is typed in F#.
[<Sealed; StructuredFormatDisplay("{Text}")>]
type Parametrization internal (tree: Tree) =

    let program = lazy Program.compile tree
    let code = lazy Tree.code tree

    member internal _.Tree: Tree = tree

    /// The same, compiled once.
    member internal _.Program: Program = program.Value

    /// Its description as data.
    member _.Code: Code = code.Value

    /// The value as it is typed in F#, such as `skew >>> cayley`.
    member this.Text: string = FSharpText.ofCode this.Code

    override _.Equals(other: obj) : bool =
        match other with
        | :? Parametrization as value -> tree.Equals value.Tree
        | _ -> false

    override _.GetHashCode() : int = tree.GetHashCode()

    override this.ToString() : string = this.Text
