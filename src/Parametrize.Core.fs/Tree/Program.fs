namespace Parametrize

/// One instruction of a program: it reads registers and writes the next one.
[<RequireQualifiedAccess; NoComparison; NoEquality>]
type internal Step =
    /// A node, with the position of its buffers, and the views through which its output is seen, the innermost first.
    | Compute of node: Node * sources: int[] * position: int * under: View list
    /// `whole` is the register of the `OutOf` step that turns the view back into a whole tensor; -1 stands for the result.
    | Into of View * source: int * whole: int ref
    | OutOf of View * source: int

/// A tree as a list of instructions. The registers have the leaves first, then the output of each step; the last one is the tensor.
[<NoComparison; NoEquality>]
type internal Program =
    {
        Steps: Step[]
        LeafCount: int
        /// The nodes in the order of evaluation, which is that of buffers and of their names. A node may be specialized to the
        /// spaces before it.
        Nodes: Node[]
        /// The number of buffers of each node.
        BufferCounts: int[]
        /// The nodes as they were composed, before they were specialized.
        Composed: Node[]
        /// The text of each node for errors: a node that combines values is shown with these values.
        Texts: Lazy<string>[]
        ParameterNames: string list
        BufferNames: string list
        Learns: bool
        HasNoise: bool
        HasRightInverse: bool
        IsBatched: bool
        /// Whether several tensors can be computed as one batch. Users' nodes cannot: they may be batched by the default only.
        CanBeStacked: bool
        /// Whether all nodes map each entry by itself.
        IsEntrywise: bool
        /// Whether a step needs the shape of its output from the caller.
        HasViews: bool
        /// The spaces of the registers.
        Spaces: Lazy<Space[]>
        /// The registers whose entries are entries of the result.
        Landing: Lazy<bool[]>
        /// The space of each step if rounding could leave it; none if it could not, or if the node handles rounding itself.
        Rounding: Lazy<Space voption[]>
    }

    member this.RegisterCount: int = this.LeafCount + this.Steps.Length

    /// The register of the tensor that is computed.
    member this.Result: int = this.RegisterCount - 1

