namespace Parametrize

open TorchSharp

/// Finds the projection of a tensor.
[<RequireQualifiedAccess>]
module internal Projecting =

    /// Whether what is nearest for one node may have no parameters in the nodes before it: on the edge of a space, or where those
    /// nodes yield tensors that are too small to be divided by their norm.
    let private mayMiss (value: Parametrization) : bool =
        value.Program.Steps
        |> Array.exists (fun step ->
            match step with
            | Step.Compute(_, [| source |], _, _) -> source >= value.Program.LeafCount
            | _ -> false)

    /// The projection of a tensor; the tensor when it is allowed.
    let nearest (value: Parametrization) (tensor: torch.Tensor) : Result<torch.Tensor, ParametrizationError> =
        use _ = torch.no_grad ()

        let allowed (forms: Form[]) (nearest: torch.Tensor) =
            match if mayMiss value then Assigning.membership value forms [||] nearest else Ok() with
            | Ok() -> Ok nearest
            | Error _ ->
                nearest.Dispose()
                Assigning.image value forms tensor Want.Start

        Assigning.checkedForms value tensor
        |> Result.bind (fun forms ->
            match Assigning.membership value forms [||] tensor with
            | Ok() -> Ok(tensor.clone ())
            | Error(ParametrizationError.NoRightInverse _ as error) -> Error error
            | Error _ ->
                match Assigning.tryProject value tensor with
                | Some nearest -> Ok nearest
                | None -> Assigning.image value forms tensor Want.Nearest |> Result.bind (allowed forms))

    /// How far a tensor may be from its projection, as a share of its largest entry, so that the projection is meant: rounding, as
    /// that of a file in bfloat16.
    let private near = 0.01

    let private isNear (tensor: torch.Tensor) (other: torch.Tensor) : bool =
        use _ = torch.NewDisposeScope()
        Tensors.distance tensor other <= near * Tensors.largest tensor

    /// Parts of the projection of a tensor that is nearly allowed; None for any other. Masks and learnt buffers in use are not those
    /// of a projection.
    let tryNear (value: Parametrization) (forms: Form[]) (inUse: Parts) (tensor: torch.Tensor) : Parts option =
        let hasOwn (node: Node) = Node.chooses node || Node.learns node

        if Array.exists hasOwn value.Program.Nodes then
            None
        else
            match nearest value tensor with
            | Error _ -> None
            | Ok projected ->
                use projected = projected

                if isNear tensor projected then
                    Assigning.exactly value forms (Some inUse) projected |> Result.toOption
                else
                    None
