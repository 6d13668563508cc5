namespace Parametrize

/// Questions to any node.
[<RequireQualifiedAccess; CompilationRepresentation(CompilationRepresentationFlags.ModuleSuffix)>]
module internal Node =

    /// The code as text, for messages.
    let text (node: Node) : string = FSharpText.ofCode node.Code

    let arity (node: Node) : int = node.Domains.Length

    let domainsBehind (before: Space list) (node: Node) : Domain list =
        match box node with
        | :? IRelatesInputs as relating -> relating.DomainsBehind before
        | _ -> node.Domains

    let learns (node: Node) : bool = (box node) :? ILearns

    let isShapedByBuffers (node: Node) : bool = (box node) :? IShapedByBuffers

    let converges (node: Node) : bool = (box node) :? IConverges

    /// Whether it has a mask, which is chosen by the registered tensor.
    let chooses (node: Node) : bool = node.Buffers |> List.exists (fun buffer -> buffer.Role = BufferRole.Mask)

    let hasBase (node: Node) : bool = node.Buffers |> List.exists (fun buffer -> buffer.Role = BufferRole.Base)

    /// The input form of a node that reads one tensor of the form that it yields.
    let same (node: Node) (requirement: Requirement) (form: Form) : Result<Form list, ParametrizationError> =
        match Form.fault requirement form with
        | None -> Ok [ form ]
        | Some error -> Error(error (text node))

    let outOfReach (node: Node) (found: Result<'a, string>) : Result<'a, ParametrizationError> =
        found |> Result.mapError (fun reason -> ParametrizationError.OutOfReach(text node, reason))

    let wrongShape (node: Node) (expected: string) (form: Form) : Result<'a, ParametrizationError> =
        Error(ParametrizationError.WrongShape(text node, expected, Form.Shown form.Shape))
