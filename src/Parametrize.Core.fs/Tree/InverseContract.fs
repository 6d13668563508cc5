namespace Parametrize

open TorchSharp

/// Checks the answers of users' nodes: whether they contain a tensor, and the parts from which they yield it.
[<RequireQualifiedAccess>]
module internal InverseContract =

    let private number (value: float) : string = value.ToString("g3", System.Globalization.CultureInfo.InvariantCulture)

    /// What a node does when it finds the parts of a tensor, for errors.
    let pulling (tensor: torch.Tensor) : string = $"Invert (RightInverse in C#) of {Form.ofTensor tensor}"

    let private copies (tensors: torch.Tensor[]) : torch.Tensor[] = tensors |> Array.map _.clone()

    let private fault (node: Node) (inputs: Form list) (tensor: torch.Tensor) (parts: NodeParts) =
        let numbers (inputs: int) (buffers: int) = $"{inputs} inputs and {buffers} buffers"

        let count (tensors: torch.Tensor[]) = if isNull (box tensors) then 0 else tensors.Length

        let isElsewhere (part: torch.Tensor) =
            (part.device_type, part.device_index) <> (tensor.device_type, tensor.device_index)

        let isOther (what: string) (form: Form, part: torch.Tensor) =
            if form.Dtype <> part.dtype then
                Some($"{what} of {form.Dtype}", string (Form.ofTensor part))
            elif form.Shape <> part.shape then
                Some($"{what} of shape {Form.Shown form.Shape}", string (Form.ofTensor part))
            else
                None

        let output = Form.ofTensor tensor

        let ofPyTorch =
            match box node with
            | :? ICarriesLess as node -> node.PyTorchForms output
            | _ -> []

        let isOtherBuffer (place: int, (buffer: Buffer, part: torch.Tensor)) =
            if List.tryItem place ofPyTorch = Some(Form.ofTensor part) then
                None
            else
                isOther $"a buffer {buffer.Name}" (buffer.FormFor output, part)

        if isNull (box parts) then
            Some("parts", "null")
        else
            let expected, found = (inputs.Length, node.Buffers.Length), (count parts.Inputs, count parts.Buffers)

            if expected <> found then
                Some(numbers <|| expected, numbers <|| found)
            else
                let all = Array.append parts.Inputs parts.Buffers

                match Array.tryPick Breach.unfit all with
                | Some found -> Some("tensors", found)
                | None ->
                    match Array.tryFind isElsewhere all with
                    | Some part -> Some($"tensors on {tensor.device}", $"one on {part.device}")
                    | None ->
                        Seq.zip inputs parts.Inputs
                        |> Seq.tryPick (isOther "an input")
                        |> Option.orElseWith (fun () ->
                            Seq.zip node.Buffers parts.Buffers |> Seq.indexed |> Seq.tryPick isOtherBuffer)

    let private forward (node: Node) (inputs: torch.Tensor[]) (buffers: torch.Tensor[]) : torch.Tensor =
        Contract.computed node inputs (fun () -> node.Forward(inputs, buffers))

    /// The roundoff of the element type in which a node computes, which for 16-bit floats is that of float32.
    let private working (epsilon: float) : float = min epsilon (Form.epsilon torch.ScalarType.Float32)

    let private orZero (limit: float) : float = if System.Double.IsNaN limit then 0.0 else limit

    /// How far the rounding of the inputs alone moves the output: after a shift by 1, a tiny tensor is mostly rounding noise.
    let private rounding (node: Node) (epsilon: float) (parts: NodeParts) (made: torch.Tensor) : float =
        let isRounded (input: torch.Tensor) = input.is_floating_point () || input.is_complex ()

        let nudged (input: torch.Tensor) =
            if isRounded input then
                input * (1.0 + 4.0 * working epsilon).AsScalar()
            else
                input

        let moved = Tensors.distance made (forward node (Array.map nudged parts.Inputs) (copies parts.Buffers))
        let largest = parts.Inputs |> Seq.filter isRounded |> Seq.map Tensors.largest |> Seq.fold max 0.0
        orZero (min (16.0 * moved) (64.0 * working epsilon * largest))

    /// How much of the image may be rounding noise, estimated by changing each entry of the tensor by a few units of roundoff.
    let private noiseOf (epsilon: float) (image: torch.Tensor -> torch.Tensor) (tensor: torch.Tensor) () : float =
        let entries = Tensors.range 0L (tensor.numel ()) torch.ScalarType.Float64 tensor.device
        // Each entry is perturbed differently: a linear map would hide a common change.
        let nudges = (entries * 12.9898.AsScalar()).sin().reshape(tensor.shape)

        let nudged =
            tensor * (nudges * (4.0 * working epsilon).AsScalar() .+ 1.0.AsScalar()).``to`` tensor.dtype

        let moved = Tensors.distance (image tensor) (image nudged)
        orZero (16.0 * min moved (working epsilon * Tensors.largest tensor))

    /// The output of the node for parts that it has found. The node must not change these parts.
    let private made (node: Node) (doing: string) (form: Form) (parts: NodeParts) : torch.Tensor =
        let inputs = copies parts.Inputs
        let result = forward node inputs (copies parts.Buffers) |> Breach.ofForm node doing form

        let isSame (left: torch.Tensor) (right: torch.Tensor) =
            left.shape = right.shape && left.eq(right).all().item<bool>()

        for part in Seq.append [ result ] (Seq.append parts.Inputs parts.Buffers) do
            Breach.finite node doing part |> ignore

        if not (Array.forall2 isSame inputs parts.Inputs) then
            Breach.throw node "Forward" "that it leaves its inputs as they are" "others"

        result

    /// Returns the parts if the node yields the tensor from them, up to rounding and to this noise; else throws. The parts
    /// replace the parameter of a user, so the map must give the tensor again.
    let private yielding (node: Node) epsilon (noise: unit -> float) (tensor: torch.Tensor) (parts: NodeParts) =
        use _ = torch.no_grad ()
        let doing = pulling tensor
        let result = made node doing (Form.ofTensor tensor) parts
        let limit = (16.0 * epsilon + 256.0 * working epsilon) * Tensors.largest tensor
        let distance = Tensors.distance result tensor

        if not (distance <= limit) && not (distance <= limit + rounding node epsilon parts result + noise ()) then
            let again = made node doing (Form.ofTensor tensor) parts

            match Tensors.distance again result with
            | 0.0 ->
                Breach.throw
                    node
                    doing
                    $"a right inverse, from which it yields that tensor up to {number limit}"
                    $"{number distance}"
            | apart ->
                Breach.throw node "Forward" "one tensor, whenever it is computed" $"two that are {number apart} apart"

        parts

    let private inverted
        (node: Node)
        (inputs: Form list)
        (present: torch.Tensor[])
        (tensor: torch.Tensor)
        epsilon
        want
        =
        Breach.running node (pulling tensor) (fun () -> node.Invert(copies present, tensor.clone (), epsilon, want))
        |> Result.map (fun parts ->
            match fault node inputs tensor parts with
            | None -> parts
            | Some(expected, found) -> Breach.throw node (pulling tensor) expected found)

    /// `forward` also checks that gradients pass, if they are wanted.
    let private passingGradients (node: Node) (parts: NodeParts) : NodeParts =
        use _ = torch.enable_grad ()
        use _scope = torch.NewDisposeScope()
        let inputs = copies parts.Inputs

        for input in inputs do
            if input.is_floating_point () || input.is_complex () then
                input.requires_grad <- true

        forward node inputs (copies parts.Buffers) |> ignore
        parts

    /// The parts that a node of the library finds. Other tensors are disposed at once: for a large tensor they take many times
    /// its memory.
    let private invertedByLibrary (node: Node) (present: torch.Tensor[]) (tensor: torch.Tensor) epsilon want =
        use scope = torch.NewDisposeScope()

        let kept (tensors: torch.Tensor[]) =
            for one in tensors do
                if scope.Contains one then
                    scope.MoveToOuter one |> ignore

        node.Invert(present, tensor, epsilon, want)
        |> Result.map (fun parts ->
            kept parts.Inputs
            kept parts.Buffers
            parts)

    /// Parts that satisfy the contract: for a tensor that the node contains, they yield it; for any other tensor, they yield one
    /// that the node contains.
    let found (node: Node) (inputs: Form list) (present: torch.Tensor[]) (tensor: torch.Tensor) epsilon (want: Want) =
        if not (Breach.isUsers node) then
            invertedByLibrary node present tensor epsilon want
        elif not node.HasRightInverse then
            inverted node inputs present tensor epsilon want |> Result.map (passingGradients node)
        elif want = Want.Exact then
            inverted node inputs present tensor epsilon want
            |> Result.map (yielding node epsilon (fun () -> 0.0) tensor >> passingGradients node)
        else
            use _ = torch.no_grad ()
            let doing = pulling tensor

            let image (tensor: torch.Tensor) =
                match inverted node inputs present tensor epsilon want with
                | Ok parts -> made node doing (Form.ofTensor tensor) parts
                | Error reason -> Breach.throw node doing "parts" reason

            inverted node inputs present tensor epsilon want
            |> Result.map (fun parts ->
                let nearest = made node doing (Form.ofTensor tensor) parts

                inverted node inputs parts.Buffers nearest epsilon Want.Exact
                |> Result.map (yielding node epsilon (noiseOf epsilon image tensor) nearest)
                |> ignore

                passingGradients node parts)

    /// Whether a node contains a tensor.
    let contains (node: Node) (present: torch.Tensor[]) (tensor: torch.Tensor) (epsilon: float) =
        if Breach.isUsers node then
            Breach.running node $"Contains (Distance in C#) of {Form.ofTensor tensor}" (fun () ->
                node.Contains(copies present, tensor.clone (), epsilon))
        else
            use _ = torch.NewDisposeScope()
            node.Contains(present, tensor, epsilon)

    /// The output, for rounded inputs, that is nearest to a tensor that the node refuses; None when the node finds no finite one.
    let nearest (node: Node) (inputs: Form list) (present: torch.Tensor[]) (tensor: torch.Tensor) epsilon rounded =
        use _ = torch.no_grad ()

        let parts =
            if Breach.isUsers node then
                inverted node inputs present tensor epsilon Want.Nearest
            else
                invertedByLibrary node present tensor epsilon Want.Nearest

        match parts with
        | Error _ -> None
        | Ok parts ->
            Some(forward node (Array.map rounded parts.Inputs) parts.Buffers)
            |> Option.filter (fun it -> Tensors.nonFinite it = 0L)

    /// What the node yields for its right inverse at a tensor that it contains; None when it finds none.
    let again (node: Node) (inputs: Form list) (present: torch.Tensor[]) (tensor: torch.Tensor) epsilon =
        if Breach.isUsers node then
            nearest node inputs present tensor epsilon id
        else
            node.Invert(present, tensor, epsilon, Want.Exact)
            |> Result.toOption
            |> Option.map (fun parts -> forward node parts.Inputs parts.Buffers)

    /// Throws InvalidOperationException unless the node has a right inverse at a tensor that it yields.
    let requireInverse (node: Node) (image: torch.Tensor -> torch.Tensor) (tensor: torch.Tensor) (made: torch.Tensor) =
        let epsilon = Form.epsilon tensor.dtype

        match node.Inputs(Form.ofTensor made) with
        | Error _ -> ()
        | Ok inputs ->
            inverted node inputs [||] made epsilon Want.Exact
            |> Result.map (yielding node epsilon (noiseOf epsilon image tensor) made)
            |> ignore

    /// How far rounding alone may move the image of a tensor from the tensor.
    let roundingAt (node: Node) (tensor: torch.Tensor) (epsilon: float) : float =
        match node.Invert([||], tensor, epsilon, Want.Exact) with
        | Error _ -> 0.0
        | Ok parts -> rounding node epsilon parts (forward node parts.Inputs parts.Buffers)
