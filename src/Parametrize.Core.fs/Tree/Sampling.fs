namespace Parametrize

open TorchSharp

/// Random tensors of a value, from those of its nodes.
[<RequireQualifiedAccess>]
module internal Sampling =

    /// The buffers of a node that chooses none of them by the tensor.
    let private buffersOf (node: Node) (form: Form) : torch.Tensor[] =
        if node.Buffers.IsEmpty then
            [||]
        else
            let zeros = torch.zeros (form.Shape, dtype = form.Dtype, device = form.Device)

            match node.Invert([||], zeros, Form.epsilon form.Dtype, Want.Nearest) with
            | Ok parts -> parts.Buffers
            | Error reason -> invalidOp $"{Node.text node}: {reason}"

    /// A random tensor for a register, to be projected later. The node draws it if it can draw from all that it yields here; else
    /// it is computed from random inputs; else it is normal.
    let rec private ofRegister (program: Program) (forms: Form[]) generator (register: int) : torch.Tensor =
        let ofRegister = ofRegister program forms generator

        if register < program.LeafCount then
            Form.normal generator forms[register]
        else
            match program.Steps[register - program.LeafCount] with
            | Step.Into(view, source, whole) ->
                View.input 0 view forms[Program.wholeOf program whole].Shape.Length (ofRegister source)
            | Step.OutOf(view, source) -> View.back view (fun () -> forms[register].Shape) (ofRegister source)
            | Step.Compute(node, sources, _, _) ->
                let spaces = program.Spaces.Value
                // Behind others a node may yield a part of its space only.
                let isWhole = (spaces[register] = node.Codomain [ for _ in sources -> Space.all ])

                match box node with
                | :? ISampled as sampled when isWhole || not node.Buffers.IsEmpty ->
                    Contract.sampled node forms[register] (fun () -> sampled.Sample(forms[register], generator))
                | :? ICombines -> node.Forward(Array.map ofRegister sources, buffersOf node forms[register])
                | _ when sources.Length = 1 && spaces[sources[0]] <> Space.all && node.Buffers.IsEmpty ->
                    node.Forward([| ofRegister sources[0] |], [||])
                // A sample of the input lies inside the spaces before the node; the projection of a normal tensor may lie on an
                // edge.
                | _ when sources.Length = 1 && forms[sources[0]] = forms[register] -> ofRegister sources[0]
                | _ -> Form.normal generator forms[register]

    /// Not projected yet, in float32 for 16-bit element types.
    let draw (program: Program) (form: Form) (generator: torch.Generator | null) : torch.Tensor =
        match Program.forms program (Form.widened form) with
        | Error error -> invalidArg (nameof form) error.Message
        | Ok forms -> Tensors.detached Seq.singleton (fun () -> ofRegister program forms generator program.Result)
