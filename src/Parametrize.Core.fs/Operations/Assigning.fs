namespace Parametrize

open System
open TorchSharp

/// Finds the parts of a tensor, with the checks before and after.
[<RequireQualifiedAccess>]
module internal Assigning =

    /// The forms of all registers, for a tensor with which the value can compute: it has a form that the value can yield, and is
    /// finite.
    let checkedForms (value: Parametrization) (tensor: torch.Tensor) : Result<Form[], ParametrizationError> =
        Program.forms value.Program (Form.ofTensor tensor)
        |> Result.bind (fun forms ->
            match Form.layoutFault tensor with
            | Some(expected, found) -> Error(ParametrizationError.WrongDtype(string value, expected, found))
            | None ->
                match Tensors.nonFinite tensor with
                | 0L -> Ok forms
                | count -> Error(ParametrizationError.NotFinite(string value, count)))

    /// Like `checkedForms`, but also checks that the memory suffices for new parts: buffers can be much larger than the tensor.
    let affordableForms (value: Parametrization) (tensor: torch.Tensor) : Result<Form[], ParametrizationError> =
        checkedForms value tensor
        |> Result.bind (fun forms ->
            let parts = List.ofArray forms[.. value.Program.LeafCount - 1] @ Program.bufferForms value.Program forms

            // Parts are computed in float64.
            let bytes (part: Form) = Array.fold (fun size (length: int64) -> size * float length) 8.0 part.Shape

            let gigabytes (bytes: float) =
                (bytes / 1e9).ToString("#,0", Globalization.CultureInfo.InvariantCulture) + " GB"

            let wanted = List.sumBy bytes parts
            let present = float (GC.GetGCMemoryInfo().TotalAvailableMemoryBytes)

            if wanted <= present then
                Ok forms
            else
                let largest = List.maxBy bytes parts

                Error(
                    ParametrizationError.OutOfReach(
                        string value,
                        $"computing its parts takes {gigabytes wanted}, {gigabytes (bytes largest)} of it for one of shape "
                        + $"{Form.Shown largest.Shape}, but this process can have {gigabytes present}. "
                        + "Choose a value that carries less, such as one without a base."
                    )
                ))

    /// Like `checkedForms`, for a tensor that must have the form of the present one.
    let checkedAgainst
        (value: Parametrization)
        (parts: Parts)
        (tensor: torch.Tensor)
        : Result<Form[], ParametrizationError> =
        let expected, found = Evaluation.outputForm parts, Form.ofTensor tensor

        if found.Shape <> expected.Shape then
            Error(
                ParametrizationError.WrongShape(
                    string value,
                    $"shape {Form.Shown expected.Shape}",
                    Form.Shown found.Shape
                )
            )
        elif found.Dtype <> expected.Dtype then
            Error(ParametrizationError.WrongDtype(string value, string expected.Dtype, string found.Dtype))
        elif found <> expected then
            Error(ParametrizationError.WrongDevice(string value, string expected.Device, string found.Device))
        else
            checkedForms value tensor

    /// Near the largest number of the element type, rounding a parameter up can make the tensor overflow. The parameters are then
    /// made smaller by one unit; if that does not help, this is an error. Parameters that were cut off at the largest number must
    /// also yield the tensor, up to rounding.
    let private inRange (comesBack: bool) (value: Parametrization) (tensor: torch.Tensor) (parts: Parts) =
        use _ = torch.no_grad ()
        use _scope = torch.NewDisposeScope()
        let dtype = tensor.dtype
        // The largest float16 number is only 65,504, so the test starts at a quarter of it.
        let isLarge =
            Tensors.largest tensor > Form.greatest dtype / (if dtype = torch.float16 then 4.0 else 1024.0)

        let isAtTheEnd (part: torch.Tensor) = Tensors.largest part >= Form.greatest dtype

        let mustComeBack =
            comesBack
            // Logarithms of so large numbers have too few digits in bfloat16 to tell.
            && (isLarge && dtype <> torch.bfloat16 || Array.exists isAtTheEnd parts.ParameterArray)

        let isInRange () =
            let arePartsFinite = parts.Tensors |> Seq.forall (fun part -> Tensors.nonFinite part = 0L)

            let yields () =
                let made = Evaluation.forward false value.Program parts
                let isOff () = Tensors.distance made tensor > Tensors.largest tensor / 16.0
                Tensors.nonFinite made = 0L && not (mustComeBack && isOff ())

            // In float16, a radius or a bound can leave the range even if the tensor is small.
            arePartsFinite && (not (dtype = torch.float16 || isLarge || mustComeBack) || yields ())

        let isInRangeOfSmaller () =
            for parameter in parts.ParameterArray do
                parameter.mul_ ((1.0 - Form.epsilon dtype).AsScalar()) |> ignore

            isInRange ()

        if isInRange () || isInRangeOfSmaller () then
            Ok parts
        else
            (parts :> IDisposable).Dispose()

            Error(
                ParametrizationError.OutOfReach(
                    string value,
                    $"on the way numbers leave the range of {dtype}, whose largest is {Form.greatest dtype:g3}. "
                    + "Use smaller numbers, or a wider element type."
                )
            )

    /// Optimizers accept only parameters.
    let private trainable (parts: Parts) : Parts =
        let parameter (tensor: torch.Tensor) = new Modules.Parameter(tensor, true) :> torch.Tensor
        new Parts(parts.Shape, Array.map parameter parts.ParameterArray, parts.BufferArrays)

    /// Parts of a tensor that no optimizer takes, given those in use if there are any.
    let private found pull (value: Parametrization) (forms: Form[]) (inUse: Parts option) (tensor: torch.Tensor) =
        Inversion.pullParts pull value.Program forms inUse tensor
        |> Result.bind (inRange (pull = Pull.Exactly) value tensor)

    /// Parts of a tensor, given those in use if there are any.
    let pulled
        (pull: Pull)
        (value: Parametrization)
        (forms: Form[])
        (inUse: Parts option)
        (tensor: torch.Tensor)
        : Result<Parts, ParametrizationError> =
        found pull value forms inUse tensor |> Result.map trainable

    /// The tensor that the value yields in place of one that need not be allowed.
    let image (value: Parametrization) (forms: Form[]) (tensor: torch.Tensor) (want: Want) =
        found (Pull.As want) value forms None tensor
        |> Result.map (fun parts ->
            use parts = parts
            Evaluation.forward false value.Program parts)

    /// Parts that yield an allowed tensor.
    let exactly
        (value: Parametrization)
        (forms: Form[])
        (inUse: Parts option)
        (tensor: torch.Tensor)
        : Result<Parts, ParametrizationError> =
        if value.Program.HasRightInverse then
            pulled Pull.Exactly value forms inUse tensor
        else
            Error(ParametrizationError.NoRightInverse(string value))

    /// Parts for a tensor that need not be allowed.
    let approximately
        (want: Want)
        : Parametrization -> Form[] -> Parts option -> torch.Tensor -> Result<Parts, ParametrizationError> =
        pulled (Pull.As want)

    /// Whether a tensor is allowed, with these buffers in use if there are any.
    let membership
        (value: Parametrization)
        (forms: Form[])
        (buffers: torch.Tensor[][])
        (tensor: torch.Tensor)
        : Result<unit, ParametrizationError> =
        if value.Program.HasRightInverse then
            Inversion.membership value.Program forms buffers tensor
        else
            Error(ParametrizationError.NoRightInverse(string value))

    /// The projection of a tensor that is not allowed, where it needs no parts.
    let tryProject (value: Parametrization) (tensor: torch.Tensor) : torch.Tensor option =
        let program = value.Program

        match program.Nodes with
        | [| node |] when (box node :? IProjects) ->
            use _scope = torch.NewDisposeScope()
            Evaluation.project program (box node :?> IProjects) tensor |> _.MoveToOuterDisposeScope() |> Some
        | _ -> None
