namespace Parametrize

open System.Collections.Concurrent
open TorchSharp

/// Which of the numbers in its parameters a value reads: a map of symmetric matrices reads those of one triangle.
type internal ReadNumbers(program: Program) =

    let known = ConcurrentDictionary<int64 list * Form list, bool[][]>()

    /// Masks decide which numbers are read, so these are found again for each tensor.
    let carriesMasks =
        program.Nodes
        |> Array.exists (fun node -> node.Buffers |> Seq.exists (fun buffer -> buffer.Role = BufferRole.Mask))

    /// The numbers with respect to which the result has a derivative other than zero, at a random point.
    let found (shape: int64[]) (forms: Form list) (buffers: torch.Tensor[][]) : bool[][] =
        use _ = torch.NewDisposeScope()
        use _ = torch.enable_grad ()

        let drawn (index: int) (form: Form) =
            use generator = new torch.Generator(uint64 index, torch.CPU)
            (Form.normal generator (Form.widened form)).requires_grad_ true

        let parameters = forms |> List.mapi drawn |> List.toArray
        let buffers = buffers |> Array.map (Array.map Tensors.widen)
        let yielded = Tensors.reals (Evaluation.forward false program (new Parts(shape, parameters, buffers)))
        let sum = (yielded * torch.randn_like yielded).sum()

        [|
            for gradient in torch.autograd.grad ([| sum |], parameters, allow_unused = true) ->
                Tensors.toArray<bool>((Tensors.reals gradient).ne(0.0.AsScalar()))
        |]

    /// Of each parameter, row after row, the real and the imaginary part of complex entries.
    member _.Of(shape: int64[], forms: Form list, buffers: torch.Tensor[][]) : bool[][] =
        if carriesMasks then
            found shape forms buffers
        else
            known.GetOrAdd((List.ofArray shape, forms), (fun _ -> found shape forms buffers))

