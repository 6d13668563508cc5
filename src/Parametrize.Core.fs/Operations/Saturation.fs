namespace Parametrize

open TorchSharp

/// Counts entries that hardly change when their parameters do.
[<RequireQualifiedAccess>]
module internal Saturation =

    /// The bounds between which slopes are counted: below the first bound (such entries hardly train), from the first to the
    /// second, and so on up to 1.
    let bounds: float[] = [| 0.01; 0.1; 0.2; 0.3; 0.4; 0.5; 0.6; 0.7; 0.8; 0.9; 1.0 |]

    let private saturates (node: Node) : bool = (box node) :? ISaturates

    /// The number of slopes below each bound and not below the one before. The last count includes larger slopes.
    let private counts (slopes: torch.Tensor) : int64[] =
        let between = Array.truncate (bounds.Length - 1) bounds
        let edges = torch.tensor (between, dtype = slopes.dtype, device = slopes.device)
        let places = torch.bucketize (slopes.flatten (), edges, outInt32 = true, right = true)
        Tensors.toArray<int64>(torch.bincount (places, minlength = int64 bounds.Length))

    /// The share of entries that hardly train.
    let share (counts: int64[]) : float = float counts[0] / float (max 1L (Array.sum counts))

    /// How many entries have a slope below each bound, and not below the one before, in the node with the largest share below the
    /// first; None where no node tells.
    let countsOf (program: Program) (parts: Parts) : int64[] option =
        if not (Array.exists saturates program.Nodes) then
            None
        else
            use _ = torch.no_grad ()
            use scope = torch.NewDisposeScope()
            let inputs = parts.ParameterArray |> Array.map Tensors.widen
            let buffers = parts.BufferArrays |> Array.map (Array.map Tensors.widen)
            let registers = Evaluation.registers false program parts inputs buffers

            let ofStep (step: Step) : int64[] option =
                match step with
                | Step.Compute(node, sources, position, _) ->
                    match box node with
                    | :? ISaturates as saturating ->
                        match
                            Contract.slopes node (fun () ->
                                saturating.Slopes(Evaluation.read registers sources, buffers[position]))
                        with
                        | null -> None
                        | slopes -> Some(counts slopes)
                    | _ -> None
                | _ -> None

            match Array.choose ofStep program.Steps with
            | [||] -> None
            | found -> Some(Array.maxBy share found)

    /// The share of entries that hardly train, in the node where it is largest; None where no node tells.
    let shareOf (program: Program) (parts: Parts) : float option = countsOf program parts |> Option.map share
