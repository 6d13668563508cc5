namespace Parametrize

open TorchSharp

/// Checks what users' nodes return at each call, since values rely on it. The nodes of the library are called without checks,
/// because the tests have tried the laws with them.
[<RequireQualifiedAccess>]
module internal Contract =

    /// A constant of the node that the element type of the computation cannot represent.
    let private missing (node: Node) (output: Form) : float option =
        let dtype = (Form.widened output).Dtype
        let isBeyond (number: float) = System.Double.IsFinite number && abs number > Form.greatest dtype

        match box node with
        | :? IHoldsNumbers as holding ->
            List.append
                (List.filter isBeyond (holding.Offsets @ holding.Factors))
                (holding.Factors |> List.filter (fun factor -> abs factor < Form.smallest dtype))
            |> List.tryHead
        | _ -> None

    /// The forms of the inputs of a node. `isLast`: the entries of its output are those of the whole value; `isFirst`: it reads
    /// parameters.
    let inputs (node: Node) (output: Form) (isLast: bool) (isFirst: bool) : Result<Form list, ParametrizationError> =
        node.Inputs output
        |> Result.bind (fun forms ->
            if forms.Length <> Node.arity node then
                Breach.throw node "Inputs (InputShapes in C#)" $"{Node.arity node} inputs" $"{forms.Length} forms"

            let needs (numbers: string) =
                let expected = $"an element type that has {numbers}"
                Error(ParametrizationError.WrongDtype(Node.text node, expected, string output.Dtype))

            let least =
                match box node with
                | :? IReaches as reaching when isLast -> reaching.Least(output, isFirst)
                | _ -> 0.0

            match missing node output with
            | Some number -> needs $"the number {FSharpText.float number}"
            | None when least > Form.greatest output.Dtype -> needs $"numbers as large as {FSharpText.float least}"
            | None -> Ok forms)

    let private isTrained (tensor: torch.Tensor) : bool = tensor.requires_grad

    /// Throws an error that names the first user's node with noise: in training, the tensor had another shape. Does nothing if no
    /// user's node has noise.
    let breachInTraining (nodes: Node[]) (expected: int64[]) (found: torch.Tensor) : unit =
        match nodes |> Array.tryFind (fun node -> Breach.isUsers node && box node :? INoisy) with
        | Some node ->
            Breach.throw
                node
                "ForwardInTraining"
                $"a tensor of shape {Form.Shown expected}"
                $"one of {Form.Shown found.shape}"
        | None -> ()

    /// The tensor that a node gives when it is undone. The tensor of a user's node is checked.
    let undone (node: Node) (undo: torch.Tensor -> torch.Tensor) (tensor: torch.Tensor) : torch.Tensor =
        if Breach.isUsers node then
            (Breach.usable node "undoing" [| Breach.running node "undoing" (fun () -> undo tensor) |])[0]
        else
            undo tensor

    /// The output of a node. The caller checks its form when a tensor is registered.
    let computed (node: Node) (inputs: torch.Tensor[]) (compute: unit -> torch.Tensor) : torch.Tensor =
        if Breach.isUsers node then
            let result = Breach.running node "Forward" compute

            match Breach.unfit result with
            | Some found -> Breach.throw node "Forward" "a tensor" found
            | None when inputs |> Array.exists _.IsInvalid ->
                Breach.throw node "Forward" "that it leaves its inputs as they are" "one that it has disposed"
            | None when result.device_type <> inputs[0].device_type ->
                Breach.throw node "Forward" $"a tensor on {inputs[0].device}" $"one on {result.device}"
            // Of several inputs, one may be real while the others are complex.
            | None when inputs.Length = 1 && result.dtype <> inputs[0].dtype ->
                Breach.throw node "Forward" $"a tensor of {inputs[0].dtype}" $"one of {result.dtype}"
            // Training would never change the parameters, without an error.
            | None when torch.is_grad_enabled () && Array.exists isTrained inputs && not result.requires_grad ->
                Breach.throw
                    node
                    "Forward"
                    "a tensor through which gradients reach what it is computed from"
                    "one that was detached, or computed under no_grad"
            | None -> result
        else
            compute ()

    /// The buffers after a training step. A user's node must return as many as before, in the same forms.
    let learnt (node: Node) (before: torch.Tensor[]) (advance: unit -> torch.Tensor[]) : torch.Tensor[] =
        if Breach.isUsers node then
            let after = Breach.running node "Advance" advance

            if isNull (box after) || after.Length <> before.Length then
                Breach.throw
                    node
                    "Advance"
                    $"{before.Length} buffers"
                    (if isNull (box after) then "null" else string after.Length)

            Array.map2 (fun (old: torch.Tensor) -> Breach.ofForm node "Advance" (Form.ofTensor old)) before after
        else
            advance ()

    /// Real numbers, or null.
    let slopes (node: Node) (compute: unit -> torch.Tensor | null) : torch.Tensor | null =
        if Breach.isUsers node then
            let doing = "Slopes"

            match Breach.running node doing compute with
            | null -> null
            | slopes when slopes.IsInvalid || not (slopes.is_floating_point ()) ->
                Breach.throw
                    node
                    doing
                    "a tensor of real numbers"
                    (Breach.unfit slopes |> Option.defaultValue "another")
            | slopes -> slopes
        else
            compute ()

    /// The log volumes of a node: real numbers whose shape is the beginning of the shape of the output, or a single number.
    let volume (node: Node) (output: int64[]) (compute: unit -> torch.Tensor) : torch.Tensor =
        if Breach.isUsers node then
            let doing = "LogVolume"

            let expected =
                $"one real number for each problem, in a shape with which {Form.Shown output} begins, or one for all"

            let numbers = Breach.running node doing compute

            match Breach.unfit numbers with
            | Some found -> Breach.throw node doing expected found
            | None when not (numbers.is_floating_point ()) ->
                Breach.throw node doing expected (string (Form.ofTensor numbers))
            | None when numbers.shape = Array.truncate numbers.shape.Length output -> numbers
            | None when numbers.numel () = 1L -> numbers.reshape ([||]: int64[])
            | None -> Breach.throw node doing expected (string (Form.ofTensor numbers))
        else
            compute ()

    /// Real numbers, one for each matrix of a batch; or null.
    let logAbsDet (node: Node) (batch: int64[]) (compute: unit -> torch.Tensor | null) : torch.Tensor | null =
        if Breach.isUsers node then
            let doing = "LogAbsDet"

            match Breach.running node doing compute with
            | null -> null
            | numbers ->
                let expected = $"real numbers of shape {Form.Shown batch}"

                match Breach.unfit numbers with
                | Some found -> Breach.throw node doing expected found
                | None when not (numbers.is_floating_point ()) || numbers.shape <> batch ->
                    Breach.throw node doing expected (string (Form.ofTensor numbers))
                | None -> numbers
        else
            compute ()

    /// A random tensor of that form.
    let sampled (node: Node) (form: Form) (sample: unit -> torch.Tensor) : torch.Tensor =
        if Breach.isUsers node then
            let doing = $"Sample of {form}"
            Breach.running node doing sample |> Breach.ofForm node doing form |> Breach.finite node doing
        else
            sample ()
