namespace Parametrize

open TorchSharp

/// Finds parts for tensors that a module registers or assigns, allowed or not.
[<RequireQualifiedAccess>]
module internal Accepting =

    /// Whether a tensor can become the parameter as it is: the value has one parameter of the same form, and no buffers.
    let canReinterpret (value: Parametrization) (tensor: torch.Tensor) : bool =
        value.Program.LeafCount = 1
        && value.Program.BufferNames.IsEmpty
        && match Program.forms value.Program (Form.ofTensor tensor) with
           | Ok forms -> forms[0].Shape = tensor.shape
           | Error _ -> true

    /// Parts with the tensor as the unconstrained parameter, allowed or not; an error when the value yields no tensor of its form.
    let reinterpret (value: Parametrization) (tensor: torch.Tensor) : Result<Parts, ParametrizationError> =
        Assigning.checkedForms value tensor
        |> Result.map (fun _ ->
            new Parts(
                tensor.shape,
                [| new Modules.Parameter(tensor.detach().clone().DetachFromDisposeScope(), true) |],
                value.Program.Nodes |> Array.map (fun _ -> [||])
            ))

    /// The error for parts that were moved to an element type in which the value yields no tensor; None when it does.
    let misfit (value: Parametrization) (parts: Parts) : ParametrizationError option =
        match Program.forms value.Program (Evaluation.outputForm parts) with
        | Ok _
        // A tensor without data (on the meta device) cannot be wrong.
        | Error(ParametrizationError.WrongDevice _) -> None
        | Error error -> Some error

    /// Whether a tensor is finite and has the form of the present one.
    let suits (value: Parametrization) (parts: Parts) (tensor: torch.Tensor) : Result<unit, ParametrizationError> =
        Assigning.checkedAgainst value parts tensor |> Result.map ignore

    let private exactlyOr otherwise (value: Parametrization) (parts: Parts) (tensor: torch.Tensor) =
        Assigning.checkedForms value tensor
        |> Result.bind (fun forms ->
            match Assigning.exactly value forms (Some parts) tensor with
            | Ok exact -> Ok exact
            | Error _ ->
                match otherwise value forms parts tensor with
                | Some other -> Ok other
                | None -> Assigning.approximately Want.Start value forms (Some parts) tensor)

    /// Parts for a value with more nodes: present nodes keep their buffers, new nodes choose theirs.
    let extend (value: Parametrization) (parts: Parts) (tensor: torch.Tensor) =
        exactlyOr (fun _ _ _ _ -> None) value parts tensor

    /// Parts for a tensor that is assigned, allowed or not, given the parts in use. A tensor that is nearly allowed, as one that was
    /// rounded, becomes its projection; any other one starts as if it was registered.
    let take (value: Parametrization) (parts: Parts) (tensor: torch.Tensor) =
        exactlyOr Projecting.tryNear value parts tensor
