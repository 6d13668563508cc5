namespace Parametrize

open TorchSharp

/// What rounding of a tensor does to what bijections yield it from: beside a shift by 1 nothing is left of a tiny number.
[<RequireQualifiedAccess>]
module internal Slack =

    /// Relative to the largest entry: more than rounding where that is the small difference of larger numbers.
    let relative (bijection: IBijection) (tensor: torch.Tensor) (input: torch.Tensor) (epsilon: float) : float =
        let size = Tensors.largest input
        let moved = bijection.Back(tensor * (1.0 - epsilon).AsScalar())
        let share = Tensors.distance moved input / size
        if size > 0.0 && share > 4.0 * epsilon then share else epsilon

    /// How far rounding may have moved each entry of what a bijection reads, in an element type of that roundoff. Rounding of
    /// what it yields, given how far that may have moved each, or in the caller's type, where it may underflow unless its space
    /// is kept.
    let behind
        (bijection: IBijection)
        (space: Space)
        (tensor: torch.Tensor)
        (input: torch.Tensor)
        (epsilon: float)
        (beyond: Lazy<torch.Tensor> option)
        : Lazy<torch.Tensor> =
        let computed () =
            let dtype =
                if beyond.IsNone then
                    Form.halfOf epsilon |> Option.defaultValue tensor.dtype
                else
                    tensor.dtype

            let smallest = if space.IsLeftByRounding then 0.0 else 2.0 * Form.smallest dtype

            let own = tensor.abs () * (Tensors.roundoff (Form.epsilon dtype) 1.0).AsScalar() + smallest.AsScalar()

            let width =
                match beyond with
                | Some beyond -> own + beyond.Value
                | None -> own

            let moved (way: torch.Tensor) =
                let there = bijection.Back(tensor + way)
                let distance = (there - input).abs()

                // At the end of its range it may have come from anywhere beyond.
                if bijection :? ISaturates then
                    let isEnd =
                        there
                            .eq(bijection.Back(tensor + way * 2.0.AsScalar()))
                            .logical_or(tensor.abs().ge((Form.greatest dtype).AsScalar()))
                            .logical_or(tensor.abs().le((2.0 * Form.smallest dtype).AsScalar()))

                    torch.where (isEnd, torch.full_like (distance, infinity.AsScalar()), distance)
                else
                    distance

            (moved width).maximum(moved -width)

        lazy (computed ())

    /// The tensor, moved towards another, each entry by its slack at most.
    let private towards (other: torch.Tensor) (slack: torch.Tensor) (tensor: torch.Tensor) : torch.Tensor =
        let way = other - tensor
        let share = slack / way.abs ()
        torch.where (share.lt (1.0.AsScalar()), tensor + way * share.clamp_max (1.0.AsScalar()), other)

    let private contains readsLeaves (node: Node) (present: torch.Tensor[]) (tensor: torch.Tensor) (epsilon: float) =
        match box node with
        | :? IRoundsParameter as rounding when not readsLeaves -> rounding.ContainsBehind(tensor, epsilon)
        | _ -> Contract.contains node present tensor epsilon

    /// What a node contains: the tensor, or what is that up to the slack.
    let contained
        (readsLeaves: bool)
        (node: Node)
        (forms: Form list)
        (present: torch.Tensor[])
        (tensor: torch.Tensor)
        (epsilon: float)
        (slack: Lazy<torch.Tensor> option)
        : Result<torch.Tensor, Violation> =
        match contains readsLeaves node present tensor epsilon, slack with
        | Ok(), _ -> Ok tensor
        | Error violation, None -> Error violation
        | Error violation, Some slack ->
            let rounded (part: torch.Tensor) =
                match Form.halfOf epsilon with
                | Some half when readsLeaves -> (Tensors.parameter half part).``to`` part.dtype
                | _ -> part

            match Contract.nearest node forms present tensor epsilon rounded with
            | Some nearest ->
                let moved = towards nearest slack.Value tensor

                contains readsLeaves node present moved epsilon
                |> Result.map (fun () -> moved)
                |> Result.mapError (fun _ -> violation)
            | None -> Error violation
