namespace Parametrize

open TorchSharp

/// How far rounding may have moved each entry, up and down.
[<NoComparison; NoEquality>]
type internal Slack =
    {
        Up: torch.Tensor
        Down: torch.Tensor
        /// Whether the nodes after this tensor, as far as they are known, yield nearly the same result if it is replaced by the
        /// given one.
        Yields: torch.Tensor -> bool
        /// `Yields` of this tensor, by the rounding at each bijection: a chain looks at each of its nodes once.
        IsReached: Lazy<bool>
    }

/// Computes how far rounding of a tensor moves the input of a bijection: after a shift by 1, for example, a tiny number is lost.
[<RequireQualifiedAccess>]
module internal Slack =

    let private eitherWay (yields: torch.Tensor -> bool) (isReached: Lazy<bool>) (distance: torch.Tensor) : Slack =
        { Up = distance; Down = distance; Yields = yields; IsReached = isReached }

    let private yieldsBehind (beyond: Lazy<Slack> option) (made: torch.Tensor) : bool =
        match beyond with
        | Some(Lazy beyond) -> beyond.Yields made
        | None -> true

    /// The slack of the numbers that a node has found by decomposing a matrix: the rounding error of the decomposition, and the
    /// norm of the slack of the matrix, which bounds how far the numbers move.
    let found
        (node: IDecomposes)
        (yields: torch.Tensor -> torch.Tensor)
        (inputs: torch.Tensor[])
        (epsilon: float)
        (beyond: Lazy<Slack> option)
        : Lazy<Slack> =
        lazy
            (let yieldsAgain = yields >> yieldsBehind beyond
             let slackOf = eitherWay yieldsAgain (lazy (yieldsAgain inputs[node.Numbers]))
             let sizes = inputs[node.Numbers].abs()
             let limit = (Tensors.limit epsilon (node.Size inputs) 1.0).AsScalar()

             let own =
                 if node.IsRelative then
                     (sizes.amax ([| -1L |], keepdim = true) * limit).expand_as sizes
                 else
                     torch.full_like (sizes, limit)

             match beyond with
             | None -> slackOf own
             | Some(Lazy beyond) ->
                 let moved = (beyond.Up.maximum beyond.Down).Squared().sum([| -2L; -1L |]).sqrt()
                 // Numbers may be vectors, or matrices themselves.
                 let ones = Array.create (int (own.dim () - moved.dim ())) 1L
                 slackOf (own +. (moved.reshape (Array.append moved.shape ones))))

    /// The slack of the entries in another order or shape, and the way back from there.
    let seen
        (view: torch.Tensor -> torch.Tensor)
        (back: torch.Tensor -> torch.Tensor)
        (slack: Lazy<Slack>)
        : Lazy<Slack> =
        lazy
            ({
                Up = view slack.Value.Up
                Down = view slack.Value.Down
                Yields = back >> slack.Value.Yields
                IsReached = slack.Value.IsReached
            })

    /// How far rounding in an element type may have moved each entry of a tensor.
    let private roundingIn (dtype: torch.ScalarType) (space: Space) (tensor: torch.Tensor) : torch.Tensor =
        let smallest = (2.0 * Form.smallest dtype).AsScalar()
        // `Rounded` keeps tensors in a space that plain rounding could leave, so an entry that is zero there has not underflowed.
        let underflow =
            if space.IsLeftByRounding then
                smallest * tensor.ne((0.0).AsScalar()).``to``(Tensors.realType tensor)
            else
                torch.full_like (tensor.abs (), smallest)

        tensor.abs () * (Tensors.roundoff (Form.epsilon dtype) 1.0).AsScalar() +. underflow

    /// How far each entry of the input moves when the output moves up and when it moves down. Infinity for outputs at the ends of
    /// the range, which may have come from any input beyond.
    let private distances
        (bijection: IBijection)
        (back: torch.Tensor -> torch.Tensor)
        (space: Space)
        (dtype: torch.ScalarType)
        (struct (tensor: torch.Tensor, input: torch.Tensor))
        (struct (up: torch.Tensor, down: torch.Tensor))
        : struct (torch.Tensor * torch.Tensor) =
        let above, below = back (tensor +. up), back (tensor - down)
        let toAbove, toBelow = (above - input).abs(), (below - input).abs()

        let endsAbove, endsBelow =
            if bijection :? ISaturates then
                let greatest = torch.full_like (tensor, (Form.greatest dtype).AsScalar())

                let leaves =
                    if space.IsLeftByRounding then
                        tensor.abs().le((2.0 * Form.smallest dtype).AsScalar())
                    else
                        tensor.le -greatest

                toAbove.isinf().logical_or(above.eq (back greatest)).logical_or(tensor.ge greatest),
                toBelow.isinf().logical_or(below.eq (back -greatest)).logical_or leaves
            else
                toAbove.isinf (), toBelow.isinf ()

        let endless (isEnd: torch.Tensor) (distance: torch.Tensor) =
            torch.where (isEnd, torch.full_like (distance, infinity.AsScalar()), distance)

        struct (endless endsAbove toAbove, endless endsBelow toBelow)

    /// Those distances as moves of the input upwards and downwards: where the bijection falls, they change places.
    let private directed
        (back: torch.Tensor -> torch.Tensor)
        (tensor: torch.Tensor)
        (struct (up: torch.Tensor, down: torch.Tensor))
        (struct (above: torch.Tensor, below: torch.Tensor))
        : struct (torch.Tensor * torch.Tensor) =
        // Without slack, a zero entry would give a step of zero, so its step has the size of the largest entry.
        let step = if Tensors.largest tensor = 0.0 then 1.0 else Tensors.largest tensor
        let wide = up.maximum(down).maximum(tensor.abs ())
        let wide = wide.masked_fill (wide.eq ((0.0).AsScalar()), step.AsScalar())
        let way = back (tensor +. wide) - back (tensor - wide)
        let falls, rises = way.lt ((0.0).AsScalar()), way.gt ((0.0).AsScalar())

        let along (rising: torch.Tensor) (falling: torch.Tensor) =
            torch.where (rises, rising, torch.where (falls, falling, rising.maximum falling))

        struct (along above below, along below above)

    /// The slack of the input of a bijection, given its output `tensor`. The output may be off by rounding, and by its own slack
    /// (`beyond`). Without `beyond`, it is rounded in the caller's element type, whose roundoff is `epsilon`. Small entries may
    /// also underflow.
    let behind
        (bijection: IBijection)
        (yields: torch.Tensor -> torch.Tensor)
        (space: Space)
        (tensor: torch.Tensor)
        (input: torch.Tensor)
        (epsilon: float)
        (beyond: Lazy<Slack> option)
        : Lazy<Slack> =
        let computed () =
            let dtype =
                if beyond.IsNone then
                    Form.halfOf epsilon |> Option.defaultValue tensor.dtype
                else
                    tensor.dtype

            let own = roundingIn dtype space tensor

            let moved =
                match beyond with
                | Some(Lazy beyond) -> struct (own +. beyond.Up, own +. beyond.Down)
                | None -> struct (own, own)

            /// For a value outside the bijection's range there is no preimage (NaN); the input is kept.
            let back (tensor: torch.Tensor) =
                let there = bijection.Back tensor
                torch.where (there.isnan (), input, there)

            let again (input: torch.Tensor) =
                let made, greatest = yields input, Form.greatest dtype

                if tensor.is_complex () then
                    made
                else
                    made.clamp ((-greatest).AsScalar(), greatest.AsScalar())

            // The tolerance of each entry is 100 times its rounding error, but not more than about a tenth of the entry (in
            // 16-bit types); plus rounding relative to the largest entry; plus what the bijection loses on the way back and
            // forth.
            let most () =
                let roundoff = Tensors.roundoff (Form.epsilon dtype) 1.0
                let lost = Tensors.largest (again input - tensor) * 1e3
                let beside = Tensors.largest tensor * min (16.0 * roundoff) 0.1
                own * (min 100.0 (0.1 / roundoff)).AsScalar() .+ (lost + beside).AsScalar()

            let yieldsAgain (input: torch.Tensor) =
                match beyond with
                | Some(Lazy beyond) -> beyond.Yields(yields input)
                | None -> (again input - tensor).abs().le(most ()).all().item<bool>()

            let isReached =
                lazy
                    ((again input - tensor).abs().le(own * (4.0).AsScalar()).all().item<bool>()
                     && beyond |> Option.forall (fun beyond -> beyond.Value.IsReached.Value)
                     || yieldsAgain input)

            match box bijection with
            | :? IMixesEntries as mixing ->
                let struct (up, down) = moved
                let roundoff = Tensors.roundoff (Form.epsilon dtype) 1.0
                eitherWay yieldsAgain isReached (mixing.Moved(tensor, up.maximum down, roundoff))
            | _ ->
                let struct (above, below) as distances =
                    distances bijection back space dtype (struct (tensor, input)) moved

                if tensor.is_complex () then
                    eitherWay yieldsAgain isReached (above.maximum below)
                else
                    let struct (up, down) = directed back tensor moved distances
                    { Up = up; Down = down; Yields = yieldsAgain; IsReached = isReached }

        lazy (computed ())

    /// The roundoff relative to the largest entry. It is larger than that of the element type when the entry is a small difference
    /// of larger numbers. Behind a map that saturates, entries differ too much for one number: then the slack of each entry is
    /// used.
    let relative (bijection: IBijection) (tensor: torch.Tensor) (input: torch.Tensor) (epsilon: float) : float =
        if bijection :? ISaturates then
            epsilon
        else
            let size = Tensors.largest input
            let distance = (bijection.Back(tensor * (1.0 - epsilon).AsScalar()) - input).abs()
            let share = Tensors.largest distance / size
            if size > 0.0 && share > 4.0 * epsilon then share else epsilon
