namespace Parametrize

open System
open TorchSharp

/// Computes by how much a value stretches volumes, if every node has a closed form.
[<RequireQualifiedAccess>]
module internal Volume =

    let private isLeaf (program: Program) (register: int) : bool =
        register < program.LeafCount
        || match program.Steps[register - program.LeafCount] with
           | Step.Into(_, source, _) -> source < program.LeafCount
           | _ -> false

    let private before (program: Program) (known: (Form * int64 option)[]) (register: int) : Before =
        let form, dimension = known[register]

        {
            Form = form
            Space = program.Spaces.Value[register]
            Dimension = dimension
            IsLeaf = isLeaf program register
        }

    /// Whether the log volumes of the nodes can be added: each must be measured within the space before its node. Otherwise they
    /// would count numbers that are not read, or that depend on one another.
    let private isKnown (program: Program) (known: (Form * int64 option)[]) : bool =
        program.Steps
        |> Array.forall (function
            | Step.Compute(node, sources, _, _) ->
                let before = [ for source in sources -> before program known source ]

                match box node with
                | :? ISimilar -> before |> List.forall _.Dimension.IsSome
                | :? IVolumeBehind as volume -> volume.Measures before
                | :? IVolume -> before |> List.forall _.IsOpen
                | _ -> false
            | _ -> true)

    /// Whether the value has a closed form for a tensor of that form, without looking at buffers.
    let isKnownFor (program: Program) (form: Form) : bool =
        let parts = new Parts(form.Shape, [||], program.Nodes |> Array.map (fun _ -> [||]))

        match Dimension.registers program form parts with
        | Some known -> isKnown program known
        | None -> false

    /// The log volume of a node that multiplies all lengths, for each independent problem; the problems of a batch have the same
    /// dimension.
    let private ofSimilar (similar: ISimilar) (before: Before) (batch: int64) (tensor: torch.Tensor) : torch.Tensor =
        if similar.LogFactor = 0.0 then
            Tensors.forEach 0 0.0 tensor
        elif before.IsOpen then
            let reals = if tensor.is_complex () then 2.0 else 1.0
            Tensors.forEach 0 (reals * similar.LogFactor) tensor
        else
            let first = int (min batch (tensor.dim ()))
            let problems = tensor.shape |> Seq.take first |> Seq.fold (*) 1L
            let each = float before.Dimension.Value / float problems
            Tensors.forEach (int (tensor.dim ()) - first) (each * similar.LogFactor) tensor

    /// The log volumes of a matrix, arranged for its transpose. Those of rows are summed, because a row is no row of the
    /// transpose.
    let private ofTranspose (dimensions: int64) (numbers: torch.Tensor) : torch.Tensor =
        if numbers.dim () = dimensions then
            numbers.mT
        else
            Tensors.sumBehind (dimensions - 2L) numbers

    /// Numbers for the problems of a tensor as those of another view of it.
    let private seen (view: View) (tensor: torch.Tensor) (whole: torch.Tensor) (numbers: torch.Tensor) : torch.Tensor =
        let dimensions = tensor.dim ()

        match view with
        | _ when dimensions < 2L -> numbers
        | View.Transpose -> ofTranspose dimensions numbers
        | View.Kernel when numbers.dim () = dimensions && tensor.numel () = whole.numel () ->
            numbers.reshape whole.shape
        | View.Kernel -> Tensors.sumBehind 1L numbers

    /// The tensor, and the log volumes of every step: one for each independent problem, in the layout of the tensor.
    let private ofSteps (program: Program) (known: (Form * int64 option)[]) (parts: Parts) (dimensions: int) =
        let inputs = parts.ParameterArray |> Array.map Tensors.widen
        let buffers = parts.BufferArrays |> Array.map (Array.map Tensors.widen)
        let registers = Evaluation.registers false program parts inputs buffers
        let batch = int64 (parts.Shape.Length - dimensions)
        let found: torch.Tensor list[] = Array.create program.RegisterCount []

        let own (node: Node) (sources: int[]) (position: int) (register: int) =
            match box node with
            | :? ISimilar as similar -> ofSimilar similar (before program known sources[0]) batch registers[register]
            | volume ->
                let read = Evaluation.read registers sources

                Contract.volume node registers[register].shape (fun () ->
                    (volume :?> IVolume).LogVolume(read, buffers[position]))

        program.Steps
        |> Array.iteri (fun index step ->
            let register = program.LeafCount + index

            found[register] <-
                match step with
                | Step.Compute(node, sources, position, _) ->
                    let own = own node sources position register
                    // Problems that were independent before this node are not independent behind it.
                    let earlier = sources |> Seq.collect (Array.get found) |> Seq.map (Tensors.sumBehind (own.dim ()))
                    own :: List.ofSeq earlier
                | Step.Into(view, source, _)
                | Step.OutOf(view, source) ->
                    found[source] |> List.map (seen view registers[source] registers[register]))

        struct (registers[program.Result], found[program.Result])

    /// The sum of the log volumes for each subtensor of the last `dimensions` dimensions; None if an independent problem is
    /// larger than that.
    let private gathered (dimensions: int) (tensor: torch.Tensor) (numbers: torch.Tensor list) : torch.Tensor option =
        let batch = tensor.dim () - int64 dimensions
        let none = Tensors.forEach dimensions 0.0 tensor

        if numbers |> List.exists (fun each -> each.dim () < batch) then
            None
        else
            Some((none, numbers) ||> List.fold (fun sum each -> sum +. Tensors.sumBehind batch each))

    let private requireDimensions (dimensions: int) (parts: Parts) : unit =
        if dimensions < 0 || dimensions > parts.Shape.Length then
            invalidArg
                (nameof dimensions)
                $"The number of dimensions must be from 0 to {parts.Shape.Length} for the shape {Form.Shown parts.Shape}, but it is {dimensions}."

    /// The tensor, and the log volumes of the tensors of its last dimensions; None without a closed form. Throws ArgumentException
    /// when the value mixes the entries of several of them.
    let tryWith (name: string Lazy) (dimensions: int) (program: Program) (parts: Parts) =
        requireDimensions dimensions parts

        match Dimension.registers program (Evaluation.outputForm parts) parts with
        | Some known when isKnown program known ->
            use scope = torch.NewDisposeScope()
            let struct (tensor, numbers) = ofSteps program known parts dimensions

            match gathered dimensions tensor numbers with
            | None ->
                invalidArg
                    (nameof dimensions)
                    $"In {Form.Shown parts.Shape}, {name.Value} computes entries together that lie in several tensors of the last {dimensions} dimensions. Ask for more dimensions."
            | Some volumes ->
                let own (tensor: torch.Tensor) =
                    if Array.exists (fun input -> obj.ReferenceEquals(input, tensor)) parts.ParameterArray then
                        tensor.alias ()
                    else
                        tensor

                Some(struct (scope.MoveToOuter(own tensor), scope.MoveToOuter volumes))
        | _ -> None

    /// `log det (J^T J) / 2` of `forward`, with J its derivative by the real numbers in the parameters. Differentiable; the
    /// caller disposes it.
    let tryOf (name: string Lazy) (dimensions: int) (program: Program) (parts: Parts) : torch.Tensor option =
        match tryWith name dimensions program parts with
        | Some(struct (tensor, volumes)) ->
            tensor.Dispose()
            Some volumes
        | None -> None

    /// Whether the value has a closed form for a tensor of that form and these buffers.
    let hasClosedForm (program: Program) (form: Form) (parts: Parts) : bool =
        match Dimension.registers program form parts with
        | Some known -> isKnown program known
        | None -> false

    /// The log volumes of the smallest tensors of last dimensions that are computed independently of one another. In the caller's
    /// dispose scope.
    let ofEach (program: Program) (parts: Parts) : torch.Tensor option =
        match Dimension.registers program (Evaluation.outputForm parts) parts with
        | Some known when isKnown program known ->
            let struct (tensor, numbers) = ofSteps program known parts 0
            let batch = numbers |> List.fold (fun batch each -> min batch (each.dim ())) (tensor.dim ())
            gathered (int (tensor.dim () - batch)) tensor numbers
        | _ -> None
