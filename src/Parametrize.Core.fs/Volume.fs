namespace Parametrize

open TorchSharp

/// By how much a value stretches volumes, where every node has a closed form.
[<RequireQualifiedAccess>]
module internal Volume =

    /// Closed forms of nodes add up where each reads tensors that are free, or an open set of them: elsewhere they would count
    /// numbers that depend on one another.
    let private isKnown (program: Program) (known: (Form * int64 option)[]) : bool =
        let isOpen (register: int) =
            let form, dimension = known[register]
            dimension = Some(Form.reals form)

        program.Steps
        |> Array.forall (function
            | Step.Compute(node, sources, _, _) -> (box node :? IVolume) && Array.forall isOpen sources
            | _ -> true)

    let private ofSteps (program: Program) (parts: Parts) : torch.Tensor =
        use scope = torch.NewDisposeScope()
        let inputs = parts.ParameterArray |> Array.map Tensors.widen
        let buffers = parts.BufferArrays |> Array.map (Array.map Tensors.widen)
        let registers = Evaluation.registers false program parts inputs buffers

        let ofStep (step: Step) : torch.Tensor option =
            match step with
            | Step.Compute(node, sources, position, _) ->
                match box node with
                | :? IVolume as volume ->
                    let read = Evaluation.read registers sources
                    Some(Contract.volume node (fun () -> volume.LogVolume(read, buffers[position])))
                | _ -> None
            | _ -> None

        let last = Array.last inputs
        let real = if last.is_complex () then last.real.dtype else last.dtype

        (torch.zeros ([||], dtype = real, device = last.device), Array.choose ofStep program.Steps)
        ||> Array.fold (fun sum next -> sum + next)
        |> _.MoveToOuterDisposeScope()

    /// `log det (J^T J) / 2` of `forward`, with J its derivative by the real numbers in the parameters. Differentiable; the
    /// caller disposes it.
    let tryOf (program: Program) (parts: Parts) : torch.Tensor option =
        match Dimension.registers program (Evaluation.outputForm parts) parts with
        | Some known when isKnown program known -> Some(ofSteps program parts)
        | _ -> None
