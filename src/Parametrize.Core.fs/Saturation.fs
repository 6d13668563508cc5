namespace Parametrize

open TorchSharp

/// How many entries hardly move when their parameters do.
[<RequireQualifiedAccess>]
module internal Saturation =

    /// A derivative below this share of the largest counts.
    let private least = 0.01

    let private saturates (node: Node) : bool = (box node) :? ISaturates

    let private share (slopes: torch.Tensor | null) : float option =
        match slopes with
        | null -> None
        | slopes ->
            let saturated = slopes.lt (least.AsScalar())
            Some(Tensors.number (saturated.sum ()) / float (max 1L (slopes.numel ())))

    /// The share of entries that are saturated, in the node where there are most; None where no node tells.
    let shareOf (program: Program) (parts: Parts) : float option =
        if not (Array.exists saturates program.Nodes) then
            None
        else
            use _ = torch.no_grad ()
            use scope = torch.NewDisposeScope()
            let inputs = parts.ParameterArray |> Array.map Tensors.widen
            let buffers = parts.BufferArrays |> Array.map (Array.map Tensors.widen)
            let registers = Evaluation.registers false program parts inputs buffers

            let ofStep (step: Step) : float option =
                match step with
                | Step.Compute(node, sources, position, _) ->
                    match box node with
                    | :? ISaturates as saturating ->
                        Contract.slopes node (fun () ->
                            saturating.Slopes(Evaluation.read registers sources, buffers[position]))
                        |> share
                    | _ -> None
                | _ -> None

            match Array.choose ofStep program.Steps with
            | [||] -> None
            | shares -> Some(Array.max shares)
