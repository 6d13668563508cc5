namespace Parametrize

open TorchSharp

/// Masks by scores of one's own.
[<RequireQualifiedAccess>]
module PruningMask =

    /// The mask that a pruning takes for these importance scores, of those that another mask keeps. Infinite scores are
    /// the last to go. Throws ArgumentException when the scores are NaN or do not suit.
    let ofScores (scores: torch.Tensor) (kept: Mask option) (pruning: Pruning) : Mask =
        use _ = torch.no_grad ()
        use scope = torch.NewDisposeScope()
        let form = { Form.ofTensor scores with Dtype = torch.ScalarType.Bool }

        let fault =
            match PruningRules.fault pruning, PruningRules.expects pruning scores.shape with
            | Some fault, _ -> Some fault
            | None, Some expected ->
                Some $"{pruning} expects {expected}, but the scores have shape {Form.Shown form.Shape}."
            | None, None when scores.numel () = 0L -> Some "There are no entries to prune."
            | None, None when scores.isnan().any().item<bool>() -> Some "The scores must not be NaN."
            | None, None ->
                match kept with
                | Some mask when mask.ShapeOf <> form.Shape -> Some "The scores must have the shape of the mask."
                | _ -> None

        let present =
            match fault, kept with
            | Some fault, _ -> invalidArg (nameof scores) fault
            | None, Some mask -> mask.ToTensor form
            | None, None -> torch.ones (form.Shape, dtype = form.Dtype, device = form.Device)

        match PruningStack.byScores (Tensors.inDouble (scores.detach ())) present [ pruning ] with
        | Ok mask -> Mask.OfTensor mask
        | Error reason -> invalidArg (nameof pruning) reason
