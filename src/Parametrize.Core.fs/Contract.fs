namespace Parametrize

open System.Runtime.InteropServices
open TorchSharp

/// What a link of a user's own has to keep, since the chain builds on it, and how its functions are called. The library's
/// own links are called as they are: laws hold for them.
[<RequireQualifiedAccess>]
module internal Contract =

    /// Whether the library has not made it.
    let private isForeign (link: Link) = not (obj.ReferenceEquals(link.GetType().Assembly, typeof<Link>.Assembly))

    let private number (value: float) = value.ToString("g3", System.Globalization.CultureInfo.InvariantCulture)

    /// Throws InvalidOperationException.
    let breach (link: Link) (doing: string) (expected: string) (found: string) : 'a =
        invalidOp $"{link.Code} breaks its contract in {doing}. Expected: {expected}; found: {found}."

    let private notFinite (link: Link) (doing: string) =
        invalidOp
            $"{link.Code} makes NaN or infinite numbers in {doing}. Where a tensor is not allowed, a link's `Nearest` has to give one that is; its default in C#, the image of the right inverse, may not."

    /// An error of libtorch names no link, so that it is named here.
    let private running (link: Link) (doing: string) (work: unit -> 'a) : 'a =
        try
            work ()
        with :? ExternalException as error ->
            let reason = error.Message.Split('\n')[0]
            raise (System.InvalidOperationException($"{link.Code} fails in {doing}: {reason}", error))

    /// What no tensor of a link may be.
    let private unfit (tensor: torch.Tensor) : string option =
        if isNull (box tensor) then Some "null"
        elif tensor.IsInvalid then Some "a disposed tensor"
        elif tensor.is_sparse then Some "a sparse tensor"
        else None

    let private pulling (tensor: torch.Tensor) = $"pulling back {Form.ofTensor tensor}"

    let private copies (tensors: torch.Tensor[]) : torch.Tensor[] = tensors |> Array.map _.clone()

    let private ofForm (link: Link) (doing: string) (expected: Form) (tensor: torch.Tensor) : torch.Tensor =
        match unfit tensor with
        | Some found -> breach link doing (string expected) found
        | None when Form.ofTensor tensor <> expected ->
            breach link doing (string expected) (string (Form.ofTensor tensor))
        | None -> tensor

    let private finite (link: Link) (doing: string) (tensor: torch.Tensor) : torch.Tensor =
        if Tensors.nonFinite tensor > 0L then notFinite link doing else tensor

    /// What was expected and what was found where the code of a user's link is wrong: it inverts a tensor into something
    /// else than it reads, or than the link before it yields.
    let private fault (before: Link option) (link: Link) (tensor: torch.Tensor) (parts: LinkParts) =
        let numbers (inputs: int) (buffers: int) = $"{inputs} inputs and {buffers} buffers"

        let count (tensors: torch.Tensor[]) = if isNull (box tensors) then 0 else tensors.Length

        let isElsewhere (part: torch.Tensor) =
            (part.device_type, part.device_index) <> (tensor.device_type, tensor.device_index)

        if isNull (box parts) then
            Some("parts", "null")
        else
            let expected, found =
                (link.InputCount, link.BufferNames.Length), (count parts.Inputs, count parts.Buffers)

            if expected <> found then
                Some(numbers <|| expected, numbers <|| found)
            else
                match Seq.append parts.Inputs parts.Buffers |> Seq.tryPick unfit with
                | Some found -> Some("tensors", found)
                | None ->
                    let input = Form.ofTensor parts.Inputs[0]
                    let stray = Seq.append parts.Inputs parts.Buffers |> Seq.tryFind isElsewhere

                    match stray, before with
                    | Some part, _ -> Some($"tensors on {tensor.device}", $"one on {part.device}")
                    // Several may differ: the magnitudes of complex numbers are real.
                    | None, _ when fst found = 1 && input.Dtype <> tensor.dtype ->
                        Some($"an input of {tensor.dtype}", string input)
                    | None, Some neighbour ->
                        match Form.check neighbour.Code neighbour.Requirement input, neighbour.Expects input with
                        | Error error, _ -> Some(error.Message, string input)
                        | Ok(), Some shape -> Some($"{shape} from {neighbour.Code}", string input)
                        | Ok(), None -> None
                    | None, None -> None

    /// The parts, when they are what the link's contract says. Throws InvalidOperationException naming the link.
    let sound (before: Link option) (link: Link) (tensor: torch.Tensor) (parts: LinkParts) : LinkParts =
        match fault before link tensor parts with
        | None -> parts
        | Some(expected, found) -> breach link (pulling tensor) expected found

    /// The constrained tensor. Its form is known to whoever registers it.
    let forward (link: Link) (inputs: torch.Tensor[]) (buffers: torch.Tensor[]) : torch.Tensor =
        if isForeign link then
            let result = running link "computing" (fun () -> link.Forward(inputs, buffers))

            match unfit result with
            | Some found -> breach link "computing" "a tensor" found
            | None when result.device_type <> inputs[0].device_type ->
                breach link "computing" $"a tensor on {inputs[0].device}" $"one on {result.device}"
            // Of several, one may be real where the others are complex.
            | None when inputs.Length = 1 && result.dtype <> inputs[0].dtype ->
                breach link "computing" $"a tensor of {inputs[0].dtype}" $"one of {result.dtype}"
            | None -> result
        else
            link.Forward(inputs, buffers)

    /// The roundoff of the element type in which a link computes, which for 16-bit floats is that of float32.
    let private working (epsilon: float) : float = min epsilon (Form.epsilon torch.ScalarType.Float32)

    /// How far the rounding of the inputs alone moves what the link yields: a shift by 1 leaves little of a tiny tensor.
    let private rounding (link: Link) (epsilon: float) (parts: LinkParts) (made: torch.Tensor) : float =
        let isRounded (input: torch.Tensor) = input.is_floating_point () || input.is_complex ()

        let nudged (input: torch.Tensor) = if isRounded input then input * (1.0 + 4.0 * working epsilon) else input

        let moved = Tensors.distance made (forward link (Array.map nudged parts.Inputs) (copies parts.Buffers))

        let largest = parts.Inputs |> Seq.filter isRounded |> Seq.map Tensors.largest |> Seq.fold max 0.0
        let limit = min (16.0 * moved) (64.0 * working epsilon * largest)
        if System.Double.IsNaN limit then 0.0 else limit

    /// What is left of a tensor that the link maps to zero is rounding: so much of the image may be noise.
    let private noiseOf (epsilon: float) (image: torch.Tensor -> torch.Tensor) (tensor: torch.Tensor) () : float =
        let entries = torch.arange (tensor.numel (), dtype = torch.ScalarType.Float64, device = tensor.device)
        // Each entry another way, for a map may be linear.
        let nudges = (entries * 12.9898).sin().reshape(tensor.shape)
        let nudged = tensor * (nudges * (4.0 * working epsilon) + 1.0).``to`` tensor.dtype
        let moved = Tensors.distance (image tensor) (image nudged)
        let limit = 16.0 * min moved (working epsilon * Tensors.largest tensor)
        if System.Double.IsNaN limit then 0.0 else limit

    /// The parts, when the link yields the tensor from them, up to rounding and to so much noise: what is written over a
    /// user's parameter must be undone by the map.
    let private yielding
        (link: Link)
        (epsilon: float)
        (noise: unit -> float)
        (tensor: torch.Tensor)
        (parts: LinkParts)
        =
        use _ = torch.no_grad ()
        let doing = pulling tensor
        let inputs = copies parts.Inputs
        let made = forward link inputs (copies parts.Buffers) |> ofForm link doing (Form.ofTensor tensor)

        let isSame (left: torch.Tensor) (right: torch.Tensor) =
            left.shape = right.shape && left.eq(right).all().item<bool>()

        for part in Seq.append [ made ] (Seq.append parts.Inputs parts.Buffers) do
            finite link doing part |> ignore

        if not (Array.forall2 isSame inputs parts.Inputs) then
            breach link "computing" "that it leaves its inputs as they are" "others"

        let relative = 16.0 * epsilon + 256.0 * working epsilon
        let limit, distance = relative * Tensors.largest tensor, Tensors.distance made tensor

        if not (distance <= limit) && not (distance <= limit + rounding link epsilon parts made + noise ()) then
            breach
                link
                doing
                $"a right inverse, from which it yields that tensor up to {number limit}"
                $"{number distance}"

        parts

    /// Whether the link can yield the tensor.
    let contains (link: Link) (present: torch.Tensor[]) (tensor: torch.Tensor) (epsilon: float) =
        if isForeign link then
            running link $"looking at {Form.ofTensor tensor}" (fun () ->
                link.Contains(copies present, tensor.clone (), epsilon))
        else
            link.Contains(present, tensor, epsilon)

    let private inverted before (link: Link) noise (present: torch.Tensor[]) (tensor: torch.Tensor) epsilon =
        running link (pulling tensor) (fun () -> link.RightInverse(copies present, tensor.clone (), epsilon))
        |> Result.map (sound before link tensor >> yielding link epsilon noise tensor)

    /// Sound parts from which the link yields a tensor that it contains.
    let rightInverse
        (before: Link option)
        (link: Link)
        (present: torch.Tensor[])
        (tensor: torch.Tensor)
        (epsilon: float)
        =
        if isForeign link then
            inverted before link (fun () -> 0.0) present tensor epsilon
        else
            link.RightInverse(present, tensor, epsilon) |> Result.map (sound before link tensor)

    /// The nearest tensor, of the same form and finite.
    let nearest (link: Link) (tensor: torch.Tensor) (epsilon: float) : torch.Tensor =
        if isForeign link then
            let doing = $"projecting {Form.ofTensor tensor}"

            running link doing (fun () -> link.Nearest(tensor.clone (), epsilon))
            |> ofForm link doing (Form.ofTensor tensor)
            |> finite link doing
        else
            link.Nearest(tensor, epsilon)

    /// Sound parts from which the link yields the nearest tensor.
    let approximate (before: Link option) (link: Link) (tensor: torch.Tensor) (epsilon: float) =
        if isForeign link then
            let project (tensor: torch.Tensor) = nearest link tensor epsilon
            let nearest = project tensor

            running link (pulling tensor) (fun () -> link.Approximate(tensor.clone (), epsilon))
            |> Result.map (sound before link tensor >> yielding link epsilon (noiseOf epsilon project tensor) nearest)
        else
            link.Approximate(tensor, epsilon) |> Result.map (sound before link tensor)

    /// The image of what the right inverse makes of any tensor; that of a link without buffers.
    let image (link: Link) (tensor: torch.Tensor) : torch.Tensor =
        match running link (pulling tensor) (fun () -> link.RightInverse([||], tensor, Form.epsilon tensor.dtype)) with
        | Error reason -> breach link (pulling tensor) "parts" reason
        | Ok parts ->
            forward link (sound None link tensor parts).Inputs [||]
            |> ofForm link (pulling tensor) (Form.ofTensor tensor)

    /// Throws InvalidOperationException unless the link has a right inverse at its image of the tensor.
    let requireInverse (link: Link) (tensor: torch.Tensor) (made: torch.Tensor) : unit =
        let epsilon = Form.epsilon tensor.dtype

        inverted None link (noiseOf epsilon (image link) tensor) [||] made epsilon |> ignore

    /// How far rounding alone may take the image of a tensor from it; of a link without buffers.
    let roundingAt (link: Link) (tensor: torch.Tensor) (epsilon: float) : float =
        match link.RightInverse([||], tensor, epsilon) with
        | Error _ -> 0.0
        | Ok parts -> rounding link epsilon parts (forward link (sound None link tensor parts).Inputs [||])

    /// A random tensor of that form.
    let sample (link: Link) (form: Form) (generator: torch.Generator | null) : torch.Tensor =
        if isForeign link then
            let doing = $"sampling {form}"

            running link doing (fun () -> link.Sample(form, generator))
            |> ofForm link doing form
            |> finite link doing
        else
            link.Sample(form, generator)

    /// Buffers of the same number and forms as before.
    let private alike (link: Link) (doing: string) (before: torch.Tensor[]) (after: torch.Tensor[]) : torch.Tensor[] =
        if isNull (box after) || after.Length <> before.Length then
            breach link doing $"{before.Length} buffers" (if isNull (box after) then "null" else string after.Length)

        Array.map2 (fun (old: torch.Tensor) -> ofForm link doing (Form.ofTensor old)) before after

    /// The buffers after one training step.
    let advance (link: Link) (inputs: torch.Tensor[]) (buffers: torch.Tensor[]) : torch.Tensor[] =
        if isForeign link then
            running link "learning" (fun () -> link.Advance(inputs, buffers)) |> alike link "learning" buffers
        else
            link.Advance(inputs, buffers)

    /// The nearest buffers that the link can carry.
    let mend (link: Link) (buffers: torch.Tensor[]) : torch.Tensor[] =
        if isForeign link then
            running link "mending" (fun () -> link.Mend buffers) |> alike link "mending" buffers
        else
            link.Mend buffers

    /// Whether the link stays in its space with these buffers.
    let canCarry (link: Link) (buffers: torch.Tensor[]) (epsilon: float) =
        if isForeign link then
            running link "looking at its buffers" (fun () -> link.CanCarry(copies buffers, epsilon))
        else
            link.CanCarry(buffers, epsilon)

    /// The result in the 16-bit element type of the caller.
    let narrow (link: Link) (tensor: torch.Tensor) (dtype: torch.ScalarType) : torch.Tensor =
        if isForeign link then
            running link "rounding" (fun () -> link.Narrow(tensor, dtype))
            |> ofForm link "rounding" { Form.ofTensor tensor with Dtype = dtype }
        else
            link.Narrow(tensor, dtype)
