namespace Parametrize

open TorchSharp

/// Computes the tensor from the parts, and the parts of the next training step. Every function runs through the steps of a program.
[<RequireQualifiedAccess>]
module internal Evaluation =

    /// The form of the tensor that is computed.
    let outputForm (parts: Parts) : Form = { Form.ofTensor (Array.last parts.ParameterArray) with Shape = parts.Shape }

    /// The shape of the tensor that a step puts together from a view.
    let private wholeShape (program: Program) (parts: Parts) (register: int) : int64[] =
        if register = program.Result then
            parts.Shape
        else
            match Program.forms program (outputForm parts) with
            | Ok forms -> forms[register].Shape
            | Error error -> invalidOp error.Message

    let read (registers: torch.Tensor[]) (sources: int[]) : torch.Tensor[] =
        match sources with
        | [| only |] -> [| registers[only] |]
        | several -> several |> Array.map (fun source -> registers[source])

    let private compute training stacked (node: Node) (inputs: torch.Tensor[]) (buffers: torch.Tensor[]) =
        match box node with
        | :? IStacks as node when stacked -> node.ForwardStacked(inputs, buffers)
        | :? INoisy as noisy when training ->
            Contract.computed node inputs (fun () -> noisy.ForwardInTraining(inputs, buffers))
        | _ -> Contract.computed node inputs (fun () -> node.Forward(inputs, buffers))

    /// Runs one step. For stacked parts, views apply to each tensor of the stack, and nodes have to be batched.
    let private step
        training
        stacked
        (program: Program)
        (parts: Parts)
        buffers
        (registers: torch.Tensor[])
        (index: int)
        =
        let register = program.LeafCount + index
        let count = if stacked then 1 else 0

        registers[register] <-
            match program.Steps[index] with
            | Step.Compute(node, sources, position, _) ->
                let tensor = compute training stacked node (read registers sources) (Array.item position buffers)

                match program.Rounding.Value[index] with
                | ValueNone -> tensor
                | ValueSome space -> space.Rounded(tensor, tensor.dtype)
            | Step.Into(view, source, whole) ->
                let tensor = registers[source]
                let own = int (tensor.dim ()) - count

                // The shape of the whole is costly, so it is asked for only if the dimensions of the tensor do not decide.
                let dimensions =
                    if view = View.Kernel || own < 2 || own >= parts.Shape.Length then
                        0
                    else
                        (wholeShape program parts (Program.wholeOf program whole)).Length

                View.input count view dimensions tensor
            | Step.OutOf(view, source) ->
                View.backBehind count view (fun () -> wholeShape program parts register) registers[source]

    let private allRegisters training stacked (program: Program) (parts: Parts) inputs buffers : torch.Tensor[] =
        let registers: torch.Tensor[] = Array.zeroCreate program.RegisterCount
        Array.blit inputs 0 registers 0 program.LeafCount

        for index in 0 .. program.Steps.Length - 1 do
            step training stacked program parts buffers registers index

        registers

    /// Every register, in the caller's dispose scope.
    let registers (training: bool) (program: Program) (parts: Parts) inputs buffers : torch.Tensor[] =
        allRegisters training false program parts inputs buffers

    /// Every register, each computed on first use.
    let onDemand (program: Program) (parts: Parts) inputs buffers : int -> torch.Tensor =
        let registers: torch.Tensor[] = Array.zeroCreate program.RegisterCount
        Array.blit inputs 0 registers 0 program.LeafCount

        let rec register (number: int) : torch.Tensor =
            if isNull (box registers[number]) then
                let index = number - program.LeafCount

                match program.Steps[index] with
                | Step.Compute(_, sources, _, _) ->
                    for source in sources do
                        register source |> ignore
                | Step.Into(_, source, _)
                | Step.OutOf(_, source) -> register source |> ignore

                step false false program parts buffers registers index

            registers[number]

        register

    /// A register rounded to a 16-bit element type, if its entries are those of the result.
    let private rounded (program: Program) (dtype: torch.ScalarType) (register: int) (tensor: torch.Tensor) =
        match program.Steps[register - program.LeafCount] with
        | Step.Compute(node, _, _, _) when program.Landing.Value[register] ->
            match box node with
            | :? IPlacesEntries -> tensor
            | :? INarrows as narrowing -> narrowing.Narrow(tensor, dtype).``to`` tensor.dtype
            | _ -> program.Spaces.Value[register].Rounded(tensor, dtype).``to`` tensor.dtype
        | _ -> tensor

    /// The tensor for parts of 16-bit floats, computed in float32.
    let private forwardInHalf training stacked (program: Program) (parts: Parts) dtype : torch.Tensor =
        let registers: torch.Tensor[] = Array.zeroCreate program.RegisterCount
        Array.blit (Array.map Tensors.widen parts.ParameterArray) 0 registers 0 program.LeafCount
        let buffers = Array.map (Array.map Tensors.widen) parts.BufferArrays

        for index in 0 .. program.Steps.Length - 1 do
            let register = program.LeafCount + index
            step training stacked program parts buffers registers index
            registers[register] <- rounded program dtype register registers[register]

        registers[program.Result].``to`` dtype

    let private run training stacked (program: Program) (parts: Parts) : torch.Tensor =
        use scope = torch.NewDisposeScope()
        let inputs = parts.ParameterArray
        let dtype = (Array.last inputs).dtype

        let result =
            if program.Steps.Length = 0 then
                inputs[0]
            elif Form.isHalf dtype then
                forwardInHalf training stacked program parts dtype
            else
                (allRegisters training stacked program parts inputs parts.BufferArrays)[program.Result]

        // The identity must not return the parameter itself: the caller disposes the result.
        if Array.exists (fun input -> obj.ReferenceEquals(input, result)) inputs then
            result.alias().MoveToOuterDisposeScope()
        else
            result.MoveToOuterDisposeScope()

    /// The constrained tensor. `training` lets nodes add their noise.
    let forward (training: bool) (program: Program) (parts: Parts) : torch.Tensor = run training false program parts

    /// Several constrained tensors at once, by a program that can be stacked. Each part is a stack of the parts of these tensors
    /// along a new first dimension; `parts.Shape` is the shape of one tensor.
    let forwardStacked (program: Program) (parts: Parts) : torch.Tensor = run false true program parts

    /// The output of the node at a position, in the shape that the node uses: for a kernel, the matrix.
    let after (position: int) (program: Program) (parts: Parts) : torch.Tensor =
        use scope = torch.NewDisposeScope()
        let dtype = (Array.last parts.ParameterArray).dtype
        let widened = if Form.isHalf dtype then Array.map Tensors.widen else id

        let all =
            registers false program parts (widened parts.ParameterArray) (Array.map widened parts.BufferArrays)

        let step =
            program.Steps
            |> Array.findIndex (function
                | Step.Compute(_, _, at, _) -> at = position
                | _ -> false)

        all[program.LeafCount + step].``to``(dtype).alias().MoveToOuterDisposeScope()

    /// The projection by the only node, in the caller's dispose scope.
    let project (program: Program) (node: IProjects) (tensor: torch.Tensor) : torch.Tensor =
        let wide, epsilon = Tensors.widen (tensor.detach ()), Form.epsilon tensor.dtype

        let views =
            program.Steps
            |> Array.choose (function
                | Step.OutOf(view, _) -> Some view
                | _ -> None)
            |> List.ofArray
            |> List.rev

        // Through the views, the outermost first, and back.
        let rec nearest (views: View list) (tensor: torch.Tensor) =
            match views with
            | [] -> node.Nearest(tensor, epsilon)
            | view :: inner -> View.back view (fun () -> tensor.shape) (nearest inner (View.into view tensor))

        ((nearest views wide).``to`` tensor.dtype).contiguous().clone()

    /// The names of buffers with which a node leaves its space, each with its violation.
    let misfits (program: Program) (epsilon: float) (buffers: torch.Tensor[][]) : (string * Violation) list =
        use _ = torch.no_grad ()
        use scope = torch.NewDisposeScope()

        [
            for position, node in Seq.indexed program.Nodes do
                match box node with
                | :? IRepairs as repairing ->
                    match repairing.CanCarry(Array.map Tensors.widen buffers[position], epsilon) with
                    | Ok() -> ()
                    | Error(name, violation) -> $"{position}.{name}", violation
                | _ -> ()
        ]

    /// The buffers of all nodes: new ones if the node changes them, the others as they are.
    let private changed (change: Node -> (torch.Tensor[] -> torch.Tensor[]) option) (program: Program) buffers =
        let changedBy (node: Node) (row: torch.Tensor[]) =
            match change node with
            | Some change ->
                let wide = Array.map Tensors.widen row

                Array.map3
                    (fun (old: torch.Tensor) wide next ->
                        if obj.ReferenceEquals(wide, next) then old else Tensors.narrow old.dtype next)
                    row
                    wide
                    (change wide)
            | None -> row

        let isNew (next: torch.Tensor) =
            buffers |> Seq.concat |> Seq.forall (fun old -> not (obj.ReferenceEquals(old, next)))

        Tensors.detached (Seq.concat >> Seq.filter isNew) (fun () -> Array.map2 changedBy program.Nodes buffers)

    /// The buffers, if the node accepts them at half of that roundoff, since the map adds roundoff itself; else repaired ones.
    let carried (epsilon: float) (repairing: IRepairs) (buffers: torch.Tensor[]) : torch.Tensor[] =
        match repairing.CanCarry(buffers, epsilon / 2.0) with
        | Ok() -> buffers
        | Error _ -> repairing.Repair buffers

    /// The buffers of all nodes, with new ones for nodes that do not accept theirs.
    let repair (epsilon: float) : Program -> torch.Tensor[][] -> torch.Tensor[][] =
        changed (fun node ->
            match box node with
            | :? IRepairs as repairing -> Some(carried epsilon repairing)
            | _ -> None)

    /// Buffers in the forms that PyTorch has.
    let inPyTorchForms: Program -> torch.Tensor[][] -> torch.Tensor[][] =
        changed (fun node ->
            match box node with
            | :? ICarriesLess as node -> Some node.InPyTorchForms
            | _ -> None)

    let private lastLearning (program: Program) : int =
        program.Steps
        |> Array.findIndexBack (function
            | Step.Compute(node, _, _, _) -> Node.learns node
            | _ -> false)

    let private advanced stacked (program: Program) (parts: Parts) : torch.Tensor[][] =
        let next = Array.copy parts.BufferArrays

        let learnt () : torch.Tensor seq =
            seq {
                for position, node in Seq.indexed program.Nodes do
                    if Node.learns node then
                        yield! next[position]
            }

        let run () =
            let registers: torch.Tensor[] = Array.zeroCreate program.RegisterCount
            let leaves = parts.ParameterArray |> Array.map (fun leaf -> Tensors.widen (leaf.detach ()))
            Array.blit leaves 0 registers 0 leaves.Length
            let wide = Array.map (Array.map Tensors.widen) next
            let last = lastLearning program

            for index in 0..last do
                match program.Steps[index] with
                | Step.Compute(node, sources, position, _) ->
                    match box node with
                    | :? ILearns as learning ->
                        let learnt =
                            match box node with
                            | :? IStacks as node when stacked ->
                                node.AdvanceStacked(read registers sources, wide[position])
                            | _ ->
                                Contract.learnt node wide[position] (fun () ->
                                    learning.Advance(read registers sources, wide[position]))

                        next[position] <-
                            Array.map2 (fun (old: torch.Tensor) -> Tensors.narrow old.dtype) next[position] learnt

                        wide[position] <- Array.map Tensors.widen next[position]
                    | _ -> ()
                | _ -> ()

                if index < last then
                    step false stacked program parts wide registers index

        Tensors.detached (fun () -> learnt ()) run
        next

    /// One training step of the buffers without gradients. Each node gets the outputs of the nodes before it.
    let advance (program: Program) (parts: Parts) : torch.Tensor[][] = advanced false program parts

    /// The same step for stacked parts, as in `forwardStacked`.
    let advanceStacked (program: Program) (parts: Parts) : torch.Tensor[][] = advanced true program parts
