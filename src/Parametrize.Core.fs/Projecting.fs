namespace Parametrize

open TorchSharp

/// Finds the projection of a tensor.
[<RequireQualifiedAccess>]
module internal Projecting =

    /// What the value yields from parts that are found for a tensor that is not allowed.
    let private image (value: Parametrization) (forms: Form[]) (tensor: torch.Tensor) (want: Want) =
        Assigning.approximately want value forms None tensor
        |> Result.map (fun parts ->
            use parts = parts
            Evaluation.forward false value.Program parts)

    /// Whether what is nearest for one node may have no parameters in the nodes before it: on the edge of a bijection's space, or
    /// where those nodes yield tensors that are too small to be divided by their norm.
    let private mayMiss (value: Parametrization) : bool =
        value.Program.Steps
        |> Array.exists (fun step ->
            match step with
            | Step.Compute(node, [| source |], _, _) ->
                source >= value.Program.LeafCount && (box node :? IBijection || Node.learns node)
            | _ -> false)

    /// The projection of a tensor; the tensor when it is allowed.
    let nearest (value: Parametrization) (tensor: torch.Tensor) : Result<torch.Tensor, ParametrizationError> =
        use _ = torch.no_grad ()

        let allowed (forms: Form[]) (nearest: torch.Tensor) =
            match if mayMiss value then Assigning.membership value forms [||] nearest else Ok() with
            | Ok() -> Ok nearest
            | Error _ ->
                nearest.Dispose()
                image value forms tensor Want.Start

        Assigning.checkedForms value tensor
        |> Result.bind (fun forms ->
            match Assigning.membership value forms [||] tensor with
            | Ok() -> Ok(tensor.clone ())
            | Error(ParametrizationError.NoRightInverse _ as error) -> Error error
            | Error _ ->
                match Assigning.tryProject value tensor with
                | Some nearest -> Ok nearest
                | None -> image value forms tensor Want.Nearest |> Result.bind (allowed forms))
