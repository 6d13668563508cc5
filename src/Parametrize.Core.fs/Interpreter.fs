namespace Parametrize

open TorchSharp

/// What a chain does with tensors: every function folds over its links.
[<RequireQualifiedAccess>]
module internal Interpreter =

    /// Computes in float32 for 16-bit floats, for which libtorch has no factorizations.
    let widen (tensor: torch.Tensor) : torch.Tensor =
        if Form.isHalf tensor.dtype then
            tensor.``to`` torch.ScalarType.Float32
        else
            tensor

    let private narrowed (dtype: torch.ScalarType) (tensor: torch.Tensor) : torch.Tensor =
        if tensor.dtype <> dtype && tensor.is_floating_point () then
            tensor.``to`` dtype
        else
            tensor

    /// The fold itself, in the caller's dispose scope.
    let private fold (links: Link list) (inputs: torch.Tensor[]) (buffers: torch.Tensor[][]) : torch.Tensor =
        let rec go (links: Link list) (position: int) (inputs: torch.Tensor[]) =
            match links with
            | [] -> inputs[0]
            | link :: rest ->
                let result = link.Forward(inputs, buffers[position])

                if isNull (box result) then
                    invalidOp $"{link.Code} breaks its contract in computing. Expected: a tensor; found: null."

                go rest (position + 1) [| result |]

        go links 0 inputs

    let forward (links: Link list) (inputs: torch.Tensor[]) (buffers: torch.Tensor[][]) : torch.Tensor =
        use scope = torch.NewDisposeScope()
        let dtype = inputs[0].dtype

        let result =
            if Form.isHalf dtype then
                let wide = fold links (Array.map widen inputs) (Array.map (Array.map widen) buffers)

                match List.tryLast links with
                | Some link -> link.Narrow(wide, dtype)
                | None -> inputs[0]
            else
                fold links inputs buffers

        // A chain without work to do must not hand out the parameter itself: the caller disposes what it gets.
        if Array.exists (fun input -> obj.ReferenceEquals(input, result)) inputs then
            result.alias().MoveToOuterDisposeScope()
        else
            result.MoveToOuterDisposeScope()

    /// What `pullBack` needs from a link: parts for a tensor, given the buffers in use.
    type private Inversion = Link -> torch.Tensor[] -> torch.Tensor -> Result<LinkParts, ParametrizationError>

    let private exact (epsilon: float) : Inversion =
        fun link present tensor ->
            match link.Contains(present, tensor, epsilon) with
            | Error violation -> Error(ParametrizationError.NotAllowed(link.Code, violation))
            | Ok() ->
                link.RightInverse(present, tensor, epsilon)
                |> Result.mapError (fun reason -> ParametrizationError.OutOfReach(link.Code, reason))

    let private nearest (epsilon: float) : Inversion =
        fun link present tensor ->
            let parts =
                match link.Contains(present, tensor, epsilon) with
                | Ok() -> link.RightInverse(present, tensor, epsilon)
                | Error _ -> link.Approximate(tensor, epsilon)

            parts |> Result.mapError (fun reason -> ParametrizationError.OutOfReach(link.Code, reason))

    /// A base is made from the nearest tensor: roundoff would add up, as each is computed with the one before.
    let private renewed (epsilon: float) : Inversion =
        fun link present tensor ->
            if link.HasBase then
                link.Approximate(tensor, epsilon)
                |> Result.mapError (fun reason -> ParametrizationError.OutOfReach(link.Code, reason))
            else
                nearest epsilon link present tensor

    /// What was expected and what was found where the code of a user's link is wrong: it inverts a tensor into something
    /// else than it reads, or than the link before it yields.
    let private fault (before: Link option) (link: Link) (tensor: torch.Tensor) (parts: LinkParts) =
        let numbers (inputs: int) (buffers: int) = $"{inputs} inputs and {buffers} buffers"

        let count (tensors: torch.Tensor[]) = if isNull (box tensors) then 0 else tensors.Length

        let expected, found =
            (link.InputCount, link.BufferNames.Length), (count parts.Inputs, count parts.Buffers)

        let isElsewhere (part: torch.Tensor) =
            (part.device_type, part.device_index) <> (tensor.device_type, tensor.device_index)

        if expected <> found then
            Some(numbers <|| expected, numbers <|| found)
        elif Seq.append parts.Inputs parts.Buffers |> Seq.exists (box >> isNull) then
            Some("tensors", "null")
        else
            let input = Form.ofTensor parts.Inputs[0]
            let stray = Seq.append parts.Inputs parts.Buffers |> Seq.tryFind isElsewhere

            match stray, before with
            | Some part, _ -> Some($"tensors on {tensor.device}", $"one on {part.device}")
            // Several may differ: the magnitudes of complex numbers are real.
            | None, _ when fst found = 1 && input.Dtype <> tensor.dtype ->
                Some($"an input of {tensor.dtype}", string input)
            | None, Some neighbour ->
                match Form.check neighbour.Code neighbour.Requirement input, neighbour.Expects input with
                | Error error, _ -> Some(error.Message, string input)
                | Ok(), Some shape -> Some($"{shape} from {neighbour.Code}", string input)
                | Ok(), None -> None
            | None, None -> None

    let private sound (before: Link option) (link: Link) (tensor: torch.Tensor) (parts: LinkParts) : LinkParts =
        match fault before link tensor parts with
        | None -> parts
        | Some(expected, found) ->
            invalidOp
                $"{link.Code} breaks its contract in pulling back {Form.ofTensor tensor}. Expected: {expected}; found: {found}."

    /// From the last link to the first: the links' buffers in order, and the inputs of the first.
    let rec private pullBack (invert: Inversion) (links: (Link * torch.Tensor[]) list) (tensor: torch.Tensor) =
        match links with
        | [] -> Ok([| tensor |], [])
        | (link, present) :: before ->
            invert link present tensor
            |> Result.map (sound (before |> List.tryHead |> Option.map fst) link tensor)
            |> Result.bind (fun parts ->
                match before with
                | [] -> Ok(parts.Inputs, [ parts.Buffers ])
                | _ ->
                    pullBack invert before parts.Inputs[0]
                    |> Result.map (fun (inputs, buffers) -> inputs, parts.Buffers :: buffers))

    /// Buffers in use, last link first; none where the chain has grown beyond them.
    let private presentBuffers (links: Link list) (buffers: torch.Tensor[][]) : (Link * torch.Tensor[]) list =
        links
        |> List.mapi (fun position link ->
            link, (if position < buffers.Length then Array.map widen buffers[position] else [||]))
        |> List.rev

    let private tensorsOf (result: Result<Parts, 'e>) : torch.Tensor seq =
        match result with
        | Ok parts -> parts.Tensors
        | Error _ -> Seq.empty

    let private inverse
        (inversion: float -> Inversion)
        (finish: float -> torch.Tensor[] * torch.Tensor[][] -> Result<torch.Tensor[] * torch.Tensor[][], _>)
        (links: Link list)
        (buffers: torch.Tensor[][])
        (tensor: torch.Tensor)
        : Result<Parts, ParametrizationError> =
        Tensors.detached tensorsOf (fun () ->
            let dtype = tensor.dtype

            // Copies, because a part must never share memory with the caller's tensor.
            let own (part: torch.Tensor) = (narrowed dtype part).detach().contiguous().clone()

            let epsilon = Form.epsilon dtype

            // Optimizers take nothing but parameters.
            let trainable (input: torch.Tensor) = new Modules.Parameter(own input, true) :> torch.Tensor

            widen (tensor.detach ())
            |> pullBack (inversion epsilon) (presentBuffers links buffers)
            |> Result.map (fun (inputs, rows) -> inputs, rows |> List.rev |> List.toArray)
            |> Result.bind (finish epsilon)
            |> Result.map (fun (inputs, rows) -> new Parts(Array.map trainable inputs, Array.map (Array.map own) rows)))

    let rightInverse (links: Link list) (buffers: torch.Tensor[][]) (tensor: torch.Tensor) =
        inverse exact (fun _ parts -> Ok parts) links buffers tensor

    let rebase (links: Link list) (buffers: torch.Tensor[][]) (tensor: torch.Tensor) =
        inverse renewed (fun _ parts -> Ok parts) links buffers tensor

    /// What a link learns belongs to what the links before it yield. Pulling back a tensor that they cannot yield
    /// changes that, so it is learnt again.
    let private relearnt (links: Link list) (epsilon: float) (inputs: torch.Tensor[], buffers: torch.Tensor[][]) =
        let relearn (state: Result<torch.Tensor[] * torch.Tensor[] list, ParametrizationError>) (position, link: Link) =
            state
            |> Result.bind (fun (inputs, rows) ->
                let row =
                    if link.Learns && position > 0 then
                        link.Approximate(inputs[0], epsilon)
                        |> Result.map (sound None link inputs[0] >> _.Buffers)
                        |> Result.mapError (fun reason -> ParametrizationError.OutOfReach(link.Code, reason))
                    else
                        Ok buffers[position]

                row |> Result.map (fun row -> [| link.Forward(inputs, row) |], row :: rows))

        if links |> List.indexed |> List.exists (fun (position, link) -> link.Learns && position > 0) then
            List.indexed links
            |> List.fold relearn (Ok(inputs, []))
            |> Result.map (fun (_, rows) -> inputs, rows |> List.rev |> List.toArray)
        else
            Ok(inputs, buffers)

    let approximate (links: Link list) (buffers: torch.Tensor[][]) (tensor: torch.Tensor) =
        inverse nearest (relearnt links) links buffers tensor

    let contains (links: Link list) (buffers: torch.Tensor[][]) (tensor: torch.Tensor) =
        match links with
        | [ only ] ->
            use _ = torch.no_grad ()
            use scope = torch.NewDisposeScope()
            let present = if buffers.Length > 0 then Array.map widen buffers[0] else [||]

            only.Contains(present, widen (tensor.detach ()), Form.epsilon tensor.dtype)
            |> Result.mapError (fun violation -> ParametrizationError.NotAllowed(only.Code, violation))
        | _ ->
            // The image of a chain is known by its right inverse alone.
            rightInverse links buffers tensor |> Result.map _.Dispose()

    /// What a link cannot carry, by its position and the buffer's name.
    let misfits (links: Link list) (epsilon: float) (buffers: torch.Tensor[][]) : (int * string * Violation) list =
        use _ = torch.no_grad ()
        use scope = torch.NewDisposeScope()

        links
        |> List.indexed
        |> List.choose (fun (position, link) ->
            match link.CanCarry(Array.map widen buffers[position], epsilon) with
            | Ok() -> None
            | Error(name, violation) -> Some(position, name, violation))

    /// New buffers where a link mends them, the others as they are.
    let mend (links: Link list) (buffers: torch.Tensor[][]) : torch.Tensor[][] =
        let mended (link: Link) (row: torch.Tensor[]) =
            let wide = Array.map widen row

            Array.map3
                (fun (old: torch.Tensor) wide next ->
                    if obj.ReferenceEquals(wide, next) then old else narrowed old.dtype next)
                row
                wide
                (link.Mend wide)

        let isNew (next: torch.Tensor) =
            buffers |> Seq.concat |> Seq.forall (fun old -> not (obj.ReferenceEquals(old, next)))

        Tensors.detached (Seq.concat >> Seq.filter isNew) (fun () -> Array.map2 mended (List.toArray links) buffers)

    /// One step of what links learn without gradients; each link sees what the links before it yield.
    let advance (links: Link list) (inputs: torch.Tensor[]) (buffers: torch.Tensor[][]) : torch.Tensor[][] =
        let next = Array.copy buffers

        let rec go (links: Link list) (position: int) (inputs: torch.Tensor[]) =
            match links with
            | link :: rest when List.exists (fun (later: Link) -> later.Learns) links ->
                if link.Learns then
                    let row = buffers[position]
                    let advanced = link.Advance(inputs, Array.map widen row)
                    next[position] <- Array.map2 (fun (old: torch.Tensor) -> narrowed old.dtype) row advanced

                if List.exists (fun (later: Link) -> later.Learns) rest then
                    go rest (position + 1) [| link.Forward(inputs, Array.map widen next[position]) |]
            | _ -> ()

        let learnt () : torch.Tensor seq =
            seq {
                for position, link in List.indexed links do
                    if link.Learns then
                        yield! next[position]
            }

        Tensors.detached (fun () -> learnt ()) (fun () ->
            go links 0 (inputs |> Array.map (fun input -> widen (input.detach ()))))

        next
