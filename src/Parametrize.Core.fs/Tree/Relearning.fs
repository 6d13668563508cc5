namespace Parametrize

open TorchSharp

/// Finds the buffers again that nodes learn or choose by a tensor.
[<RequireQualifiedAccess>]
module internal Relearning =

    /// Learnt or chosen buffers of a node depend on its input, so they are found again in stale steps, where the input has changed.
    /// A node of several inputs keeps its buffers, since it has no single input tensor.
    let relearnt (isStale: Node -> int -> int -> bool) (program: Program) epsilon (parts: Parts) =
        let rows = Array.copy parts.BufferArrays

        let relearn (step: Step) : Result<unit, ParametrizationError> =
            match step with
            | Step.Compute(node, [| source |], position, _) when isStale node position source ->
                let registers = Evaluation.registers false program parts parts.ParameterArray rows

                let form = Form.ofTensor registers[source]

                InverseContract.found node [ form ] [||] registers[source] epsilon Want.Nearest
                |> Node.outOfReach node
                |> Result.map (fun found -> rows[position] <- found.Buffers)
            | _ -> Ok()

        program.Steps
        |> Array.fold (fun state step -> state |> Result.bind (fun () -> relearn step)) (Ok())
        |> Result.map (fun () -> rows)

    /// The buffers of all nodes: new ones for nodes that learn, the others as they are.
    let refresh
        (isMeant: Node -> bool)
        (program: Program)
        (parts: Parts)
        : Result<torch.Tensor[][], ParametrizationError> =
        let isNew (next: torch.Tensor) =
            parts.BufferArrays |> Seq.concat |> Seq.forall (fun old -> not (obj.ReferenceEquals(old, next)))

        let newOnes (result: Result<torch.Tensor[][], ParametrizationError>) =
            Result.toOption result |> Option.toArray |> Seq.concat |> Seq.concat |> Seq.filter isNew

        Tensors.detached newOnes (fun () ->
            let wide = Array.map (Array.map Tensors.widen) parts.BufferArrays
            let inputs = parts.ParameterArray |> Array.map (fun input -> Tensors.widen (input.detach ()))

            let narrowed (old: torch.Tensor) (wide: torch.Tensor) (next: torch.Tensor) =
                if obj.ReferenceEquals(wide, next) then
                    old
                else
                    (Tensors.narrow old.dtype next).contiguous().clone()

            new Parts(parts.Shape, inputs, wide)
            |> relearnt
                (fun node _ _ -> Node.learns node && isMeant node)
                program
                (Form.epsilon parts.ParameterArray[0].dtype)
            |> Result.map (fun rows -> Array.map3 (Array.map3 narrowed) parts.BufferArrays wide rows))
