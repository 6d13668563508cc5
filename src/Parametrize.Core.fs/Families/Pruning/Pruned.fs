namespace Parametrize

open TorchSharp

/// Tensors with zeros at fixed places: `W = mask * X`. Entries under the mask keep their values in X. Prunings behind
/// one another are one link with one mask, because each has to know what the ones before it have kept.
type internal PrunedLink(stack: Pruning list) =
    inherit StackedLink()

    let asMask (tensor: torch.Tensor) (kept: torch.Tensor) = kept.``to`` (tensor.dtype, tensor.device)

    let all (tensor: torch.Tensor) = torch.ones_like (tensor, dtype = torch.ScalarType.Bool)

    let recognized (present: torch.Tensor[]) (tensor: torch.Tensor) =
        if present.Length = 1 then
            Ok present[0]
        else
            PruningStack.recognized tensor stack |> Result.map (asMask tensor)

    let chosen (tensor: torch.Tensor) = PruningStack.ofTensor tensor (all tensor) stack |> Result.map (asMask tensor)

    new(pruning: Pruning) = PrunedLink [ pruning ]

    member _.Stack: Pruning list = stack

    override _.Code = stack |> List.map (sprintf "pruned %O") |> String.concat " >>> "

    override _.Key = box stack

    override _.Expects form = stack |> List.tryPick (fun pruning -> PruningRules.expects pruning form.Shape)

    override _.Domain =
        Domain.OneOf
            [
                Space.All
                Space.Masked
                Space.Triangular Triangle.Lower
                Space.Triangular Triangle.Upper
                Space.Diagonal
            ]

    override _.Codomain = Space.Masked
    override _.BufferNames = [ "mask" ]
    override _.IsBatched = false
    override _.Forward(inputs, buffers) = inputs[0] * buffers[0]

    override _.Absorb next =
        match next with
        | :? PrunedLink as next -> Some(PrunedLink(PruningStack.append stack next.Stack))
        | _ -> None

    override _.Continue(next, present, tensor) =
        match next with
        | :? PrunedLink as next ->
            PruningStack.ofTensor (Tensors.inDouble tensor) (present[0].ne(0.0.ToScalar())) next.Stack
            |> Result.map (fun kept -> [| asMask present[0] kept |])
        | _ -> Error $"{next} is no pruning."

    override _.Contains(present, tensor, _) =
        let within (mask: torch.Tensor) =
            let hidden = tensor * mask.eq (0.0.ToScalar())
            Violation.unless "W_ij = 0 under the mask" (Tensors.largest hidden) 0.0

        recognized present tensor
        |> Result.mapError (fun reason -> { Condition = reason; Size = infinity; Limit = 0.0 })
        |> Result.bind within

    override _.RightInverse(present, tensor, _) =
        recognized present tensor |> Result.bind (fun mask -> LinkParts.carrying tensor [ mask ])

    override _.CanCarry(buffers, _) =
        let mask = Tensors.inDouble buffers[0]
        let nearest = mask.ne(0.0.ToScalar()).``to`` mask.dtype

        Violation.unless "mask_ij = 0 or 1" (Tensors.distance mask nearest) 0.0
        |> Result.mapError (fun violation -> "mask", violation)

    override _.Nearest(tensor, _) =
        match chosen tensor with
        | Ok mask -> tensor * mask
        // Too few are left: there is nothing near, and membership says why.
        | Error _ -> torch.zeros_like tensor

    override _.Approximate(tensor, _) = chosen tensor |> Result.bind (fun mask -> LinkParts.carrying tensor [ mask ])

/// What chains and their masks know about being pruned.
[<RequireQualifiedAccess>]
module internal Pruned =

    let private prunes (link: Link) : bool =
        match link with
        | :? PrunedLink -> true
        | :? KernelLink as kernel -> kernel.Inner :? PrunedLink
        | _ -> false

    /// Whether one of the links prunes.
    let isPruned (value: Parametrization) : bool = value.Links |> List.exists prunes

    /// Whether the last link prunes entries of the tensor itself, so that another pruning goes on from its mask.
    let isLast (value: Parametrization) : bool =
        match List.tryLast value.Links with
        | Some(:? PrunedLink) -> true
        | _ -> false

    /// Whether the share of all that a sound pruning goes up to is pruned by this mask already.
    let isReached (pruning: Pruning) (mask: torch.Tensor) : bool =
        use _ = torch.no_grad ()
        use scope = torch.NewDisposeScope()

        (PruningRules.fault pruning).IsNone
        && (PruningRules.expects pruning mask.shape).IsNone
        && Selection.isReached pruning (mask.ne (0.0.ToScalar()))
