namespace Parametrize

open TorchSharp

/// How a tensor is pulled back through a value.
[<RequireQualifiedAccess>]
type internal Pull =
    /// Nodes that do not contain their tensor refuse it.
    | Exactly
    /// Nodes that do not contain their tensor find parts as they are wanted.
    | As of Want
    /// As the nearest, and bases are made anew: roundoff would add up, as each is computed with the one before.
    | Renewing

/// What is found when a tensor is pulled back from the last step of a value to the first.
[<NoComparison; NoEquality>]
type internal PulledBack =
    {
        /// Null where one stays.
        Leaves: torch.Tensor[]
        /// The buffers of every node.
        Rows: torch.Tensor[][]
        /// Which nodes have chosen buffers by a tensor that they do not yield.
        IsChosen: bool[]
        /// The first node whose inputs have started, so that what takes the rest is to be found again.
        Unfinished: int option
    }

/// From a tensor back to parts of a value.
[<RequireQualifiedAccess>]
module internal Inversion =

    let private outOfReach (node: Node) (parts: Result<'a, string>) : Result<'a, ParametrizationError> =
        parts |> Result.mapError (fun reason -> ParametrizationError.OutOfReach(Node.text node, reason))

    let private notAllowed (node: Node) (violation: Violation) : ParametrizationError =
        ParametrizationError.NotAllowed(Node.text node, violation)

    /// A tensor that rounding has moved as far as it may is still allowed, but as a base it would take what is computed with it
    /// further: such bases are put right, so that they are the same after they are saved and loaded.
    let private carried (node: Node) (epsilon: float) (parts: NodeParts) : torch.Tensor[] =
        match box node with
        | :? IRepairs as repairing when Node.hasBase node -> Evaluation.carried epsilon repairing parts.Buffers
        | _ -> parts.Buffers

    /// The parts of one node for what it has to yield, and what that is up to rounding, where the node contains it.
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

    /// The tensors to pull on through what a node reads. Where others than the one that takes the rest stay, those are null;
    /// `None` where they have to start before the rest can be told.
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

    /// From the last step to the first. `now` gives every register as it is. Membership needs no parts of the nodes that read
    /// leaves.
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

        /// On through a node that keeps its inputs: all start where what takes the rest cannot be told yet.
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
                    // What is not allowed is projected: the bijection yields that, not the tensor, and nothing was rounded.
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

    /// How often inputs may start anew before what takes the rest is found: once, and once more behind inputs in use for
    /// which nothing makes up.
    let private mostStarts = 2

    /// The registers as they are, computed when they are asked for.
    let private registersOf (program: Program) (parts: Parts) : Lazy<torch.Tensor[]> =
        lazy
            (Evaluation.registers
                false
                program
                parts
                (Array.map (fun (leaf: torch.Tensor) -> Tensors.widen (leaf.detach ())) parts.ParameterArray)
                (Array.map (Array.map Tensors.widen) parts.BufferArrays))

    /// Buffers in use; none for nodes that are new, and for those that learn them anew, since a node behind reads tensors of
    /// another shape.
    let private presentBuffers (program: Program) (forms: Form[]) (buffers: torch.Tensor[][]) =
        let rowOf (position: int) (expected: Form list) =
            let node = program.Nodes[position]
            let present = if position < buffers.Length then buffers[position] else [||]
            let shapes = expected |> List.map _.Shape |> List.toArray

            if Array.isEmpty present || Array.map (fun (one: torch.Tensor) -> one.shape) present = shapes then
                Ok(Array.map Tensors.widen present)
            elif box node :? IConverges then
                Ok [||]
            else
                Error
                    $"it carries a tensor {Form.Shown present[0].shape}, but what is behind it now reads tensors {Form.Shown shapes[0]}. Remove it, and register both at once."
                |> outOfReach node

        Program.bufferRows program forms
        |> List.mapi rowOf
        |> List.fold
            (fun rows row -> rows |> Result.bind (fun rows -> row |> Result.map (fun row -> row :: rows)))
            (Ok [])
        |> Result.map (List.rev >> List.toArray)

    /// What a node learns, or chooses by a tensor, belongs to what the nodes before it yield, so it is found again where that
    /// has changed: in the steps that are stale. A node of several inputs keeps what it has: they do not make one tensor.
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

    /// New rows where a node has learnt something, the others as they are.
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

    /// New parts for the tensor, whose form the program was found to yield. `inUse` are the parts in use, if any.
    let pullParts pull (program: Program) (forms: Form[]) (inUse: Parts option) (tensor: torch.Tensor) =
        let buffers = inUse |> Option.map _.BufferArrays |> Option.defaultValue [||]

        Tensors.detached tensorsOf (fun () ->
            let dtype = tensor.dtype
            let epsilon = Form.epsilon dtype
            let shape = tensor.shape

            // Copies, because a part must never share memory with the caller's tensor.
            let own (part: torch.Tensor) = (Tensors.narrow dtype part).detach().contiguous().clone()

            // Optimizers take nothing but parameters.
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
                        Error "nothing makes up for what its other inputs start from."
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
                // Pulling back a tensor that the nodes before cannot yield changes what they yield.
                let isStale (node: Node) (position: int) (source: int) =
                    not (readsLeaves program [| source |])
                    && (Node.learns node || isChosen[position] && Node.chooses node)

                match pull with
                | Pull.As _ when Array.exists (fun node -> Node.learns node || Node.chooses node) program.Nodes ->
                    relearnt isStale program epsilon (new Parts(shape, inputs, rows))
                    |> Result.map (fun rows -> inputs, rows)
                | _ -> Ok(inputs, rows))
            |> Result.map (fun (inputs, rows) ->
                new Parts(shape, Array.map trainable inputs, Array.map (Array.map own) rows)))

    /// Whether nodes accept the tensor, one after the other, from the last.
    let membership (program: Program) (forms: Form[]) (buffers: torch.Tensor[][]) (tensor: torch.Tensor) =
        use _ = torch.no_grad ()
        use scope = torch.NewDisposeScope()
        let epsilon = Form.epsilon tensor.dtype
        let wide = Tensors.widen (tensor.detach ())
        // What lies behind the nodes that read leaves is known by their right inverses alone.
        presentBuffers program forms buffers
        |> Result.bind (fun present -> pullBack true Pull.Exactly epsilon program forms present None wide)
        |> Result.map ignore
