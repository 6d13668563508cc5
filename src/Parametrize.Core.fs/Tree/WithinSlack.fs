namespace Parametrize

open TorchSharp

/// Finds the tensor that a node contains: the given one, or one that equals it up to its slack.
[<RequireQualifiedAccess>]
module internal WithinSlack =

    /// The tensor, moved towards another one, each entry by at most its slack.
    let private towards (other: torch.Tensor) (slack: Slack) (tensor: torch.Tensor) : torch.Tensor =
        let way = other - tensor

        let allowed =
            if way.is_complex () then
                slack.Up
            else
                torch.where (way.gt ((0.0).AsScalar()), slack.Up, slack.Down)

        let share = allowed / way.abs ()
        torch.where (share.lt (1.0.AsScalar()), tensor +. way * share.clamp_max (1.0.AsScalar()), other)

    let private contains readsLeaves (node: Node) (present: torch.Tensor[]) (tensor: torch.Tensor) (epsilon: float) =
        match box node with
        | :? IRoundsParameter as rounding when not readsLeaves -> rounding.ContainsBehind(tensor, epsilon)
        | _ -> InverseContract.contains node present tensor epsilon

    /// How many steps without progress are allowed.
    let private mostIdle = 2

    /// The largest number of steps: some searches go on with smaller and smaller steps.
    let private mostSteps = 1000

    /// The tensor that a node contains: the given one, or one that equals it up to the slack.
    let contained
        (readsLeaves: bool)
        (node: Node)
        (forms: Form list)
        (present: torch.Tensor[])
        (tensor: torch.Tensor)
        (epsilon: float)
        (slack: Lazy<Slack> option)
        : Result<torch.Tensor, Violation> =
        let rounded (part: torch.Tensor) =
            match Form.halfOf epsilon with
            | Some half when readsLeaves -> (Tensors.parameter half part).``to`` part.dtype
            | _ -> part

        /// Whether the node's output for its right inverse leads to the whole tensor again. An error that is small beside other
        /// entries of this tensor need not be small beside those of the whole. If the output equals the tensor, the nodes behind
        /// need not run.
        let comesBack (slack: Lazy<Slack>) (from: torch.Tensor) =
            InverseContract.again node forms present from epsilon
            |> Option.exists (fun again ->
                if obj.ReferenceEquals(from, tensor) && again.Equals tensor then
                    slack.Value.IsReached.Value
                else
                    slack.Value.Yields again)

        let contained =
            contains readsLeaves node present tensor epsilon
            |> Result.bind (fun () ->
                match slack with
                | Some slack when not (box node :? IBijection || Breach.isUsers node || comesBack slack tensor) ->
                    Error { Condition = "the nodes behind yield W again"; Size = infinity; Limit = 0.0 }
                | _ -> Ok())

        match contained, slack with
        | Ok(), _ -> Ok tensor
        | Error violation, None -> Error violation
        | Error violation, Some slack ->
            // Alternating projections between the tensors of the node and those within the slack. If only few entries have much
            // slack, plain steps make little progress; so the slower an entry goes, the longer its steps become.
            let rec search
                (from: torch.Tensor)
                (before: (torch.Tensor * torch.Tensor) option)
                (least: float)
                (idle: int)
                (left: int)
                =
                match InverseContract.nearest node forms present from epsilon rounded with
                | None -> Error violation
                | Some nearest ->
                    let way = nearest - from
                    let apart = Tensors.largest way
                    let idle = if apart < 0.9999 * least then 0 else idle + 1

                    if idle > mostIdle || left = 0 then
                        Error violation
                    else
                        let aim, lengths =
                            match before with
                            | None -> nearest, torch.ones_like (way.abs ())
                            | Some(way', lengths) ->
                                let ratios = (way.abs () / way'.abs ()).nan_to_num(0.0).clamp_max((0.9999).AsScalar())
                                let lengths = (lengths / ((1.0).AsScalar() .- ratios)).clamp_max((1e4).AsScalar())
                                from +. way * lengths, lengths

                        let moved = towards aim slack.Value tensor

                        // Long steps from large numbers overflow.
                        if Tensors.nonFinite moved > 0L then
                            Error violation
                        else
                            match contains readsLeaves node present moved epsilon with
                            | Ok() -> if comesBack slack moved then Ok moved else Error violation
                            | Error _ -> search moved (Some(way, lengths)) (min least apart) idle (left - 1)

            search tensor None infinity 0 mostSteps
