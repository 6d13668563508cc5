namespace Parametrize

open TorchSharp

/// What is looked at before a tensor is computed with.
[<RequireQualifiedAccess>]
module internal Checks =

    /// What a tensor must be before its entries are looked at.
    let requirement (value: Parametrization) : Requirement =
        let both (left: Requirement) (right: Requirement) : Requirement =
            {
                Dimensions = max left.Dimensions right.Dimensions
                Square = left.Square || right.Square
                Complex = left.Complex && right.Complex
            }

        value.Links |> List.map _.Requirement |> List.fold both Requirement.entries

    /// Whether the value has tensors of that form.
    let form (value: Parametrization) (form: Form) : Result<unit, ParametrizationError> =
        let unexpected (link: Link) =
            link.Expects form
            |> Option.map (fun expected -> ParametrizationError.WrongShape(link.Code, expected, Form.Shown form.Shape))

        Form.check value.Code (requirement value) form
        |> Result.bind (fun () ->
            match List.tryPick unexpected value.Links with
            | Some error -> Error error
            | None -> Ok())

    /// The same for the form of a tensor, whose entries must be finite, too.
    let tensor (value: Parametrization) (tensor: torch.Tensor) : Result<unit, ParametrizationError> =
        form value (Form.ofTensor tensor)
        |> Result.bind (fun () ->
            match Tensors.nonFinite tensor with
            | 0L -> Ok()
            | count -> Error(ParametrizationError.NotFinite(value.Code, count)))

    /// The same for a tensor that has to be of the form of the present one.
    let against (value: Parametrization) (expected: Form) (given: torch.Tensor) : Result<unit, ParametrizationError> =
        let found = Form.ofTensor given

        if found.Shape <> expected.Shape then
            Error(
                ParametrizationError.WrongShape(
                    value.Code,
                    $"shape {Form.Shown expected.Shape}",
                    Form.Shown found.Shape
                )
            )
        elif found.Dtype <> expected.Dtype then
            Error(ParametrizationError.WrongDtype(value.Code, string expected.Dtype, string found.Dtype))
        elif found <> expected then
            Error(ParametrizationError.WrongDevice(value.Code, string expected.Device, string found.Device))
        else
            tensor value given
