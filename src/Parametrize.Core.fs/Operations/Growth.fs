namespace Parametrize

/// Parts for a value whose last node has merged with a new one, as prunings do.
[<RequireQualifiedAccess>]
module internal Growth =

    /// The buffers of the last node after `next` has merged with it.
    let private carried (value: Parametrization) (next: Node) (parts: Parts) =
        let program = value.Program

        Tensors.detached (Result.toOption >> Option.toArray >> Seq.concat) (fun () ->
            let registers = Evaluation.registers false program parts parts.ParameterArray parts.BufferArrays

            let last =
                program.Steps
                |> Array.findIndexBack (function
                    | Step.Compute _ -> true
                    | _ -> false)

            match box (Array.last program.Nodes) with
            | :? IMerges as merging ->
                merging.Continue(next, Array.last parts.BufferArrays, registers[program.LeafCount + last])
                |> Node.outOfReach next
            | _ -> invalidOp $"{value} ends with no node that becomes one with others.")

    /// Parts for `longer`, which is `value >>> more`, when the last node of the value has merged with the first node of `more`: the
    /// parameters stay, and the merged node goes on from the present buffers. None when the nodes do not merge.
    let tryContinue (longer: Parametrization) (more: Parametrization) (value: Parametrization) (parts: Parts) =
        let count = value.Program.Nodes.Length + more.Program.Nodes.Length

        if longer.Program.Nodes.Length = count then
            None
        else
            Program.forms longer.Program (Parametrization.form value parts)
            |> Result.bind (fun _ -> carried value more.Program.Nodes[0] parts)
            |> Result.bind (fun row ->
                let before = parts.BufferArrays[.. parts.BufferArrays.Length - 2]
                let grown = new Parts(parts.Shape, parts.ParameterArray, Array.append before [| row |])

                if longer.Program.Nodes.Length = grown.BufferArrays.Length then
                    Ok grown
                else
                    use tensor = Tensors.detached Seq.singleton (fun () -> Parametrization.forward value parts)

                    let extended = Accepting.extend longer grown tensor
                    row |> Array.iter _.Dispose()
                    extended)
            |> Some
