namespace Parametrize

open TorchSharp

/// By how much a value stretches volumes, where every node has a closed form.
[<RequireQualifiedAccess>]
module internal Volume =

    let private isKnown (program: Program) : bool =
        program.Steps
        |> Array.forall (function
            | Step.Compute(node, sources, _, _) -> (box node :? IVolume) && sources.Length = 1
            | _ -> true)

    /// `log det (J^T J) / 2` of `forward` in flat coordinates of the free numbers; None when a node has no closed form, or
    /// reads several tensors. Differentiable. The caller disposes it.
    let tryOf (value: Parametrization) (parts: Parts) : torch.Tensor option =
        let program = value.Program

        if not (isKnown program) then
            None
        else
            use scope = torch.NewDisposeScope()

            let registers = Evaluation.registers false program parts parts.ParameterArray parts.BufferArrays

            let ofStep (step: Step) : torch.Tensor option =
                match step with
                | Step.Compute(node, sources, position, _) ->
                    match box node with
                    | :? IVolume as volume ->
                        Some(volume.LogVolume(Evaluation.read registers sources, parts.BufferArrays[position]))
                    | _ -> None
                | _ -> None

            let total =
                match program.Steps |> Array.choose ofStep |> Array.toList with
                | [] ->
                    torch.zeros ([||], dtype = parts.ParameterArray[0].dtype, device = parts.ParameterArray[0].device)
                | first :: rest -> rest |> List.fold (fun sum next -> sum + next) first

            Some(total.MoveToOuterDisposeScope())