/// The density of what a value yields from parameters with a density: `p(W) = q(x) / sqrt(det J^T J)`, with x that from which the
/// value yields W, and J its derivative there. What is not read of the parameters does not count.
type internal PushforwardDensity(value: Parametrization, parameters: Prior) =
    inherit Density()

    let program = value.Program
    let read = ReadNumbers program

    /// Buffers for parts of which only the forms matter.
    let noBuffers = program.Nodes |> Array.map (fun _ -> [||])

    let whyNotUndone =
        if program.LeafCount <> 1 then
            Some $"it has {program.LeafCount} parameters."
        elif not program.BufferNames.IsEmpty then
            Some "it carries buffers."
        else
            Undoing.obstacleOfRead program
            |> Option.map (fun node -> $"{node} is not known to yield a tensor from one choice of what it reads only.")

    let formsOf (parts: Parts) = [ for parameter in parts.ParameterArray -> Form.ofTensor parameter ]

    /// Which numbers of the parameters are read; None if all are.
    let masks (shape: int64[]) (forms: Form list) (buffers: torch.Tensor[][]) : bool[][] option =
        let form = { forms.Head with Shape = shape }
        let all = forms |> List.sumBy Form.reals

        match Dimension.ofForm form value (new Parts(shape, [||], buffers)) with
        | Some dimension when dimension <> all && (box parameters.Density :? EntryDensity) ->
            Some(read.Of(shape, forms, buffers))
        | _ -> None

    let counted (shape: int64[]) (forms: Form list) (buffers: torch.Tensor[][]) : string option =
        let form = { forms.Head with Shape = shape }
        let parts = new Parts(shape, [||], buffers)

        if not (Volume.hasClosedForm program form parts) then
            Some $"The volume of {value} is not known in closed form."
        else
            let reals =
                match masks shape forms buffers with
                | Some masks -> masks |> Array.sumBy (Seq.filter id >> Seq.length >> int64)
                | None -> forms |> List.sumBy Form.reals

            match Dimension.ofForm form value parts with
            | Some dimension when dimension <> reals ->
                Some
                    $"{value} reads {reals} numbers for a tensor of {Form.Shown shape}, of a space of {dimension} dimensions: many parameters yield the same."
            | _ -> None

    /// The log density for each problem of a batch; a single sum if the parts have different batches.
    let gathered (volumes: torch.Tensor) (densities: torch.Tensor list) : torch.Tensor =
        let first = densities |> List.fold (fun first each -> min first (each.dim ())) (volumes.dim ())
        let sums = volumes.neg () :: densities |> List.map (Tensors.sumBehind first)
        let shape = sums.Head.shape

        if sums |> List.forall (fun each -> each.shape = shape) then
            List.reduce (fun sum each -> sum +. each) sums
        else
            sums |> List.map (fun each -> each.sum ()) |> List.reduce (fun sum each -> sum +. each)

    let ofParameters (parts: Parts) : torch.Tensor list =
        let wide = parts.ParameterArray |> Array.map Tensors.widen

        match masks parts.Shape (formsOf parts) parts.BufferArrays with
        | None -> [ for x in wide -> parameters.Density.LogDensity x ]
        | Some masks ->
            let density = (box parameters.Density) :?> EntryDensity

            [
                for x, counts in Array.zip wide masks ->
                    let shape = if x.is_complex () then Array.append x.shape [| 2L |] else x.shape
                    let mask = torch.tensor (counts, shape, device = x.device)
                    density.OfSome(x, ValueSome mask)
            ]

    let densityOf (parts: Parts) : torch.Tensor = gathered (Volume.ofEach program parts).Value (ofParameters parts)

    member _.Value: Parametrization = value
    member _.Parameters: Prior = parameters

    /// Why what these parts yield has no density.
    member _.FaultOf(parts: Parts) : string option =
        let forms = formsOf parts

        forms
        |> List.tryPick parameters.Density.Fault
        |> Option.orElseWith (fun () -> counted parts.Shape forms parts.BufferArrays)

    /// The log density of the tensor that these parts yield, without an inverse.
    member _.OfParts(parts: Parts) : torch.Tensor = densityOf parts

    /// The density of the parameters themselves.
    member _.OfParameters(parts: Parts) : torch.Tensor =
        ofParameters parts
        |> List.map (fun each -> each.sum ())
        |> List.reduce (fun sum each -> sum +. each)

    override _.IsWide = false
    override _.Code = Code.call "Prior.ofValue" [ value.Description; parameters.Description ]
    override _.Support = value
    override _.IsNormalized form = parameters.Density.IsNormalized form

    override _.Fault form =
        match whyNotUndone with
        | Some reason -> Some $"{value} cannot be undone: {reason} Its parts have a density (logDensityOfParts)."
        | None ->
            match Parametrization.parameterForms value form with
            | Error error -> Some error.Message
            | Ok forms ->
                forms
                |> List.tryPick parameters.Density.Fault
                |> Option.orElseWith (fun () -> counted form.Shape forms noBuffers)

    override _.LogDensity tensor =
        match Program.forms program (Form.ofTensor tensor) with
        | Error error -> invalidArg (nameof tensor) error.Message
        | Ok forms ->
            let x = Undoing.backOfRead program forms tensor
            let found = densityOf (new Parts(tensor.shape, [| x |], noBuffers))
            // The edge of the space comes from no parameters.
            torch.where (found.isnan (), torch.full_like (found, (-infinity).AsScalar()), found)

    override _.Sampler =
        match parameters.Density.Sampler with
        | Some draw when program.Nodes |> Array.forall _.Buffers.IsEmpty ->
            Some(fun form generator ->
                match Parametrization.parameterForms value form with
                | Error error -> invalidArg (nameof form) error.Message
                | Ok forms ->
                    let drawn = [| for form in forms -> draw form generator |]
                    Evaluation.forward false program (new Parts(form.Shape, drawn, noBuffers)))
        | _ -> None

    override _.Equals(other: obj) : bool =
        match other with
        | :? PushforwardDensity as density -> value = density.Value && parameters = density.Parameters
        | _ -> false

    override _.GetHashCode() : int = hash value
