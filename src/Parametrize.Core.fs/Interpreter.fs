namespace Parametrize

open TorchSharp

/// From parts of a chain to its tensor, and on to the next parts: every function folds over the links.
[<RequireQualifiedAccess>]
module internal Interpreter =

    /// The fold itself, in the caller's dispose scope.
    let private fold (links: Link list) (inputs: torch.Tensor[]) (buffers: torch.Tensor[][]) : torch.Tensor =
        let rec go (links: Link list) (position: int) (inputs: torch.Tensor[]) =
            match links with
            | [] -> inputs[0]
            | link :: rest -> go rest (position + 1) [| Contract.forward link inputs buffers[position] |]

        go links 0 inputs

    let forward (links: Link list) (inputs: torch.Tensor[]) (buffers: torch.Tensor[][]) : torch.Tensor =
        use scope = torch.NewDisposeScope()
        let dtype = inputs[0].dtype

        let result =
            if Form.isHalf dtype then
                let wide = fold links (Array.map Tensors.widen inputs) (Array.map (Array.map Tensors.widen) buffers)

                match List.tryLast links with
                | Some link -> Contract.narrow link wide dtype
                | None -> inputs[0]
            else
                fold links inputs buffers

        // A chain without work to do must not hand out the parameter itself: the caller disposes what it gets.
        if Array.exists (fun input -> obj.ReferenceEquals(input, result)) inputs then
            result.alias().MoveToOuterDisposeScope()
        else
            result.MoveToOuterDisposeScope()

    /// The buffers that their link cannot carry: its position, their name, and what is wrong.
    let misfits (links: Link list) (epsilon: float) (buffers: torch.Tensor[][]) : (int * string * Violation) list =
        use _ = torch.no_grad ()
        use scope = torch.NewDisposeScope()

        links
        |> List.indexed
        |> List.choose (fun (position, link) ->
            match Contract.canCarry link (Array.map Tensors.widen buffers[position]) epsilon with
            | Ok() -> None
            | Error(name, violation) -> Some(position, name, violation))

    /// New buffers where a link mends them, the others as they are.
    let mend (links: Link list) (buffers: torch.Tensor[][]) : torch.Tensor[][] =
        let mended (link: Link) (row: torch.Tensor[]) =
            let wide = Array.map Tensors.widen row

            Array.map3
                (fun (old: torch.Tensor) wide next ->
                    if obj.ReferenceEquals(wide, next) then old else Tensors.narrow old.dtype next)
                row
                wide
                (Contract.mend link wide)

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
                    let advanced = Contract.advance link inputs (Array.map Tensors.widen row)
                    next[position] <- Array.map2 (fun (old: torch.Tensor) -> Tensors.narrow old.dtype) row advanced

                if List.exists (fun (later: Link) -> later.Learns) rest then
                    go rest (position + 1) [| Contract.forward link inputs (Array.map Tensors.widen next[position]) |]
            | _ -> ()

        let learnt () : torch.Tensor seq =
            seq {
                for position, link in List.indexed links do
                    if link.Learns then
                        yield! next[position]
            }

        Tensors.detached (fun () -> learnt ()) (fun () ->
            go links 0 (inputs |> Array.map (fun input -> Tensors.widen (input.detach ()))))

        next
