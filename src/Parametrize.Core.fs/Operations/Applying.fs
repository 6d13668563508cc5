namespace Parametrize

open TorchSharp

/// Values as functions of one tensor.
[<RequireQualifiedAccess>]
module internal Applying =

    /// The forms of all registers, for a tensor whose form is known.
    let formsOf (value: Parametrization) (name: string) (form: Form option) : Form[] =
        let ofForm (form: Form) =
            match Program.forms value.Program form with
            | Ok forms -> forms
            | Error error -> invalidArg name error.Message

        match form with
        | Some form -> ofForm form
        | None ->
            invalidArg
                name
                $"{value} yields more than one shape for this tensor, so it cannot be applied to it. Use `forward` with parts."

    /// Parts with the tensor as the only part.
    let partsOf (value: Parametrization) (x: torch.Tensor) : Parts =
        Form.requireAlive (nameof x) x
        let parameters, buffers = value.Program.LeafCount, value.Program.BufferNames.Length

        if parameters <> 1 || buffers > 0 then
            invalidArg
                (nameof value)
                $"Only a value of one parameter and no buffers maps a tensor, but {value} has {parameters} parameters and {buffers} buffers. Use `forward` with parts."

        // `Program.output` fails for a value that cannot yield a single number, so the form is checked before.
        if x.dim () = 0L then
            formsOf value (nameof x) (Some(Form.ofTensor x)) |> ignore

        let form = Program.output value.Program [ Form.ofTensor x ]
        let forms = formsOf value (nameof x) form

        if forms[0].Shape <> x.shape then
            invalidArg
                (nameof x)
                $"{value} reads a tensor of shape {Form.Shown forms[0].Shape} to yield {Form.Shown forms[value.Program.Result].Shape}, but the tensor has shape {Form.Shown x.shape}."

        new Parts(forms[value.Program.Result].Shape, [| x |], value.Program.Nodes |> Array.map (fun _ -> [||]))

    /// Why the only parameter that yields a tensor cannot be found.
    let whyNotUndone (value: Parametrization) : string option =
        if value.Program.LeafCount <> 1 then
            Some $"it has {value.Program.LeafCount} parameters."
        elif not value.Program.BufferNames.IsEmpty then
            Some "it carries buffers."
        else
            Undoing.obstacle value.Program
            |> Option.map (fun node -> $"{node} is not known to yield each tensor from one parameter only.")
