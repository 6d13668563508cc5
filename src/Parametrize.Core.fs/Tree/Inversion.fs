namespace Parametrize

open TorchSharp

/// How a tensor is pulled back through a value.
[<RequireQualifiedAccess>]
type internal Pull =
    /// A node that does not contain its tensor returns an error.
    | Exactly
    /// A node that does not contain its tensor finds parts by this requirement.
    | As of Want
    /// Like `Want.Nearest`, but bases are orthonormalized again: each is computed from the previous one, so rounding errors would
    /// accumulate.
    | Renewing

/// The parts that are found when a tensor is pulled back from the last step of a value to the first.
[<NoComparison; NoEquality>]
type internal PulledBack =
    {
        /// The parameters; null for one that stays as it is.
        Leaves: torch.Tensor[]
        /// The buffers of every node.
        Rows: torch.Tensor[][]
        /// Which nodes have chosen their buffers by a tensor that they cannot yield.
        IsChosen: bool[]
        /// The first node whose inputs have got starting values, so that the input that takes the remainder has to be found again.
        Unfinished: int option
    }

/// Finds the parts of a value from which a tensor is computed.
[<RequireQualifiedAccess>]
module internal Inversion =

    let private outOfReach (node: Node) (parts: Result<'a, string>) : Result<'a, ParametrizationError> =
        parts |> Result.mapError (fun reason -> ParametrizationError.OutOfReach(Node.text node, reason))

    let private notAllowed (node: Node) (violation: Violation) : ParametrizationError =
        ParametrizationError.NotAllowed(Node.text node, violation)

    /// A tensor at the tolerance of rounding is still allowed. As a base it would move the tensors that are computed with it beyond
    /// the tolerance, so such bases are corrected, and do not change when they are saved and loaded.
    let private carried (node: Node) (epsilon: float) (parts: NodeParts) : torch.Tensor[] =
        match box node with
        | :? IRepairs as repairing when Node.hasBase node -> Evaluation.carried epsilon repairing parts.Buffers
        | _ -> parts.Buffers

    /// The parts of one node for its output, and that output corrected for rounding, when the node contains it.
    let private pulled pull readsLeaves epsilon slack (node: Node) (forms: Form list) present tensor =
        let found tensor (present: torch.Tensor[]) (want: Want) =
            Contract.found node forms present tensor epsilon want |> outOfReach node

        let invert = found tensor

        let touchesEdge () =
            match box node with
            | :? IHasEdge as edged -> edged.TouchesEdge(tensor, epsilon)
            | _ -> false

        let findsAlike () =
            match box node with
            | :? IFindsAlike as alike -> readsLeaves && alike.FindsAlike && Array.isEmpty present && Option.isNone slack
            | _ -> false

        match pull with
        | Pull.Renewing when Node.hasBase node -> invert [||] Want.Nearest |> Result.map (fun parts -> parts, Ok tensor)
        | Pull.As want when not node.HasRightInverse || findsAlike () ->
            invert present want |> Result.map (fun parts -> parts, Ok tensor)
        | _ ->
            let contained = Slack.contained readsLeaves node forms present tensor epsilon slack

            match contained, pull with
            | Ok moved, Pull.As Want.Start when touchesEdge () || not (obj.ReferenceEquals(moved, tensor)) ->
                invert present Want.Start
            | Ok tensor, _ -> found tensor present Want.Exact
            | Error violation, Pull.Exactly -> Error(notAllowed node violation)
            | Error _, Pull.As want -> invert present want
            | Error _, Pull.Renewing -> invert [||] Want.Nearest
            |> Result.map (fun parts -> parts, contained)

    let private readsLeaves (program: Program) (sources: int[]) : bool =
        let isLeaf (register: int) =
            register < program.LeafCount
            || match program.Steps[register - program.LeafCount] with
               | Step.Into(_, source, _) -> source < program.LeafCount
               | _ -> false

        Array.forall isLeaf sources

    /// The targets for the inputs of a node. Inputs that keep their present value are null. `None` when the input that takes the
    /// remainder can only be found after the others have starting values.
    let private restOf pull (keeping: IKeepsInputs) (inputs: torch.Tensor[] option) tensor : torch.Tensor[] option =
        inputs
        |> Option.bind (fun inputs ->
            keeping.RestOf(inputs, tensor)
            |> Option.ofObj
            |> Option.map (fun rest ->
                inputs
                |> Array.mapi (fun position input ->
                    if position = keeping.Rest then rest
                    elif pull = Pull.Renewing then input
                    else null)))

    /// Pulls a tensor back from the last step to the first. `now` has the present value of every register. To test membership
    /// (`asksOnly`), the nodes that read leaves need not find parts.
    let private pullBack
        asksOnly
        pull
        epsilon
        (program: Program)
        (forms: Form[])
        (present: torch.Tensor[][])
        (now: Lazy<torch.Tensor[]> option)
        tensor
        =
        let registers: torch.Tensor[] = Array.zeroCreate program.RegisterCount
        let isStarting: bool[] = Array.zeroCreate program.RegisterCount
        let rows = Array.copy present
        let isChosen: bool[] = Array.zeroCreate program.Nodes.Length
        let mutable unfinished: int option = None
        registers[program.Result] <- tensor

        let epsilons: float[] = Array.create program.RegisterCount epsilon
        let slacks: Lazy<Slack> option[] = Array.create program.RegisterCount None
        let roundoff = epsilon

        let go (source: int) (from: int) (tensor: torch.Tensor) =
            registers[source] <- tensor
            epsilons[source] <- max epsilons[source] epsilons[from]
            isStarting[source] <- isStarting[source] || isStarting[from]

        /// Goes on through a node that keeps its inputs. All inputs get starting values when the remainder cannot be found yet.
        let keep register position (keeping: IKeepsInputs) (sources: int[]) (started: torch.Tensor[]) =
            let pull = if isStarting[register] then Pull.As Want.Start else pull
            let known = now |> Option.map (fun now -> Evaluation.read now.Value sources)

            match restOf pull keeping known registers[register] with
            | Some tensors -> Array.iter2 (fun source tensor -> go source register tensor) sources tensors
            | None when asksOnly -> go sources[keeping.Rest] register started[keeping.Rest]
            | None ->
                unfinished <- Option.orElse (Some position) unfinished
                Array.iter2 (fun source tensor -> go source register tensor) sources started

                sources
                |> Array.iteri (fun position source ->
                    isStarting[source] <- isStarting[source] || position <> keeping.Rest)

        let compute (register: int) (node: Node) (sources: int[]) (position: int) =
            let pull = if isStarting[register] then Pull.As Want.Start else pull
            let expected = [ for source in sources -> Form.widened forms[source] ]

            let tensor, epsilon, slack = registers[register], epsilons[register], slacks[register]

            pulled pull (readsLeaves program sources) epsilon slack node expected present[position] tensor
            |> Result.mapError (Program.named program position)
            |> Result.map (fun (parts, contained) ->
                rows[position] <-
                    match contained with
                    | Ok _ -> carried node roundoff parts
                    | Error _ -> parts.Buffers

                isChosen[position] <- (Result.toOption contained).IsNone && present[position].Length = 0

                match box node with
                | :? IBijection as bijection ->
                    // A tensor that is not allowed is projected. The bijection yields the projection, which was not rounded.
                    match contained with
                    | Ok tensor ->
                        let input = parts.Inputs[0]
                        let space = program.Spaces.Value[register]
                        let own = Slack.behind bijection space tensor input roundoff slack
                        epsilons[sources[0]] <- Slack.relative bijection tensor input epsilon
                        slacks[sources[0]] <- Some own
                    | Error _ -> epsilons[sources[0]] <- epsilon
                | :? IDecomposes as decomposing ->
                    slacks[sources[decomposing.Numbers]] <- Some(Slack.found decomposing parts.Inputs roundoff)
                | :? IReadsSome -> slacks[sources[0]] <- slack
                | _ -> ()

                match box node with
                | :? IKeepsInputs as keeping -> keep register position keeping sources parts.Inputs
                | _ -> Array.iter2 (fun source tensor -> go source register tensor) sources parts.Inputs)

        let seen (view: torch.Tensor -> torch.Tensor) (source: int) (register: int) =
            slacks[source] <- slacks[register] |> Option.map (Slack.seen view)
            go source register (view registers[register])

        let back (index: int) : Result<unit, ParametrizationError> =
            let register = program.LeafCount + index

            match program.Steps[index] with
            | _ when isNull (box registers[register]) -> Ok()
            | Step.Compute(node, sources, position, _) when asksOnly && readsLeaves program sources ->
                let expected = [ for source in sources -> Form.widened forms[source] ]
                let tensor, epsilon, slack = registers[register], epsilons[register], slacks[register]

                Slack.contained true node expected present[position] tensor epsilon slack
                |> Result.map ignore
                |> Result.mapError (notAllowed node >> Program.named program position)
            | Step.OutOf(view, source) -> Ok(seen (View.into view) source register)
            | Step.Into(view, source, _) -> Ok(seen (View.back view (fun () -> forms[source].Shape)) source register)
            | Step.Compute(node, sources, position, _) -> compute register node sources position

        let rec run (index: int) =
            if index < 0 then
                Ok(
                    {
                        Leaves = registers[.. program.LeafCount - 1]
                        Rows = rows
                        IsChosen = isChosen
                        Unfinished = unfinished
                    }
                )
            else
                match back index with
                | Ok() -> run (index - 1)
                | Error error -> Error error

        run (program.Steps.Length - 1)

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

    /// The buffers in use; none for new nodes, and for nodes that learn theirs anew because a later node reads another shape.
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
            |> outOfReach program.Nodes[position]
        | None ->
            // Bases stay: those of PyTorch may be larger.
            let isKept (position: int) = fits position || not (box program.Nodes[position] :? IConverges)

            Ok
                [|
                    for position in 0 .. program.Nodes.Length - 1 ->
                        if position < positions.Length && isKept position then
                            Array.map Tensors.widen buffers[position]
                        else
                            [||]
                |]

    /// Learnt or chosen buffers of a node depend on its input, so they are found again in stale steps, where the input has changed.
    /// A node of several inputs keeps its buffers, since it has no single input tensor.
    let private relearnt (isStale: Node -> int -> int -> bool) (program: Program) epsilon (parts: Parts) =
        let rows = Array.copy parts.BufferArrays

        let relearn (step: Step) : Result<unit, ParametrizationError> =
            match step with
            | Step.Compute(node, [| source |], position, _) when isStale node position source ->
                let registers = Evaluation.registers false program parts parts.ParameterArray rows

                let form = Form.ofTensor registers[source]

                Contract.found node [ form ] [||] registers[source] epsilon Want.Nearest
                |> outOfReach node
                |> Result.map (fun found -> rows[position] <- found.Buffers)
            | _ -> Ok()

        program.Steps
        |> Array.fold (fun state step -> state |> Result.bind (fun () -> relearn step)) (Ok())
        |> Result.map (fun () -> rows)

    /// The buffers of all nodes: new ones for nodes that learn, the others as they are.
    let refresh
        (isMeant: Node -> bool)
        (program: Program)
        (parts: Parts)
        : Result<torch.Tensor[][], ParametrizationError> =
        let isNew (next: torch.Tensor) =
            parts.BufferArrays |> Seq.concat |> Seq.forall (fun old -> not (obj.ReferenceEquals(old, next)))

        let newOnes (result: Result<torch.Tensor[][], ParametrizationError>) =
            Result.toOption result |> Option.toArray |> Seq.concat |> Seq.concat |> Seq.filter isNew

        Tensors.detached newOnes (fun () ->
            let wide = Array.map (Array.map Tensors.widen) parts.BufferArrays
            let inputs = parts.ParameterArray |> Array.map (fun input -> Tensors.widen (input.detach ()))

            let narrowed (old: torch.Tensor) (wide: torch.Tensor) (next: torch.Tensor) =
                if obj.ReferenceEquals(wide, next) then
                    old
                else
                    (Tensors.narrow old.dtype next).contiguous().clone()

            new Parts(parts.Shape, inputs, wide)
            |> relearnt
                (fun node _ _ -> Node.learns node && isMeant node)
                program
                (Form.epsilon parts.ParameterArray[0].dtype)
            |> Result.map (fun rows -> Array.map3 (Array.map3 narrowed) parts.BufferArrays wide rows))

    let private tensorsOf (result: Result<Parts, 'e>) : torch.Tensor seq =
        match result with
        | Ok parts -> parts.Tensors
        | Error _ -> Seq.empty

    /// Whether all nodes contain the tensor that is pulled back to them, from the last to the first.
    let membership (program: Program) (forms: Form[]) (buffers: torch.Tensor[][]) (tensor: torch.Tensor) =
        use _ = torch.no_grad ()
        use scope = torch.NewDisposeScope()
        let epsilon = Form.epsilon tensor.dtype
        let wide = Tensors.widen (tensor.detach ())
        // A node that reads leaves is only asked whether it contains its tensor; its parts are not computed.
        presentBuffers program forms buffers
        |> Result.bind (fun present -> pullBack true Pull.Exactly epsilon program forms present None wide)
        |> Result.map ignore

    /// What a node refuses of what the nodes before it yield, if what it yields instead is not allowed.
    let private refusal (program: Program) (forms: Form[]) (parts: Parts) : ParametrizationError option =
        let refusing =
            [
                for step in program.Steps do
                    match step with
                    | Step.Compute(node, sources, position, _) when not (readsLeaves program sources) ->
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

    /// New parts for the tensor. The caller has checked that the program can yield its form. `inUse` are the parts in use, if any.
    let pullParts pull (program: Program) (forms: Form[]) (inUse: Parts option) (tensor: torch.Tensor) =
        let buffers = inUse |> Option.map _.BufferArrays |> Option.defaultValue [||]

        Tensors.detached tensorsOf (fun () ->
            let dtype = tensor.dtype
            let epsilon = Form.epsilon dtype
            let shape = tensor.shape

            // Copies, because a part must never share memory with the caller's tensor.
            let own (part: torch.Tensor) = (Tensors.narrow dtype part).detach().contiguous().clone()

            // Optimizers accept only parameters.
            let trainable (input: torch.Tensor) =
                new Modules.Parameter(own (Tensors.parameter dtype input), true) :> torch.Tensor

            let wide = Tensors.widen (tensor.detach ())

            let rec from (attempts: int) (inUse: Parts option) (present: torch.Tensor[][]) =
                let now = inUse |> Option.map (registersOf program)
                let stays (leaf: int) = now.Value.Value[leaf]

                pullBack false pull epsilon program forms present now wide
                |> Result.bind (fun pulled ->
                    let leaves =
                        pulled.Leaves
                        |> Array.mapi (fun leaf tensor -> if isNull (box tensor) then stays leaf else tensor)

                    match pulled.Unfinished with
                    | None -> Ok(leaves, pulled.Rows, pulled.IsChosen)
                    | Some position when attempts = 0 ->
                        Error(
                            "no value of the remaining input gives this tensor, whatever the other inputs start from. "
                            + "Register another tensor, or a value with one free input."
                        )
                        |> outOfReach program.Nodes[position]
                        |> Result.mapError (Program.named program position)
                    | Some _ ->
                        from (attempts - 1) (Some(new Parts(shape, leaves, pulled.Rows))) pulled.Rows
                        |> Result.map (fun (leaves, rows, isChosen) ->
                            leaves, rows, Array.map2 (||) pulled.IsChosen isChosen))

            let known = inUse |> Option.filter (fun parts -> parts.BufferArrays.Length = program.Nodes.Length)

            presentBuffers program forms buffers
            |> Result.bind (from mostStarts known)
            |> Result.bind (fun (inputs, rows, isChosen) ->
                // When the nodes before cannot yield the tensor that is pulled back, their output differs from it.
                let isStale (node: Node) (position: int) (source: int) =
                    not (readsLeaves program [| source |])
                    && (Node.learns node || isChosen[position] && Node.chooses node)

                match pull with
                | Pull.As _ when Array.exists (fun node -> Node.learns node || Node.chooses node) program.Nodes ->
                    relearnt isStale program epsilon (new Parts(shape, inputs, rows))
                    |> Result.map (fun rows -> inputs, rows)
                | _ -> Ok(inputs, rows))
            |> Result.bind (fun (inputs, rows) ->
                match refusal program forms (new Parts(shape, inputs, rows)) with
                | Some error -> Error error
                | None -> Ok(new Parts(shape, Array.map trainable inputs, Array.map (Array.map own) rows))))
