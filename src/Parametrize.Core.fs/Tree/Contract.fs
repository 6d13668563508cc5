namespace Parametrize

open System.Runtime.InteropServices
open TorchSharp

/// What a node of a user's own has to keep, since values build on it. The library's own are held to it by the laws.
[<RequireQualifiedAccess>]
module internal Contract =

    let isUsers (node: Node) : bool = not (obj.ReferenceEquals(node.GetType().Assembly, typeof<Node>.Assembly))

    let private broken (node: Node) (doing: string) (expected: string) (found: string) : 'a =
        invalidOp $"{Node.text node} breaks its contract in {doing}. Expected: {expected}; found: {found}."

    /// Runs code of a node; errors of libtorch, which name no node, become one that does.
    let inline private naming (node: Node) (doing: string) ([<InlineIfLambda>] run: unit -> 'a) : 'a =
        try
            run ()
        with :? ExternalException as error ->
            raise (
                System.InvalidOperationException(
                    $"{Node.text node} fails in {doing}: {error.Message.Split('\n')[0]}",
                    error
                )
            )

    /// The forms that a node reads.
    let inputs (node: Node) (output: Form) : Result<Form list, ParametrizationError> =
        node.Inputs output
        |> Result.map (fun forms ->
            if forms.Length <> Node.arity node then
                broken node "telling what it reads" $"{Node.arity node} inputs" $"forms of {forms.Length}"

            forms)

    /// What a node computes.
    let computed (node: Node) (compute: unit -> torch.Tensor) : torch.Tensor =
        let result = if isUsers node then naming node "computing" compute else compute ()

        if isNull (box result) then
            broken node "computing" "a tensor" "null"

        result

    let private fault (node: Node) (inputs: Form list) (tensor: torch.Tensor) (parts: NodeParts) =
        let numbers (inputs: int) (buffers: int) = $"{inputs} inputs and {buffers} buffers"

        let count (tensors: torch.Tensor[]) = if isNull (box tensors) then 0 else tensors.Length

        let expected, found = (inputs.Length, node.Buffers.Length), (count parts.Inputs, count parts.Buffers)

        let isElsewhere (part: torch.Tensor) =
            (part.device_type, part.device_index) <> (tensor.device_type, tensor.device_index)

        let all = lazy (Seq.append parts.Inputs parts.Buffers |> Seq.toList)

        if expected <> found then
            Some(numbers <|| expected, numbers <|| found)
        elif all.Value |> List.exists (box >> isNull) then
            Some("tensors", "null")
        else
            match all.Value |> List.tryFind isElsewhere with
            | Some part -> Some($"tensors on {tensor.device}", $"one on {part.device}")
            | None ->
                Seq.zip inputs parts.Inputs
                |> Seq.tryPick (fun (form, input) ->
                    if form.Dtype <> input.dtype then
                        Some($"an input of {form.Dtype}", string (Form.ofTensor input))
                    elif form.Shape <> input.shape then
                        Some($"an input of shape {Form.Shown form.Shape}", string (Form.ofTensor input))
                    elif input.is_sparse then
                        Some("a dense input", "a sparse one")
                    else
                        match Tensors.nonFinite input with
                        | 0L -> None
                        | count -> Some("finite numbers", $"{count} that are NaN or infinite"))

    /// The parts that a node finds for a tensor, when they are what its contract says.
    let found
        (node: Node)
        (inputs: Form list)
        (tensor: torch.Tensor)
        (find: unit -> Result<NodeParts, 'e>)
        : Result<NodeParts, 'e> =
        if isUsers node then
            let doing = $"pulling back {Form.ofTensor tensor}"

            naming node doing find
            |> Result.map (fun parts ->
                match fault node inputs tensor parts with
                | None -> parts
                | Some(expected, found) -> broken node doing expected found)
        else
            find ()

    /// Whether a node contains a tensor.
    let contained (node: Node) (contains: unit -> Result<unit, Violation>) : Result<unit, Violation> =
        if isUsers node then
            naming node "telling whether it contains a tensor" contains
        else
            contains ()

    /// Refuses a right inverse that is none: what is computed from the parts must be the tensor, to half its digits.
    let comesBack (nodes: Node[]) (epsilon: float) (tensor: torch.Tensor) (computed: unit -> torch.Tensor) : unit =
        match nodes |> Array.tryFindBack isUsers with
        | None -> ()
        | Some node ->
            let back = computed ()
            let expected, found = Form.ofTensor tensor, Form.ofTensor back

            if expected <> found then
                broken node "computing" (string expected) (string found)

            let off = Tensors.distance (Tensors.inDouble back) (Tensors.inDouble tensor)
            let limit = sqrt epsilon * Tensors.largest tensor

            if not (off <= limit) then
                broken
                    node
                    "inverting"
                    "that its map of its right inverse of a tensor is the tensor"
                    $"one that differs by {off:g3} (allowed: {limit:g3})"