[<RequireQualifiedAccess>]
module internal Program =

    let private parameterNames (count: int) : string list =
        if count = 1 then
            [ "original" ]
        else
            List.init count (fun leaf -> "original" + string leaf)

    let rec private fits (tree: Tree) : bool =
        match tree with
        | Tree.Leaf -> true
        | Tree.Apply(_, inputs, fits') -> fits' && List.forall fits inputs
        | Tree.Into(_, inner)
        | Tree.OutOf(_, inner) -> fits inner

    let private specialized (node: Node) (inputs: Tree list) : Node =
        match box node with
        | :? ISpecialized as node -> node.Behind(List.map Tree.space inputs)
        | _ -> node

    let private canBeStacked (node: Node) : bool =
        box node :? IStacks
        || node.IsBatched && not (Breach.isUsers node || Node.isShapedByBuffers node || Node.learns node)

    let private isKernel (step: Step) : bool =
        match step with
        | Step.OutOf(View.Kernel, _) -> true
        | _ -> false

    let private spacesOf (leafCount: int) (steps: Step[]) : Space[] =
        let spaces: Space[] = Array.create (leafCount + steps.Length) Space.all

        let spaceOf (step: Step) : Space =
            match step with
            | Step.Compute(node, sources, _, _) -> node.Codomain [ for source in sources -> spaces[source] ]
            | Step.OutOf(view, source) -> View.space view spaces[source]
            | Step.Into(_, source, _) when spaces[source] = Space.all -> Space.all
            | Step.Into(view, source, _) -> View.spaceInto view spaces[source]

        steps |> Array.iteri (fun index step -> spaces[leafCount + index] <- spaceOf step)

        spaces

    /// The registers from the result back through views and nodes that change no entries.
    let private landing (leafCount: int) (steps: Step[]) : bool[] =
        let lands: bool[] = Array.create (leafCount + steps.Length) false
        lands[lands.Length - 1] <- true

        let sourcesThatLand (step: Step) : int[] =
            match step with
            | Step.Into(_, source, _)
            | Step.OutOf(_, source) -> [| source |]
            | Step.Compute(node, sources, _, _) when (box node :? IPlacesEntries) -> sources
            | Step.Compute _ -> [||]

        for index in Seq.rev (seq { 0 .. steps.Length - 1 }) do
            if lands[leafCount + index] then
                for source in sourcesThatLand steps[index] do
                    lands[source] <- true

        lands

    let private rounding (leafCount: int) (steps: Step[]) (spaces: Space[]) : Space voption[] =
        steps
        |> Array.mapi (fun index step ->
            let space = spaces[leafCount + index]

            match step with
            | Step.Compute(node, _, _, _) when
                space.IsLeftByRounding && not (box node :? INarrows) && not (box node :? IPlacesEntries)
                ->
                ValueSome space
            | _ -> ValueNone)

    /// The instructions of a tree, its nodes as they were composed and as they are specialized, and their texts.
    let private flattened (leafCount: int) (tree: Tree) =
        let steps, nodes, composed = ResizeArray<Step>(), ResizeArray<Node>(), ResizeArray<Node>()
        let texts = ResizeArray<Lazy<string>>()
        let mutable nextLeaf = 0

        let add (step: Step) : int =
            steps.Add step
            leafCount + steps.Count - 1

        /// `under` holds the views around the tree, each with the register of what it shows.
        let rec register (under: (View * int ref) list) (tree: Tree) : int =
            match tree with
            | Tree.Leaf ->
                nextLeaf <- nextLeaf + 1
                nextLeaf - 1
            | Tree.Into(view, inner) ->
                let whole, around =
                    match under with
                    | (other, whole) :: around when other = view -> whole, around
                    | around -> ref -1, around

                add (Step.Into(view, register around inner, whole))
            | Tree.OutOf(view, inner) ->
                let whole = ref -1
                let source = register ((view, whole) :: under) inner
                whole.Value <- add (Step.OutOf(view, source))
                whole.Value
            | Tree.Apply(node, inputs, _) ->
                let sources = inputs |> List.map (register under) |> List.toArray
                composed.Add node

                texts.Add(
                    if box node :? ICombines then
                        lazy FSharpText.ofCode (Tree.code tree)
                    else
                        lazy Node.text node
                )

                nodes.Add(specialized node inputs)
                let views = under |> List.map fst
                add (Step.Compute(nodes[nodes.Count - 1], sources, nodes.Count - 1, views))

        register [] tree |> ignore
        struct (steps.ToArray(), composed.ToArray(), nodes.ToArray(), texts.ToArray())

    let compile (tree: Tree) : Program =
        let leafCount = Tree.leaves tree
        let struct (steps, composed, nodes, texts) = flattened leafCount tree
        let spaces = lazy (spacesOf leafCount steps)

        {
            Steps = steps
            LeafCount = leafCount
            Nodes = nodes
            BufferCounts = [| for node in nodes -> node.Buffers.Length |]
            Composed = composed
            Texts = texts
            ParameterNames = parameterNames leafCount
            BufferNames =
                [
                    // Concatenated, because the first formatting of a process takes long.
                    for position in 0 .. nodes.Length - 1 do
                        for buffer in nodes[position].Buffers -> string position + "." + buffer.Name
                ]
            Learns = nodes |> Seq.exists (fun node -> (box node) :? ILearns)
            HasNoise = nodes |> Seq.exists (fun node -> (box node) :? INoisy)
            HasRightInverse = fits tree && nodes |> Seq.forall _.HasRightInverse
            IsBatched = nodes |> Seq.forall _.IsBatched && not (Seq.exists isKernel steps)
            CanBeStacked = steps.Length > 0 && Seq.forall canBeStacked nodes
            IsEntrywise = nodes |> Seq.forall (fun node -> box node :? ISaturates || box node :? IEntrywise)
            HasViews = steps |> Seq.exists _.IsOutOf
            Spaces = spaces
            Landing = lazy (landing leafCount steps)
            Rounding = lazy (rounding leafCount steps spaces.Value)
        }

    /// The error of a node, with the code as the user has typed it.
    let named (program: Program) (position: int) (error: ParametrizationError) : ParametrizationError =
        let node = program.Nodes[position]

        let name (value: string) =
            if box node :? ICombines && value = Node.text node then
                program.Texts[position].Value
            else
                value

        match error with
        | ParametrizationError.NotAllowed(value, violation) -> ParametrizationError.NotAllowed(name value, violation)
        | ParametrizationError.WrongShape(value, expected, found) ->
            ParametrizationError.WrongShape(name value, expected, found)
        | ParametrizationError.WrongDtype(value, expected, found) ->
            ParametrizationError.WrongDtype(name value, expected, found)
        | ParametrizationError.WrongDevice(value, expected, found) ->
            ParametrizationError.WrongDevice(name value, expected, found)
        | ParametrizationError.OutOfReach(value, reason) -> ParametrizationError.OutOfReach(name value, reason)
        | other -> other

    /// The error with the shape of the whole tensor: through a view the node sees another shape.
    let private outside (output: Form) (under: View list) (error: ParametrizationError) : ParametrizationError =
        (error, under)
        ||> List.fold (fun error view ->
            match error with
            | ParametrizationError.WrongShape(value, expected, _) ->
                let name = View.name view
                let value = if value.Contains ' ' then $"{name} ({value})" else $"{name} {value}"
                ParametrizationError.WrongShape(value, $"{View.whole view} {expected}", Form.Shown output.Shape)
            | other -> other)

    /// The register of the tensor that is put together again from a view.
    let wholeOf (program: Program) (whole: int ref) : int = if whole.Value < 0 then program.Result else whole.Value

    /// The form of every register when the program yields a tensor of that form.
    let forms (program: Program) (output: Form) : Result<Form[], ParametrizationError> =
        let forms: Form[] = Array.zeroCreate program.RegisterCount
        forms[program.Result] <- output

        let inputs (index: int) : Result<unit, ParametrizationError> =
            let form = forms[program.LeafCount + index]

            match program.Steps[index] with
            | Step.Compute(node, sources, position, under) ->
                let isLast = program.Landing.Value[program.LeafCount + index]
                let isFirst = sources |> Array.exists (fun source -> source < program.LeafCount)

                Contract.inputs node form isLast isFirst
                |> Result.map (List.iteri (fun input form -> forms[sources[input]] <- form))
                |> Result.mapError (named program position >> outside output under)
            | Step.OutOf(view, source) ->
                forms[source] <- View.formInto view form
                Ok()
            | Step.Into(view, source, whole) ->
                let whole = forms[wholeOf program whole]

                if View.formInto view whole = form then
                    forms[source] <- whole
                    Ok()
                elif view = View.Transpose then
                    forms[source] <- View.formOfInput view whole.Shape.Length form
                    Ok()
                else
                    // An input whose shape differs from that of the output is no kernel.
                    Error(
                        ParametrizationError.WrongShape(
                            View.name view,
                            $"maps that read the shape {Form.Shown (View.formInto view whole).Shape}, which they yield",
                            Form.Shown form.Shape
                        )
                    )

        /// The error for a shape that the views cannot represent, used when no node has an error of its own.
        let notViewed: ParametrizationError option =
            if program.HasViews then
                let name = if Seq.exists isKernel program.Steps then "onKernel" else "transposed"
                Form.fault Requirement.matrices output |> Option.map (fun error -> error name)
            else
                None

        let rec go (index: int) : Result<Form[], ParametrizationError> =
            if index < 0 then
                match notViewed with
                | Some error -> Error error
                | None -> Ok forms
            else
                match inputs index, notViewed with
                | Ok(), _ -> go (index - 1)
                | Error(ParametrizationError.WrongShape _), Some error -> Error error
                | Error error, _ -> Error error

        match program.Steps.Length, Form.fault Requirement.entries output with
        | 0, Some error -> Error(error "identity")
        | count, _ -> go (count - 1)

    /// The forms of the buffers of each node, given those of the registers.
    let bufferRows (program: Program) (forms: Form[]) : Form list list =
        [
            for index in 0 .. program.Steps.Length - 1 do
                match program.Steps[index] with
                | Step.Compute(node, _, _, _) ->
                    [ for buffer in node.Buffers -> buffer.FormFor forms[program.LeafCount + index] ]
                | _ -> ()
        ]

    /// The forms of all buffers.
    let bufferForms (program: Program) (forms: Form[]) : Form list = List.concat (bufferRows program forms)

    /// The forms of all buffers in PyTorch, which are larger for some nodes.
    let pyTorchForms (program: Program) (forms: Form[]) : Form list =
        [
            for index in 0 .. program.Steps.Length - 1 do
                match program.Steps[index] with
                | Step.Compute(node, _, _, _) ->
                    let form = forms[program.LeafCount + index]

                    match box node with
                    | :? ICarriesLess as node -> yield! node.PyTorchForms form
                    | _ -> yield! node.Buffers |> List.map (fun buffer -> buffer.FormFor form)
                | _ -> ()
        ]

    /// The form of what is computed from leaves of these forms; None where a view does not tell.
    let output (program: Program) (leaves: Form list) : Form option =
        let forms: Form option[] = Array.create program.RegisterCount None
        leaves |> List.iteri (fun leaf form -> forms[leaf] <- Some form)

        let stepOf (register: int) : Step option =
            if register < program.LeafCount then
                None
            else
                Some program.Steps[register - program.LeafCount]

        // The number of dimensions of an output does not depend on the views, so it is found without them first.
        let rec unseen (source: int) : Form option =
            match stepOf source with
            | Some(Step.Into(View.Transpose, input, _)) -> unseen input
            | _ -> forms[source]

        let rec seen (dimensions: int) (source: int) : Form option =
            match stepOf source with
            | Some(Step.Into(view, input, _)) -> seen dimensions input |> Option.map (View.formOfInput view dimensions)
            | _ -> forms[source]

        // A single leaf is seen through the views that the result is seen through, the outermost first.
        let viewed = System.Collections.Generic.Stack<Form option>()

        program.Steps
        |> Array.iteri (fun index step ->
            forms[program.LeafCount + index] <-
                match step with
                | Step.Compute(node, _, _, _) when Node.isShapedByBuffers node -> None
                | Step.Compute(node, sources, _, _) ->
                    let unseen = sources |> Array.choose unseen |> Array.toList

                    if unseen.Length < sources.Length then
                        None
                    else
                        let dimensions = (node.Output unseen).Shape.Length

                        Some(node.Output(sources |> Array.choose (seen dimensions) |> Array.toList))
                | Step.Into(view, source, _) ->
                    viewed.Push forms[source]
                    forms[source] |> Option.map (View.formInto view)
                | Step.OutOf(view, source) ->
                    let whole = if program.LeafCount = 1 then viewed.Pop() else None
                    forms[source] |> Option.bind (View.formOutOf view whole))

        forms[program.Result]
