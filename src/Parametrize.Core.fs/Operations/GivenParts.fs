namespace Parametrize

open TorchSharp

/// Checks tensors and parts that a caller gives for a value.
[<RequireQualifiedAccess>]
module internal GivenParts =

    /// The buffers of each node, given those of all nodes in the order of `bufferNames`.
    let rows (value: Parametrization) (buffers: torch.Tensor list) : torch.Tensor[][] =
        let takeRow (rest: torch.Tensor list) (node: Node) =
            rest |> List.splitAt node.Buffers.Length |> (fun (row, rest) -> List.toArray row, rest)

        value.Program.Nodes |> Array.mapFold takeRow buffers |> fst

    /// The tensors, each alive, as many as the value has. Throws ArgumentException.
    let counted (value: Parametrization) (parameters: torch.Tensor seq) (buffers: torch.Tensor seq) =
        let parameters, buffers = Seq.toArray parameters, Seq.toList buffers
        parameters |> Seq.iter (Form.requireAlive (nameof parameters))
        buffers |> Seq.iter (Form.requireAlive (nameof buffers))

        let expected, found =
            (value.Program.LeafCount, value.Program.BufferNames.Length), (parameters.Length, buffers.Length)

        if found <> expected then
            invalidArg "parameters" $"{value} has {expected} parameters and buffers, but {found} were given."

        struct (parameters, buffers)

    /// Throws ArgumentException unless tensors have the shapes that the value has for a tensor of this shape.
    let requireShapes (value: Parametrization) (shape: int64[]) (parameters: torch.Tensor[]) buffers : unit =
        let output = { Form.ofTensor (Array.last parameters) with Shape = shape }

        let require (argument: string) (what: string) (forms: Form list list) (names: string list) tensors =
            for at, (name, tensor: torch.Tensor) in List.indexed (List.zip names tensors) do
                if forms |> List.forall (fun forms -> forms[at].Shape <> tensor.shape) then
                    let expected = Form.Shown forms.Head[at].Shape

                    invalidArg
                        argument
                        $"The {what} `{name}` of {value} must have shape {expected} for a tensor of shape {Form.Shown shape}, but it has {Form.Shown tensor.shape}."

        match Program.forms value.Program output with
        // Tensors without data (on the meta device) are not checked.
        | Error(ParametrizationError.WrongDevice _) -> ()
        | Error error -> invalidArg (nameof parameters) error.Message
        | Ok forms ->
            let program = value.Program
            let leaves = List.ofArray forms[.. program.LeafCount - 1]
            require (nameof parameters) "parameter" [ leaves ] program.ParameterNames (List.ofArray parameters)
            let known = [ Program.bufferForms program forms; Program.pyTorchForms program forms ]
            require (nameof buffers) "buffer" known program.BufferNames buffers

    /// Throws ArgumentException for parts of a value with other parameters or buffers.
    let own (value: Parametrization) (parts: Parts) : Parts =
        let program, buffers = value.Program, parts.BufferArrays

        let isOwn =
            parts.ParameterArray.Length = program.LeafCount
            && buffers.Length = program.BufferCounts.Length
            && Array.forall2 (fun count (row: torch.Tensor[]) -> count = row.Length) program.BufferCounts buffers

        if not isOwn then
            invalidArg
                (nameof parts)
                $"The parts are of another value than {value}, which has {program.LeafCount} parameters and {Array.sum program.BufferCounts} buffers."

        parts
