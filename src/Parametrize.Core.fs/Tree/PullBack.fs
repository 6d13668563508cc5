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

/// Pulls a tensor back through a value, from the last step to the first.
[<RequireQualifiedAccess>]
module internal PullBack =

    let private notAllowed (node: Node) (violation: Violation) : ParametrizationError =
        ParametrizationError.NotAllowed(Node.text node, violation)

    /// A tensor at the tolerance of rounding is still allowed. Tensors that are computed with it as a base would be beyond the
    /// tolerance, so a base is corrected. It then stays the same when it is saved and loaded.
    let private carried (node: Node) (epsilon: float) (parts: NodeParts) : torch.Tensor[] =
        match box node with
        | :? IRepairs as repairing when Node.hasBase node -> Evaluation.carried epsilon repairing parts.Buffers
        | _ -> parts.Buffers

    /// The parts of one node for its output, and that output corrected for rounding, when the node contains it.
    let private pulled pull readsLeaves epsilon slack (node: Node) (forms: Form list) present tensor =
        let found tensor (present: torch.Tensor[]) (want: Want) =
            InverseContract.found node forms present tensor epsilon want |> Node.outOfReach node

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
            let contained = WithinSlack.contained readsLeaves node forms present tensor epsilon slack

            match contained, pull with
            | Ok moved, Pull.As Want.Start when touchesEdge () || not (obj.ReferenceEquals(moved, tensor)) ->
                invert present Want.Start
            | Ok tensor, _ -> found tensor present Want.Exact
            | Error violation, Pull.Exactly -> Error(notAllowed node violation)
            | Error _, Pull.As want -> invert present want
            | Error _, Pull.Renewing -> invert [||] Want.Nearest
            |> Result.map (fun parts -> parts, contained)

    /// Whether all of a step's sources are parameters, or views of them.
    let readsLeaves (program: Program) (sources: int[]) : bool =
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

    /// The walk of a tensor from the last step to the first. `present` are the buffers in use; `now` has the present value of every
    /// register. To test membership (`asksOnly`), the nodes that read leaves need not find parts.
    type private Walk
        (
            program: Program,
            forms: Form[],
            present: torch.Tensor[][],
            now: Lazy<torch.Tensor[]> option,
            pull: Pull,
            asksOnly: bool,
            roundoff: float
        ) =
        let registers: torch.Tensor[] = Array.zeroCreate program.RegisterCount
        let epsilons: float[] = Array.create program.RegisterCount roundoff
        let slacks: Lazy<Slack> option[] = Array.create program.RegisterCount None
        let isStarting: bool[] = Array.zeroCreate program.RegisterCount
        let rows = Array.copy present
        let isChosen: bool[] = Array.zeroCreate program.Nodes.Length
        let mutable unfinished: int option = None

        let pullAt (register: int) : Pull = if isStarting[register] then Pull.As Want.Start else pull

        let go (from: int) (source: int) (tensor: torch.Tensor) : unit =
            registers[source] <- tensor
            epsilons[source] <- max epsilons[source] epsilons[from]
            isStarting[source] <- isStarting[source] || isStarting[from]

        /// Goes on through a node that keeps its inputs. All inputs get starting values when the remainder cannot be found yet.
        let keep register position (keeping: IKeepsInputs) (sources: int[]) (started: torch.Tensor[]) : unit =
            let known = now |> Option.map (fun now -> Evaluation.read now.Value sources)

            match restOf (pullAt register) keeping known registers[register] with
            | Some tensors -> Array.iter2 (go register) sources tensors
            | None when asksOnly -> go register sources[keeping.Rest] started[keeping.Rest]
            | None ->
                unfinished <- Option.orElse (Some position) unfinished
                Array.iter2 (go register) sources started

                sources
                |> Array.iteri (fun position source ->
                    isStarting[source] <- isStarting[source] || position <> keeping.Rest)

        /// Sets the roundoff and the slack of the inputs that were found, from those of the node's tensor.
        let passRounding (register: int) (node: Node) (sources: int[]) (parts: NodeParts) contained : unit =
            let inputs = parts.Inputs

            let yields (position: int) (input: torch.Tensor) =
                let replaced = inputs |> Array.mapi (fun other present -> if other = position then input else present)
                node.Forward(replaced, parts.Buffers)

            match box node, contained with
            | (:? IBijection as bijection), Ok tensor ->
                let space = program.Spaces.Value[register]
                let slack = Slack.behind bijection (yields 0) space tensor inputs[0] roundoff slacks[register]
                epsilons[sources[0]] <- Slack.relative bijection tensor inputs[0] epsilons[register]
                slacks[sources[0]] <- Some slack
            // A tensor that is not allowed is projected. The bijection yields the projection, which was not rounded.
            | (:? IBijection), Error _ -> epsilons[sources[0]] <- epsilons[register]
            | (:? IDecomposes as decomposing), _ ->
                let numbers = decomposing.Numbers
                let slack = Slack.found decomposing (yields numbers) inputs roundoff slacks[register]
                slacks[sources[numbers]] <- Some slack
            | (:? ICuts as cutting), _ ->
                for input in 0 .. sources.Length - 1 do
                    let part tensor = (cutting.Cut tensor)[input]
                    slacks[sources[input]] <- slacks[register] |> Option.map (Slack.seen part (yields input))
            | (:? IReadsSome), _ -> slacks[sources[0]] <- slacks[register] |> Option.map (Slack.seen id (yields 0))
            // The library's noise is the identity here.
            | (:? INoisy), _ when not (Breach.isUsers node) -> slacks[sources[0]] <- slacks[register]
            | _ -> ()

        let expected (sources: int[]) : Form list = [ for source in sources -> Form.widened forms[source] ]

        let compute (register: int) (node: Node) (sources: int[]) (position: int) : Result<unit, ParametrizationError> =
            let tensor, epsilon, slack = registers[register], epsilons[register], slacks[register]
            let areLeaves = readsLeaves program sources

            pulled (pullAt register) areLeaves epsilon slack node (expected sources) present[position] tensor
            |> Result.mapError (Program.named program position)
            |> Result.map (fun (parts, contained) ->
                let isContained = (Result.toOption contained).IsSome
                rows[position] <- if isContained then carried node roundoff parts else parts.Buffers
                isChosen[position] <- not isContained && present[position].Length = 0
                passRounding register node sources parts contained

                match box node with
                | :? IKeepsInputs as keeping -> keep register position keeping sources parts.Inputs
                | _ -> Array.iter2 (go register) sources parts.Inputs)

        /// Only asks whether a node contains its tensor.
        let ask (register: int) (node: Node) (sources: int[]) (position: int) : Result<unit, ParametrizationError> =
            let tensor, epsilon, slack = registers[register], epsilons[register], slacks[register]

            WithinSlack.contained true node (expected sources) present[position] tensor epsilon slack
            |> Result.map ignore
            |> Result.mapError (notAllowed node >> Program.named program position)

        let see
            (view: torch.Tensor -> torch.Tensor)
            (back: torch.Tensor -> torch.Tensor)
            (source: int)
            (register: int)
            =
            slacks[source] <- slacks[register] |> Option.map (Slack.seen view back)
            go register source (view registers[register])

        let back (index: int) : Result<unit, ParametrizationError> =
            let register = program.LeafCount + index

            match program.Steps[index] with
            | _ when isNull (box registers[register]) -> Ok()
            | Step.OutOf(view, source) ->
                Ok(see (View.into view) (View.back view (fun () -> forms[register].Shape)) source register)
            | Step.Into(view, source, whole) ->
                let dimensions = forms[Program.wholeOf program whole].Shape.Length
                let back = View.inputBack view dimensions (fun () -> forms[source].Shape)
                Ok(see back (View.input 0 view dimensions) source register)
            | Step.Compute(node, sources, position, _) when asksOnly && readsLeaves program sources ->
                ask register node sources position
            | Step.Compute(node, sources, position, _) -> compute register node sources position

        /// The tensor from which the search starts. Bijections may keep the space before them, as entrywise maps keep symmetric
        /// matrices. The search then starts from the nearest tensor of that space, because a tensor that is near in the input of
        /// the bijections may be far away in their output.
        let inSpaceBefore (tensor: torch.Tensor) : torch.Tensor =
            let rec nearest (register: int) =
                if register < program.LeafCount then
                    tensor
                else
                    match program.Steps[register - program.LeafCount] with
                    | Step.Compute(node, sources, _, _) when (box node :? IBijection) -> nearest sources[0]
                    | Step.Compute(node, sources, position, _) when
                        register <> program.Result
                        && node.HasRightInverse
                        && not (Breach.isUsers node)
                        && readsLeaves program sources
                        && forms[register].Shape = tensor.shape
                        && program.Spaces.Value[program.Result].IsWithin program.Spaces.Value[register]
                        ->
                        match InverseContract.contains node present[position] tensor roundoff with
                        | Ok() -> tensor
                        | Error _ ->
                            InverseContract.nearest node (expected sources) present[position] tensor roundoff id
                            |> Option.defaultValue tensor
                    | _ -> tensor

            nearest program.Result

        member _.Run(tensor: torch.Tensor) : Result<PulledBack, ParametrizationError> =
            let rec backFrom (index: int) =
                if index < 0 then
                    Ok()
                else
                    back index |> Result.bind (fun () -> backFrom (index - 1))

            registers[program.Result] <-
                match pull with
                | Pull.As _ -> inSpaceBefore tensor
                | Pull.Exactly
                | Pull.Renewing -> tensor

            backFrom (program.Steps.Length - 1)
            |> Result.map (fun () ->
                {
                    Leaves = registers[.. program.LeafCount - 1]
                    Rows = rows
                    IsChosen = isChosen
                    Unfinished = unfinished
                })

    /// Whether all nodes contain the tensor that is pulled back to them; `present` are the buffers in use.
    let ask
        (program: Program)
        (forms: Form[])
        present
        (tensor: torch.Tensor)
        epsilon
        : Result<unit, ParametrizationError> =
        Walk(program, forms, present, None, Pull.Exactly, true, epsilon).Run tensor |> Result.map ignore

    /// Pulls a tensor back. `present` are the buffers in use; `now` has the present value of every register.
    let run pull (program: Program) (forms: Form[]) present now (tensor: torch.Tensor) epsilon =
        Walk(program, forms, present, now, pull, false, epsilon).Run tensor
