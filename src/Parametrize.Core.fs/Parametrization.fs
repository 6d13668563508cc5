namespace Parametrize

open TorchSharp

/// What values do, with and without tensors.
[<RequireQualifiedAccess; CompilationRepresentation(CompilationRepresentationFlags.ModuleSuffix)>]
module Parametrization =

    /// Leaves every tensor as it is: the neutral element of composition.
    let identity: Parametrization = Composition.ofLinks []

    /// A value of one link: how the values of the library, and a user's own, are made.
    let ofLink (link: Link) : Parametrization = Composition.ofLinks [ link ]

    /// First `left`, then `right`; `Error` names both neighbours when their spaces do not fit.
    let tryAndThen (right: Parametrization) (left: Parametrization) : Result<Parametrization, ParametrizationError> =
        Composition.join left right

    /// First `left`, then `right`. Written for the pipe: `skew |> Parametrization.andThen cayley`.
    /// Throws ArgumentException when their spaces do not fit.
    let andThen (right: Parametrization) (left: Parametrization) : Parametrization =
        match tryAndThen right left with
        | Ok chain -> chain
        | Error error -> invalidArg (nameof right) error.Message

    /// What a tensor must be before its entries are looked at.
    let requirement (value: Parametrization) : Requirement = Checks.requirement value

    /// Whether dimensions before the matrix (or vector) are a batch of independent problems.
    let isBatched (value: Parametrization) : bool = value.Links |> List.forall _.IsBatched

    /// How many tensors an optimizer trains.
    let parameterCount (value: Parametrization) : int =
        match value.Links with
        | [] -> 1
        | first :: _ -> first.InputCount

    /// Names of the parameters, as PyTorch writes them: `original`, or `original0`, `original1`, ...
    let parameterNames (value: Parametrization) : string list =
        match parameterCount value with
        | 1 -> [ "original" ]
        | count -> List.init count (sprintf "original%d")

    /// Names of the buffers, prefixed by the position of their link as PyTorch writes them: `0.base`, `1._u`.
    let bufferNames (value: Parametrization) : string list =
        value.Links
        |> List.mapi (fun position link -> link.BufferNames |> List.map (sprintf "%d.%s" position))
        |> List.concat

    /// Parts from tensors that came from elsewhere (a file, a module), in the order of `parameterNames` and
    /// `bufferNames`. The parts share the tensors. Throws ArgumentException when their number is wrong.
    let ofTensors (parameters: torch.Tensor seq) (buffers: torch.Tensor seq) (value: Parametrization) : Parts =
        let parameters, buffers = Seq.toArray parameters, Seq.toList buffers
        let expected = parameterCount value, List.length (bufferNames value)

        if (parameters.Length, buffers.Length) <> expected then
            invalidArg
                (nameof parameters)
                $"{value} has {expected} parameters and buffers, but {(parameters.Length, buffers.Length)} were given."

        let takeRow (rest: torch.Tensor list) (link: Link) =
            rest |> List.splitAt (List.length link.BufferNames) |> (fun (row, rest) -> List.toArray row, rest)

        let rows, _ = value.Links |> List.mapFold takeRow buffers
        new Parts(parameters, List.toArray rows)

    let internal ofArrays (parameters: torch.Tensor[]) (buffers: torch.Tensor[][]) : Parts =
        new Parts(parameters, buffers)

    let internal buffersOf (parts: Parts) (position: int) : torch.Tensor[] = parts.BufferArrays[position]

    /// Whether training moves what is carried, so that `advance` has work to do.
    let learns (value: Parametrization) : bool = value.Links |> List.exists _.Learns

    /// Whether it is a trivialization, alone or in a chain.
    let internal hasBase (value: Parametrization) : bool = value.Links |> List.exists _.HasBase

    let private required (value: Parametrization) (tensor: torch.Tensor) : unit =
        match Checks.tensor value tensor with
        | Ok() -> ()
        | Error error -> invalidArg (nameof tensor) error.Message

    /// The constrained tensor, differentiable with respect to the parameters. The caller disposes it.
    let forward (value: Parametrization) (parts: Parts) : torch.Tensor =
        Interpreter.forward value.Links parts.ParameterArray parts.BufferArrays

    /// Shape, element type and device of the constrained tensor.
    let form (value: Parametrization) (parts: Parts) : Form =
        use _ = torch.no_grad ()
        use tensor = forward value parts
        Form.ofTensor tensor

    let private checkAgainst (value: Parametrization) (parts: Parts) (tensor: torch.Tensor) =
        Checks.against value (form value parts) tensor

    /// Parts for a tensor seen for the first time: `forward` yields it again. Chooses what is carried (masks, bases).
    /// `Error` exactly when `contains` is.
    let initialize (value: Parametrization) (tensor: torch.Tensor) : Result<Parts, ParametrizationError> =
        Checks.tensor value tensor |> Result.bind (fun () -> Inversion.rightInverse value.Links [||] tensor)

    /// Parts from which `forward` yields the projection of the tensor. Where the map itself constrains (norms, masks),
    /// the tensor stays as it is in the parameters.
    let initializeNearest (value: Parametrization) (tensor: torch.Tensor) : Result<Parts, ParametrizationError> =
        Checks.tensor value tensor |> Result.bind (fun () -> Inversion.approximate value.Links [||] tensor)

    /// Whether a tensor can be taken as the parameter as it is: one parameter, nothing carried.
    let internal canReinterpret (value: Parametrization) : bool =
        parameterCount value = 1 && List.isEmpty (bufferNames value)

    /// The tensor as the unconstrained parameter, allowed or not.
    let internal reinterpret (value: Parametrization) (tensor: torch.Tensor) : Parts =
        new Parts(
            [| new Modules.Parameter(tensor.detach().clone().DetachFromDisposeScope(), true) |],
            value.Links |> List.map (fun _ -> [||]) |> List.toArray
        )

    /// Parts from which `forward` yields the tensor, given the parts in use: masks stay, bases move to the tensor.
    /// `Error` exactly when `admits` is.
    let rightInverse
        (value: Parametrization)
        (parts: Parts)
        (tensor: torch.Tensor)
        : Result<Parts, ParametrizationError> =
        checkAgainst value parts tensor
        |> Result.bind (fun () -> Inversion.rightInverse value.Links parts.BufferArrays tensor)

    /// Parts for a longer chain: links that were there before keep what they carry, new ones choose.
    let internal extend (value: Parametrization) (parts: Parts) (tensor: torch.Tensor) =
        Checks.tensor value tensor
        |> Result.bind (fun () ->
            match Inversion.rightInverse value.Links parts.BufferArrays tensor with
            | Ok extended -> Ok extended
            | Error _ -> Inversion.approximate value.Links parts.BufferArrays tensor)

    /// Whether some parts yield the tensor, up to rounding in its element type.
    let contains (value: Parametrization) (tensor: torch.Tensor) : Result<unit, ParametrizationError> =
        Checks.tensor value tensor |> Result.bind (fun () -> Inversion.contains value.Links [||] tensor)

    /// Whether the tensor can be assigned while these parts are in use: `contains`, and zero where a mask is.
    let admits (value: Parametrization) (parts: Parts) (tensor: torch.Tensor) : Result<unit, ParametrizationError> =
        checkAgainst value parts tensor
        |> Result.bind (fun () -> Inversion.contains value.Links parts.BufferArrays tensor)

    /// The nearest allowed tensor, or a retraction to one (each family says which). Allowed tensors stay as they are.
    /// Throws ArgumentException for tensors that cannot be projected: wrong shape or element type, NaN.
    let project (value: Parametrization) (tensor: torch.Tensor) : torch.Tensor =
        required value tensor
        use _ = torch.no_grad ()

        match contains value tensor with
        | Ok() -> tensor.clone ()
        | Error _ ->
            match initializeNearest value tensor with
            | Error error -> invalidArg (nameof tensor) error.Message
            | Ok parts ->
                use parts = parts
                forward value parts

    /// A random allowed tensor: uniform where the space has a uniform measure (Haar for orthogonal matrices). Without a
    /// generator the global one is used. Throws ArgumentException for a form that the value cannot have.
    let sample (value: Parametrization) (form: Form) (generator: torch.Generator option) : torch.Tensor =
        match Checks.form value form with
        | Error error -> invalidArg (nameof form) error.Message
        | Ok() ->
            let wide =
                if Form.isHalf form.Dtype then
                    { form with Dtype = torch.ScalarType.Float32 }
                else
                    form

            let drawn =
                Tensors.detached Seq.singleton (fun () ->
                    let source: torch.Generator | null = Option.toObj generator

                    match List.tryLast value.Links with
                    | None -> Form.normal source wide
                    | Some link -> Contract.sample link wide source)

            use drawn = drawn
            use narrow = drawn.``to`` (form.Dtype, copy = true)
            project value narrow

    /// What a training step moves besides gradients (power iterations); the same parts for most values.
    let advance (value: Parametrization) (parts: Parts) : Parts =
        if learns value then
            new Parts(parts.ParameterArray, Interpreter.advance value.Links parts.ParameterArray parts.BufferArrays)
        else
            parts

    /// The buffers with which no parameters yield an allowed tensor, by their names; so much roundoff is forgiven.
    let internal misfits (value: Parametrization) (epsilon: float) (parts: Parts) : (string * Violation) list =
        Interpreter.misfits value.Links epsilon parts.BufferArrays
        |> List.map (fun (position, name, violation) -> $"{position}.{name}", violation)

    /// What is carried, put right after it came from a coarser element type: `forward` then yields a tensor that is
    /// allowed in this one, and the same up to the roundoff of that one. The parameters stay; buffers that are changed
    /// are new.
    let mend (value: Parametrization) (parts: Parts) : Parts =
        new Parts(parts.ParameterArray, Interpreter.mend value.Links parts.BufferArrays)

    /// Moves what is carried to the present point: the base of a trivialization becomes the present tensor, and the
    /// parameter its zero. `forward` yields the same tensor before and after, up to rounding, which does not add up over
    /// many moves (Lezcano-Casado 2019, dynamic trivializations).
    let rebase (value: Parametrization) (parts: Parts) : Result<Parts, ParametrizationError> =
        use _ = torch.no_grad ()
        use tensor = forward value parts

        Checks.tensor value tensor
        |> Result.bind (fun () -> Inversion.rebase value.Links parts.BufferArrays tensor)
