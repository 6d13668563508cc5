namespace Parametrize

open System.Runtime.InteropServices
open TorchSharp

/// Checks the contract of users' nodes at each call, since values rely on it. The nodes of the library are called without checks:
/// tests of laws hold for them.
[<RequireQualifiedAccess>]
module internal Contract =

    /// Whether the node is a user's.
    let isUsers (node: Node) : bool = not (obj.ReferenceEquals(node.GetType().Assembly, typeof<Node>.Assembly))

    let private number (value: float) : string = value.ToString("g3", System.Globalization.CultureInfo.InvariantCulture)

    /// Throws InvalidOperationException.
    let breach (node: Node) (doing: string) (expected: string) (found: string) : 'a =
        invalidOp $"{Node.text node} breaks its contract in {doing}. Expected: {expected}; found: {found}."

    /// Adds the name of the node to an error of libtorch.
    let private running (node: Node) (doing: string) (work: unit -> 'a) : 'a =
        try
            work ()
        with :? ExternalException as error ->
            let reason = error.Message.Split('\n')[0]
            raise (System.InvalidOperationException($"{Node.text node} fails in {doing}: {reason}", error))

    /// The faults that no tensor of a node may have.
    let private unfit (tensor: torch.Tensor) : string option =
        if isNull (box tensor) then Some "null"
        elif tensor.IsInvalid then Some "a disposed tensor"
        elif tensor.is_sparse then Some "a sparse tensor"
        else None

    /// Tensors that one function of a node returns for another function.
    let usable (node: Node) (doing: string) (tensors: torch.Tensor[]) : torch.Tensor[] =
        if isNull (box tensors) then
            breach node doing "tensors" "null"

        match Array.tryPick unfit tensors with
        | Some found -> breach node doing "a tensor" found
        | None -> tensors

    let private pulling (tensor: torch.Tensor) : string = $"Invert (RightInverse in C#) of {Form.ofTensor tensor}"

    let private copies (tensors: torch.Tensor[]) : torch.Tensor[] = tensors |> Array.map _.clone()

    let private ofForm (node: Node) (doing: string) (expected: Form) (tensor: torch.Tensor) : torch.Tensor =
        match unfit tensor with
        | Some found -> breach node doing (string expected) found
        | None when Form.ofTensor tensor <> expected ->
            breach node doing (string expected) (string (Form.ofTensor tensor))
        | None -> tensor

    let private finite (node: Node) (doing: string) (tensor: torch.Tensor) : torch.Tensor =
        if Tensors.nonFinite tensor > 0L then
            invalidOp
                $"{Node.text node} makes NaN or infinite numbers in {doing}. Where a tensor is not allowed, `Nearest` has to give one that is; its default in C#, the image of the right inverse, may not."

        tensor

    /// A constant of the node that the element type of the computation cannot represent.
    let private missing (node: Node) (output: Form) : float option =
        let dtype = (Form.widened output).Dtype
        let isBeyond (number: float) = System.Double.IsFinite number && abs number > Form.greatest dtype

        match box node with
        | :? IHoldsNumbers as holding ->
            List.append
                (List.filter isBeyond (holding.Offsets @ holding.Factors))
                (holding.Factors |> List.filter (fun factor -> abs factor < Form.smallest dtype))
            |> List.tryHead
        | _ -> None

    /// The forms of the inputs of a node. `isLast`: the entries of its output are those of the whole value; `isFirst`: it reads
    /// parameters.
    let inputs (node: Node) (output: Form) (isLast: bool) (isFirst: bool) : Result<Form list, ParametrizationError> =
        node.Inputs output
        |> Result.bind (fun forms ->
            if forms.Length <> Node.arity node then
                breach node "Inputs (InputShapes in C#)" $"{Node.arity node} inputs" $"forms of {forms.Length}"

            let needs (numbers: string) =
                let expected = $"an element type that has {numbers}"
                Error(ParametrizationError.WrongDtype(Node.text node, expected, string output.Dtype))

            let least =
                match box node with
                | :? IReaches as reaching when isLast -> reaching.Least(output, isFirst)
                | _ -> 0.0

            match missing node output with
            | Some number -> needs $"the number {FSharpText.float number}"
            | None when least > Form.greatest output.Dtype -> needs $"numbers as large as {FSharpText.float least}"
            | None -> Ok forms)

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

                match Array.tryPick unfit all with
                | Some found -> Some("tensors", found)
                | None ->
                    match Array.tryFind isElsewhere all with
                    | Some part -> Some($"tensors on {tensor.device}", $"one on {part.device}")
                    | None ->
                        Seq.zip inputs parts.Inputs
                        |> Seq.tryPick (isOther "an input")
                        |> Option.orElseWith (fun () ->
                            Seq.zip node.Buffers parts.Buffers |> Seq.indexed |> Seq.tryPick isOtherBuffer)

    let private isTrained (tensor: torch.Tensor) : bool = tensor.requires_grad

    /// Throws for the first node of a user that adds noise: it has yielded another shape in training. Nothing where there is none.
    let breachInTraining (nodes: Node[]) (expected: int64[]) (found: torch.Tensor) : unit =
        match nodes |> Array.tryFind (fun node -> isUsers node && box node :? INoisy) with
        | Some node ->
            breach
                node
                "ForwardInTraining"
                $"a tensor of shape {Form.Shown expected}"
                $"one of {Form.Shown found.shape}"
        | None -> ()

    /// What a node of a user yields when it is undone.
    let undone (node: Node) (undo: torch.Tensor -> torch.Tensor) (tensor: torch.Tensor) : torch.Tensor =
        if isUsers node then
            (usable node "undoing" [| running node "undoing" (fun () -> undo tensor) |])[0]
        else
            undo tensor

    /// The output of a node. The caller checks its form when a tensor is registered.
    let computed (node: Node) (inputs: torch.Tensor[]) (compute: unit -> torch.Tensor) : torch.Tensor =
        if isUsers node then
            let result = running node "Forward" compute

            match unfit result with
            | Some found -> breach node "Forward" "a tensor" found
            | None when result.device_type <> inputs[0].device_type ->
                breach node "Forward" $"a tensor on {inputs[0].device}" $"one on {result.device}"
            // Of several inputs, one may be real while the others are complex.
            | None when inputs.Length = 1 && result.dtype <> inputs[0].dtype ->
                breach node "Forward" $"a tensor of {inputs[0].dtype}" $"one of {result.dtype}"
            // Training would never change the parameters, without an error.
            | None when torch.is_grad_enabled () && Array.exists isTrained inputs && not result.requires_grad ->
                breach
                    node
                    "Forward"
                    "a tensor through which gradients reach what it is computed from"
                    "one that was detached, or computed under no_grad"
            | None -> result
        else
            compute ()

    let private forward (node: Node) (inputs: torch.Tensor[]) (buffers: torch.Tensor[]) : torch.Tensor =
        computed node inputs (fun () -> node.Forward(inputs, buffers))

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
        let entries =
            torch.arange ((tensor.numel ()).AsScalar(), dtype = torch.ScalarType.Float64, device = tensor.device)
        // Each entry is perturbed differently: a linear map would hide a common change.
        let nudges = (entries * 12.9898.AsScalar()).sin().reshape(tensor.shape)
        let nudged = tensor * (nudges * (4.0 * working epsilon).AsScalar() + 1.0.AsScalar()).``to`` tensor.dtype
        let moved = Tensors.distance (image tensor) (image nudged)
        orZero (16.0 * min moved (working epsilon * Tensors.largest tensor))

    /// The output of the node for parts that it has found. The node must not change these parts.
    let private made (node: Node) (doing: string) (form: Form) (parts: NodeParts) : torch.Tensor =
        let inputs = copies parts.Inputs
        let result = forward node inputs (copies parts.Buffers) |> ofForm node doing form

        let isSame (left: torch.Tensor) (right: torch.Tensor) =
            left.shape = right.shape && left.eq(right).all().item<bool>()

        for part in Seq.append [ result ] (Seq.append parts.Inputs parts.Buffers) do
            finite node doing part |> ignore

        if not (Array.forall2 isSame inputs parts.Inputs) then
            breach node "Forward" "that it leaves its inputs as they are" "others"

        result

    /// The parts, if the node yields the tensor from them, up to rounding and to this noise. They are written over a user's
    /// parameter, so the map must give the tensor again.
    let private yielding (node: Node) epsilon (noise: unit -> float) (tensor: torch.Tensor) (parts: NodeParts) =
        use _ = torch.no_grad ()
        let doing = pulling tensor
        let result = made node doing (Form.ofTensor tensor) parts
        let limit = (16.0 * epsilon + 256.0 * working epsilon) * Tensors.largest tensor
        let distance = Tensors.distance result tensor

        if not (distance <= limit) && not (distance <= limit + rounding node epsilon parts result + noise ()) then
            breach
                node
                doing
                $"a right inverse, from which it yields that tensor up to {number limit}"
                $"{number distance}"

        parts

    let private inverted
        (node: Node)
        (inputs: Form list)
        (present: torch.Tensor[])
        (tensor: torch.Tensor)
        epsilon
        want
        =
        running node (pulling tensor) (fun () -> node.Invert(copies present, tensor.clone (), epsilon, want))
        |> Result.map (fun parts ->
            match fault node inputs tensor parts with
            | None -> parts
            | Some(expected, found) -> breach node (pulling tensor) expected found)

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

    /// Parts that satisfy the contract: for a tensor that the node contains, they yield it; for any other tensor, they yield one
    /// that the node contains.
    let found (node: Node) (inputs: Form list) (present: torch.Tensor[]) (tensor: torch.Tensor) epsilon (want: Want) =
        if not (isUsers node) then
            node.Invert(present, tensor, epsilon, want)
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
                | Error reason -> breach node doing "parts" reason

            inverted node inputs present tensor epsilon want
            |> Result.map (fun parts ->
                let nearest = made node doing (Form.ofTensor tensor) parts

                inverted node inputs parts.Buffers nearest epsilon Want.Exact
                |> Result.map (yielding node epsilon (noiseOf epsilon image tensor) nearest)
                |> ignore

                passingGradients node parts)

    /// Whether a node contains a tensor.
    let contains (node: Node) (present: torch.Tensor[]) (tensor: torch.Tensor) (epsilon: float) =
        if isUsers node then
            running node $"Contains (Distance in C#) of {Form.ofTensor tensor}" (fun () ->
                node.Contains(copies present, tensor.clone (), epsilon))
        else
            node.Contains(present, tensor, epsilon)

    /// The output, for rounded inputs, that is nearest to a tensor that the node refuses; None when the node finds no finite one.
    let nearest (node: Node) (inputs: Form list) (present: torch.Tensor[]) (tensor: torch.Tensor) epsilon rounded =
        use _ = torch.no_grad ()

        let parts =
            if isUsers node then
                inverted node inputs present tensor epsilon Want.Nearest
            else
                node.Invert(present, tensor, epsilon, Want.Nearest)

        match parts with
        | Error _ -> None
        | Ok parts ->
            Some(forward node (Array.map rounded parts.Inputs) parts.Buffers)
            |> Option.filter (fun it -> Tensors.nonFinite it = 0L)

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

    /// Buffers of the same number and forms as before.
    let learnt (node: Node) (before: torch.Tensor[]) (advance: unit -> torch.Tensor[]) : torch.Tensor[] =
        if isUsers node then
            let after = running node "Advance" advance

            if isNull (box after) || after.Length <> before.Length then
                breach
                    node
                    "Advance"
                    $"{before.Length} buffers"
                    (if isNull (box after) then "null" else string after.Length)

            Array.map2 (fun (old: torch.Tensor) -> ofForm node "Advance" (Form.ofTensor old)) before after
        else
            advance ()

    /// Real numbers, or null.
    let slopes (node: Node) (compute: unit -> torch.Tensor | null) : torch.Tensor | null =
        if isUsers node then
            let doing = "Slopes"

            match running node doing compute with
            | null -> null
            | slopes when slopes.IsInvalid || not (slopes.is_floating_point ()) ->
                breach node doing "a tensor of real numbers" (unfit slopes |> Option.defaultValue "another")
            | slopes -> slopes
        else
            compute ()

    /// Real numbers in a shape with which that of the result begins, or one.
    let volume (node: Node) (output: int64[]) (compute: unit -> torch.Tensor) : torch.Tensor =
        if isUsers node then
            let doing = "LogVolume"

            let expected =
                $"one real number for each problem, in a shape with which {Form.Shown output} begins, or one for all"

            let numbers = running node doing compute

            match unfit numbers with
            | Some found -> breach node doing expected found
            | None when not (numbers.is_floating_point ()) ->
                breach node doing expected (string (Form.ofTensor numbers))
            | None when numbers.shape = Array.truncate numbers.shape.Length output -> numbers
            | None when numbers.numel () = 1L -> numbers.reshape ([||]: int64[])
            | None -> breach node doing expected (string (Form.ofTensor numbers))
        else
            compute ()

    /// Real numbers, one for each matrix of a batch; or null.
    let logAbsDet (node: Node) (batch: int64[]) (compute: unit -> torch.Tensor | null) : torch.Tensor | null =
        if isUsers node then
            let doing = "LogAbsDet"

            match running node doing compute with
            | null -> null
            | numbers ->
                let expected = $"real numbers of shape {Form.Shown batch}"

                match unfit numbers with
                | Some found -> breach node doing expected found
                | None when not (numbers.is_floating_point ()) || numbers.shape <> batch ->
                    breach node doing expected (string (Form.ofTensor numbers))
                | None -> numbers
        else
            compute ()

    /// A random tensor of that form.
    let sampled (node: Node) (form: Form) (sample: unit -> torch.Tensor) : torch.Tensor =
        if isUsers node then
            let doing = $"Sample of {form}"
            running node doing sample |> ofForm node doing form |> finite node doing
        else
            sample ()
