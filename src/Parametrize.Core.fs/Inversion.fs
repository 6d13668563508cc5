namespace Parametrize

open TorchSharp

/// From a tensor back to parts of a chain: exactly, or from the nearest tensor.
[<RequireQualifiedAccess>]
module internal Inversion =

    /// What `pullBack` needs from a link behind another: sound parts for a tensor, given the buffers in use.
    type private Inversion =
        Link option -> Link -> torch.Tensor[] -> torch.Tensor -> Result<LinkParts, ParametrizationError>

    let private orOutOfReach (link: Link) (parts: Result<LinkParts, string>) : Result<LinkParts, ParametrizationError> =
        parts |> Result.mapError (fun reason -> ParametrizationError.OutOfReach(link.Code, reason))

    let private exact (epsilon: float) : Inversion =
        fun before link present tensor ->
            match Contract.contains link present tensor epsilon with
            | Error violation -> Error(ParametrizationError.NotAllowed(link.Code, violation))
            | Ok() -> Contract.rightInverse before link present tensor epsilon |> orOutOfReach link

    let private nearest (epsilon: float) : Inversion =
        fun before link present tensor ->
            match Contract.contains link present tensor epsilon with
            | Ok() -> Contract.rightInverse before link present tensor epsilon
            | Error _ -> Contract.approximate before link tensor epsilon
            |> orOutOfReach link

    /// A base is made from the nearest tensor: roundoff would add up, as each is computed with the one before.
    let private renewed (epsilon: float) : Inversion =
        fun before link present tensor ->
            if link.HasBase then
                Contract.approximate before link tensor epsilon |> orOutOfReach link
            else
                nearest epsilon before link present tensor

    /// From the last link to the first: the links' buffers in order, and the inputs of the first.
    let rec private pullBack (invert: Inversion) (links: (Link * torch.Tensor[]) list) (tensor: torch.Tensor) =
        match links with
        | [] -> Ok([| tensor |], [])
        | (link, present) :: before ->
            invert (before |> List.tryHead |> Option.map fst) link present tensor
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
            link,
            (if position < buffers.Length then
                 Array.map Tensors.widen buffers[position]
             else
                 [||]))
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
            let own (part: torch.Tensor) = (Tensors.narrow dtype part).detach().contiguous().clone()

            let epsilon = Form.epsilon dtype

            // Optimizers take nothing but parameters.
            let trainable (input: torch.Tensor) = new Modules.Parameter(own input, true) :> torch.Tensor

            Tensors.widen (tensor.detach ())
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
                        Contract.approximate None link inputs[0] epsilon |> orOutOfReach link |> Result.map _.Buffers
                    else
                        Ok buffers[position]

                row |> Result.map (fun row -> [| Contract.forward link inputs row |], row :: rows))

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
            let present = if buffers.Length > 0 then Array.map Tensors.widen buffers[0] else [||]

            Contract.contains only present (Tensors.widen (tensor.detach ())) (Form.epsilon tensor.dtype)
            |> Result.mapError (fun violation -> ParametrizationError.NotAllowed(only.Code, violation))
        | _ ->
            // The image of a chain is known by its right inverse alone.
            rightInverse links buffers tensor |> Result.map _.Dispose()
