namespace Parametrize

open TorchSharp

/// What a link of a user's own has to keep, since the chain builds on it.
[<RequireQualifiedAccess>]
module internal Contract =

    /// What was expected and what was found where the code of a user's link is wrong: it inverts a tensor into something
    /// else than it reads, or than the link before it yields.
    let private fault (before: Link option) (link: Link) (tensor: torch.Tensor) (parts: LinkParts) =
        let numbers (inputs: int) (buffers: int) = $"{inputs} inputs and {buffers} buffers"

        let count (tensors: torch.Tensor[]) = if isNull (box tensors) then 0 else tensors.Length

        let expected, found =
            (link.InputCount, link.BufferNames.Length), (count parts.Inputs, count parts.Buffers)

        let isElsewhere (part: torch.Tensor) =
            (part.device_type, part.device_index) <> (tensor.device_type, tensor.device_index)

        if expected <> found then
            Some(numbers <|| expected, numbers <|| found)
        elif Seq.append parts.Inputs parts.Buffers |> Seq.exists (box >> isNull) then
            Some("tensors", "null")
        else
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
        | Some(expected, found) ->
            invalidOp
                $"{link.Code} breaks its contract in pulling back {Form.ofTensor tensor}. Expected: {expected}; found: {found}."
