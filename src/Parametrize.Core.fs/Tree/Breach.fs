namespace Parametrize

open System.Runtime.InteropServices
open TorchSharp

/// Errors that say how a node of a user breaks its contract. Each throws InvalidOperationException with the name of the node.
[<RequireQualifiedAccess>]
module internal Breach =

    /// Whether the node is a user's.
    let isUsers (node: Node) : bool = not (obj.ReferenceEquals(node.GetType().Assembly, typeof<Node>.Assembly))

    /// Throws InvalidOperationException.
    let throw (node: Node) (doing: string) (expected: string) (found: string) : 'a =
        invalidOp $"{Node.text node} breaks its contract in {doing}. Expected: {expected}; found: {found}."

    /// Adds the name of the node to an error of libtorch.
    let running (node: Node) (doing: string) (work: unit -> 'a) : 'a =
        try
            work ()
        with :? ExternalException as error ->
            let reason = error.Message.Split('\n')[0]
            raise (System.InvalidOperationException($"{Node.text node} fails in {doing}: {reason}", error))

    /// What is wrong with a tensor that a node returns (null, disposed or sparse); None if nothing is.
    let unfit (tensor: torch.Tensor) : string option =
        if isNull (box tensor) then Some "null"
        elif tensor.IsInvalid then Some "a disposed tensor"
        elif tensor.is_sparse then Some "a sparse tensor"
        else None

    /// Tensors that one function of a node returns for another function.
    let usable (node: Node) (doing: string) (tensors: torch.Tensor[]) : torch.Tensor[] =
        if isNull (box tensors) then
            throw node doing "tensors" "null"

        match Array.tryPick unfit tensors with
        | Some found -> throw node doing "a tensor" found
        | None -> tensors

    let ofForm (node: Node) (doing: string) (expected: Form) (tensor: torch.Tensor) : torch.Tensor =
        match unfit tensor with
        | Some found -> throw node doing (string expected) found
        | None when Form.ofTensor tensor <> expected ->
            throw node doing (string expected) (string (Form.ofTensor tensor))
        | None -> tensor

    let finite (node: Node) (doing: string) (tensor: torch.Tensor) : torch.Tensor =
        if Tensors.nonFinite tensor > 0L then
            invalidOp
                $"{Node.text node} returned NaN or infinite numbers in {doing}. Where a tensor is not allowed, `Nearest` has to return an allowed one; its default in C#, the image of the right inverse, may not be one."

        tensor
