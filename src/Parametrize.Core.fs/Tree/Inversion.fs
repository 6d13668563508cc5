namespace Parametrize

open TorchSharp

/// Finds the parts of a value from which a tensor is computed.
[<RequireQualifiedAccess>]
module internal Inversion =

    /// How often inputs may get new starting values before the remainder is found: once, and once more when no remainder fits the
    /// inputs in use.
    let private mostStarts = 2

    /// The present values of the registers, computed on first use.
    let private registersOf (program: Program) (parts: Parts) : Lazy<torch.Tensor[]> =
        lazy
            (Evaluation.registers
                false
                program
                parts
                (Array.map (fun (leaf: torch.Tensor) -> Tensors.widen (leaf.detach ())) parts.ParameterArray)
                (Array.map (Array.map Tensors.widen) parts.BufferArrays))

    /// Whether a node behind this one may multiply its tensor.
    let private isRescaled (program: Program) (position: int) : bool =
        let behind = System.Collections.Generic.HashSet<int>()

        let rescales (index: int) (step: Step) =
            let reads = Array.exists behind.Contains

            match step with
            | Step.Compute(_, _, at, _) when at = position ->
                behind.Add(program.LeafCount + index) |> ignore
                false
            | Step.Compute(node, sources, _, _) when reads sources ->
                behind.Add(program.LeafCount + index) |> ignore
                node.Domains |> List.exists (Domain.mayNeed Closure.Scaling)
            | Step.Into(_, source, _)
            | Step.OutOf(_, source) when reads [| source |] ->
                behind.Add(program.LeafCount + index) |> ignore
                false
            | _ -> false

        program.Steps |> Array.mapi rescales |> Array.exists id

    /// The buffers in use. Three kinds of nodes get none: new nodes; nodes that learn theirs again, because a later node reads another
    /// shape; and nodes with buffers in the units of a tensor that a later node may rescale.
    let private presentBuffers (program: Program) (forms: Form[]) (buffers: torch.Tensor[][]) =
        let shapes = [| for row in Program.bufferRows program forms -> [| for form in row -> form.Shape |] |]
        let positions = [| 0 .. min buffers.Length program.Nodes.Length - 1 |]

        let fits (position: int) =
            Array.isEmpty buffers[position]
            || [| for buffer in buffers[position] -> buffer.shape |] = shapes[position]

        match positions |> Array.tryFind (fun each -> not (fits each) && Node.chooses program.Nodes[each]) with
        | Some position ->
            let mask, read = buffers[position][0], shapes[position][0]

            Error
                $"its mask is for tensors {Form.Shown mask.shape}, but a later node reads tensors {Form.Shown read}. Remove it, and register both at once."
            |> Node.outOfReach program.Nodes[position]
        | None ->
            // Bases stay: those of PyTorch may be larger.
            let isKept (position: int) =
                (fits position || not (box program.Nodes[position] :? IConverges))
                && not (box program.Nodes[position] :? IHasUnits && isRescaled program position)

            Ok
                [|
                    for position in 0 .. program.Nodes.Length - 1 ->
                        if position < positions.Length && isKept position then
                            Array.map Tensors.widen buffers[position]
                        else
                            [||]
                |]

    let private tensorsOf (result: Result<Parts, 'e>) : torch.Tensor seq =
        match result with
        | Ok parts -> parts.Tensors
        | Error _ -> Seq.empty

    let private membershipWithin epsilon (program: Program) (forms: Form[]) buffers (tensor: torch.Tensor) =
        use _ = torch.no_grad ()
        use scope = torch.NewDisposeScope()
        let wide = Tensors.widen (tensor.detach ())
        // A node that reads leaves is only asked whether it contains its tensor; its parts are not computed.
        presentBuffers program forms buffers
        |> Result.bind (fun present -> PullBack.ask program forms present wide epsilon)

    /// Whether all nodes contain the tensor that is pulled back to them, from the last to the first.
    let membership (program: Program) (forms: Form[]) (buffers: torch.Tensor[][]) (tensor: torch.Tensor) =
        membershipWithin (Form.epsilon tensor.dtype) program forms buffers tensor

    /// Throws InvalidOperationException if a user's node finds, for a tensor that the parts yield, inputs that the nodes before it
    /// do not yield: such a tensor could be registered, but not assigned or loaded.
    let private requireReadsBack (program: Program) (forms: Form[]) (epsilon: float) (parts: Parts) : unit =
        let users =
            [
                for index, step in Seq.indexed program.Steps do
                    match step with
                    | Step.Compute(node, sources, position, _) when Breach.isUsers node ->
                        struct (node, sources, position, program.LeafCount + index)
                    | _ -> ()
            ]

        let isBehindOthers struct (_, sources, _, _) = not (PullBack.readsLeaves program sources)

        match List.tryFind isBehindOthers users with
        | Some(node, _, _, register) when program.HasRightInverse ->
            use _ = torch.no_grad ()
            use _scope = torch.NewDisposeScope()
            let buffers = parts.BufferArrays
            let registers = Evaluation.registers false program parts parts.ParameterArray buffers
            // The tolerance is wide, because a user's node does not say by how much it magnifies rounding.
            let epsilon = sqrt epsilon

            let containsItsOwn struct (node, _, position: int, register: int) =
                InverseContract.contains node buffers[position] registers[register] epsilon = Ok()

            match membershipWithin epsilon program forms buffers registers[program.Result] with
            | Error(ParametrizationError.NotAllowed(before, violation)) when List.forall containsItsOwn users ->
                let made = registers[register] |> Tensors.narrow forms[register].Dtype
                Breach.throw node (InverseContract.pulling made) $"an input that {before} yields" (string violation)
            | _ -> ()
        | _ -> ()

    /// The error of a node that refuses its input; None if the value still yields an allowed tensor.
    let private refusal (program: Program) (forms: Form[]) (parts: Parts) : ParametrizationError option =
        let refusing =
            [
                for step in program.Steps do
                    match step with
                    | Step.Compute(node, sources, position, _) when not (PullBack.readsLeaves program sources) ->
                        match box node with
                        | :? IRefusesInputs as refusing ->
                            fun (registers: torch.Tensor[]) ->
                                refusing.Refusal registers[sources[0]]
                                |> Option.ofObj
                                |> Option.map (fun reason ->
                                    Program.named
                                        program
                                        position
                                        (ParametrizationError.OutOfReach(Node.text node, reason)))
                        | _ -> ()
                    | _ -> ()
            ]

        if refusing.IsEmpty then
            None
        else
            let registers = Evaluation.registers false program parts parts.ParameterArray parts.BufferArrays

            let isAllowed () =
                registers[program.Result].``to`` forms[program.Result].Dtype
                |> membership program forms parts.BufferArrays
                |> Result.toOption
                |> Option.isSome

            refusing
            |> List.tryPick (fun refusal -> refusal registers)
            |> Option.filter (fun _ -> not (isAllowed ()))

    /// Pulls the tensor back until every input has a target. An input that takes the remainder may have to be found again, after the
    /// others have got starting values.
    let rec private pulledWith
        pull
        program
        forms
        (tensor: torch.Tensor)
        epsilon
        attempts
        (inUse: Parts option)
        present
        =
        let now = inUse |> Option.map (registersOf program)

        PullBack.run pull program forms present now tensor epsilon
        |> Result.bind (fun pulled ->
            let leaves =
                pulled.Leaves
                |> Array.mapi (fun leaf tensor -> if isNull (box tensor) then now.Value.Value[leaf] else tensor)

            let pulled = { pulled with Leaves = leaves }

            match pulled.Unfinished with
            | None -> Ok pulled
            | Some position when attempts = 0 ->
                Error(
                    "no value of the remaining input gives this tensor, whatever the other inputs start from. "
                    + "Register another tensor, or a value with one free input."
                )
                |> Node.outOfReach program.Nodes[position]
                |> Result.mapError (Program.named program position)
            | Some _ ->
                let started = new Parts(tensor.shape, leaves, pulled.Rows)

                pulledWith pull program forms tensor epsilon (attempts - 1) (Some started) pulled.Rows
                |> Result.map (fun again -> { again with IsChosen = Array.map2 (||) pulled.IsChosen again.IsChosen }))

    /// The buffers of each node for what was found. If the nodes before cannot yield the tensor that is pulled back to them, their
    /// output differs from it, and buffers that depend on it are computed again.
    let private rowsFor
        pull
        (program: Program)
        (buffers: torch.Tensor[][])
        (shape: int64[])
        epsilon
        (pulled: PulledBack)
        =
        let isStale (node: Node) (position: int) (source: int) =
            not (PullBack.readsLeaves program [| source |])
            && (Node.learns node || pulled.IsChosen[position] && Node.chooses node)

        // Terms that stay are not visited.
        let visitedOrInUse (position: int) (row: torch.Tensor[]) =
            if row.Length = 0 && position < buffers.Length then
                Array.map Tensors.widen buffers[position]
            else
                row

        let rows = Array.mapi visitedOrInUse pulled.Rows

        match pull with
        | Pull.As _ when Array.exists (fun node -> Node.learns node || Node.chooses node) program.Nodes ->
            Relearning.relearnt isStale program epsilon (new Parts(shape, pulled.Leaves, rows))
        | _ -> Ok rows

    /// New parts for the tensor. The caller has checked that the program can yield its form. `inUse` are the parts in use, if any.
    let pullParts pull (program: Program) (forms: Form[]) (inUse: Parts option) (tensor: torch.Tensor) =
        let buffers = inUse |> Option.map _.BufferArrays |> Option.defaultValue [||]

        Tensors.detached tensorsOf (fun () ->
            let dtype, shape, epsilon = tensor.dtype, tensor.shape, Form.epsilon tensor.dtype

            // Copies, because a part must never share memory with the caller's tensor.
            let own (part: torch.Tensor) = (Tensors.narrow dtype part).detach().contiguous().clone()

            let wide = Tensors.widen (tensor.detach ())
            let known = inUse |> Option.filter (fun parts -> parts.BufferArrays.Length = program.Nodes.Length)

            presentBuffers program forms buffers
            |> Result.bind (pulledWith pull program forms wide epsilon mostStarts known)
            |> Result.bind (fun pulled ->
                rowsFor pull program buffers shape epsilon pulled
                |> Result.map (fun rows -> new Parts(shape, pulled.Leaves, rows)))
            |> Result.bind (fun found ->
                match refusal program forms found with
                | Some error -> Error error
                | None ->
                    if pull <> Pull.Exactly then
                        requireReadsBack program forms epsilon found

                    let parameters = found.ParameterArray |> Array.map (Tensors.parameter dtype >> own)
                    Ok(new Parts(shape, parameters, Array.map (Array.map own) found.BufferArrays))))
