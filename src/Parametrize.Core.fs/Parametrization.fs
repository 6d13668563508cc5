namespace Parametrize

open System
open TorchSharp

/// Functions on values, with and without tensors.
[<RequireQualifiedAccess; CompilationRepresentation(CompilationRepresentationFlags.ModuleSuffix)>]
module Parametrization =

    /// Leaves every tensor as it is: the neutral element of composition.
    let identity: Parametrization = Parametrization Tree.Leaf

    /// A value of one node. The values of the library and of users are made by it.
    let ofNode (node: Node) : Parametrization =
        Parametrization(Tree.Apply(node, List.replicate (Node.arity node) Tree.Leaf, true))

    /// A value whose node reads the outputs of several values, one for each input. Throws ArgumentException when the node reads
    /// another number of inputs, or a space does not fit.
    let join (node: Node) (inputs: Parametrization list) : Parametrization =
        if inputs.Length <> Node.arity node then
            invalidArg
                (nameof inputs)
                $"{node} needs one value for each of its {Node.arity node} tensors, not {inputs.Length}."

        match Tree.substitute true (inputs |> List.map _.Tree) (ofNode node).Tree with
        | Ok tree -> Parametrization tree
        | Error error -> invalidArg (nameof inputs) error.Message

    /// A value that reads the outputs of several values in place of its parameters. Throws ArgumentException when their number is
    /// not that of its parameters, or a space does not fit.
    let joined (inputs: Parametrization list) (value: Parametrization) : Parametrization =
        if inputs.Length <> value.Program.LeafCount then
            invalidArg
                (nameof inputs)
                $"{value} needs one value for each of its {value.Program.LeafCount} tensors, not {inputs.Length}."

        match Tree.substitute true (inputs |> List.map _.Tree) value.Tree with
        | Ok tree -> Parametrization tree
        | Error error -> invalidArg (nameof inputs) error.Message

    let private chain (mustFit: bool) (right: Parametrization) (left: Parametrization) =
        Tree.andThen mustFit right.Tree left.Tree |> Result.map Parametrization

    let private orThrow (result: Result<Parametrization, ParametrizationError>) : Parametrization =
        match result with
        | Ok value -> value
        | Error error -> invalidArg "right" error.Message

    /// First `left`, then `right`; `Error` names both neighbours when their spaces do not fit.
    let tryAndThen (right: Parametrization) (left: Parametrization) : Result<Parametrization, ParametrizationError> =
        chain true right left

    /// First `left`, then `right`. Written for the pipe: `skew |> Parametrization.andThen cayley`.
    /// Throws ArgumentException when their spaces do not fit.
    let andThen (right: Parametrization) (left: Parametrization) : Parametrization =
        Parametrization.AndThen(left, right)

    /// First `left`, then `right`, whether their spaces fit or not, like PyTorch's `unsafe=True`. If they do not fit, the value
    /// has no right inverse, and a tensor that is registered is never refused: it becomes the parameter. Throws ArgumentException
    /// when `right` reads several tensors.
    let andThenUnchecked (right: Parametrization) (left: Parametrization) : Parametrization =
        orThrow (chain false right left)

    let private under (view: View) (value: Parametrization) : Parametrization =
        Parametrization(Tree.under view value.Tree)

    /// The value on convolution kernels `[out, in, k...]`, read as matrices `out x (in k...)`.
    let onKernel (matrix: Parametrization) : Parametrization = under View.Kernel matrix

    /// The value on the transposes of matrices.
    let transposed (value: Parametrization) : Parametrization = under View.Transpose value

    /// The nodes of the value, in the order of evaluation. The numbers in names of buffers are positions in this list.
    let nodes (value: Parametrization) : Node list = List.ofSeq value.Nodes

    /// Whether dimensions before the matrix (or vector) are a batch of independent problems.
    let isBatched (value: Parametrization) : bool = value.Program.IsBatched

    /// The number of parameters, which an optimizer trains.
    let parameterCount (value: Parametrization) : int = value.Program.LeafCount

    /// Names of the parameters, as PyTorch writes them: `original`, or `original0`, `original1`, ...
    let parameterNames (value: Parametrization) : string list = value.Program.ParameterNames

    /// Names of the buffers, prefixed by the position of their node as PyTorch writes them: `0.base`, `1._u`.
    let bufferNames (value: Parametrization) : string list = value.Program.BufferNames

    /// Whether training updates buffers by `advance`.
    let learns (value: Parametrization) : bool = value.Program.Learns

    /// Whether training adds noise, so that the tensor differs from that of evaluation.
    let hasNoise (value: Parametrization) : bool = value.Program.HasNoise

    /// Whether every allowed tensor can be assigned.
    let hasRightInverse (value: Parametrization) : bool = value.Program.HasRightInverse

    /// Parts from tensors that came from elsewhere (a file, a module), in the order of `parameterNames` and
    /// `bufferNames`, which yield a tensor of that shape. The parts share the tensors. Throws ArgumentException when their
    /// number or a shape is wrong.
    let ofTensorsOfShape
        (shape: int64[])
        (parameters: torch.Tensor seq)
        (buffers: torch.Tensor seq)
        (value: Parametrization)
        : Parts =
        let struct (parameters, buffers) = GivenParts.counted value parameters buffers
        GivenParts.requireShapes value shape parameters buffers
        new Parts(shape, parameters, GivenParts.rows value buffers)

    let internal shapeOf (parameters: torch.Tensor seq) (value: Parametrization) : int64[] option =
        Program.output value.Program (parameters |> Seq.map Form.ofTensor |> List.ofSeq)
        |> Option.map _.Shape

    /// Parts from tensors that came from elsewhere, in the order of `parameterNames` and `bufferNames`, where the parameters tell
    /// the shape of the tensor that they yield. The parts share the tensors. Throws ArgumentException when their number or a shape
    /// is wrong, and where they do not tell the shape: several parameters behind `onKernel`.
    let ofTensors (parameters: torch.Tensor seq) (buffers: torch.Tensor seq) (value: Parametrization) : Parts =
        let struct (parameters, buffers) = GivenParts.counted value parameters buffers

        match shapeOf parameters value with
        | Some shape -> ofTensorsOfShape shape parameters buffers value
        | None ->
            invalidArg
                (nameof parameters)
                $"The shape of {value} does not follow from its parameters. Use `ofTensorsOfShape`."

    /// Parts from tensors, for the shape of the tensor that other parts yield.
    let ofTensorsLike
        (parts: Parts)
        (parameters: torch.Tensor seq)
        (buffers: torch.Tensor seq)
        (value: Parametrization)
        : Parts =
        ofTensorsOfShape parts.Shape parameters buffers value

    /// The forms of the parameters for a tensor of that form, or the error when the value yields no such tensor.
    let parameterForms (value: Parametrization) (form: Form) : Result<Form list, ParametrizationError> =
        Program.forms value.Program form
        |> Result.map (fun forms -> List.ofArray forms[.. value.Program.LeafCount - 1])

    /// The forms of the buffers for a tensor of that form.
    let bufferForms (value: Parametrization) (form: Form) : Result<Form list, ParametrizationError> =
        Program.forms value.Program form |> Result.map (Program.bufferForms value.Program)

    /// The forms of the buffers in states of PyTorch, with which it computes as well: the base of a tall matrix is square there.
    let internal pyTorchForms (value: Parametrization) (form: Form) : Result<Form list, ParametrizationError> =
        Program.forms value.Program form |> Result.map (Program.pyTorchForms value.Program)

    /// The constrained tensor, differentiable with respect to the parameters. The caller disposes it. Throws ArgumentException for
    /// parts of a value with other parameters or buffers.
    let forward (value: Parametrization) (parts: Parts) : torch.Tensor =
        Evaluation.forward false value.Program (GivenParts.own value parts)

    /// The constrained tensor in training: nodes that add noise do so.
    let forwardInTraining (value: Parametrization) (parts: Parts) : torch.Tensor =
        let tensor = Evaluation.forward true value.Program (GivenParts.own value parts)
        // A layer would broadcast a tensor of another shape without an error.
        if tensor.shape <> parts.Shape then
            Contract.breachInTraining value.Program.Nodes parts.Shape tensor

        tensor

    /// The output of the node at a position of `nodes`, in the shape that the node uses: for a convolution kernel, the matrix.
    /// Differentiable; the caller disposes it. Throws `ArgumentOutOfRangeException` when there is no such node.
    let forwardTo (position: int) (value: Parametrization) (parts: Parts) : torch.Tensor =
        if position < 0 || position >= value.Program.Nodes.Length then
            raise (
                ArgumentOutOfRangeException(
                    nameof position,
                    position,
                    $"{value} has {value.Program.Nodes.Length} nodes, counted from 0."
                )
            )

        Evaluation.after position value.Program parts

    /// Shape, element type and device of the constrained tensor.
    let form (_: Parametrization) (parts: Parts) : Form = Evaluation.outputForm parts

    /// The logarithm of the factor by which `forward` stretches volumes: `log` of the product of the nonzero singular values of
    /// its derivative with respect to all real numbers in the parameters. It equals `log det (J^T J) / 2`, where J is the
    /// derivative with respect to the numbers that are read. The volume of the outputs is the Hausdorff measure of the Frobenius
    /// norm. One number for the whole tensor, in float32 for 16-bit parts. Differentiable; the caller disposes it. None unless
    /// every node has a closed form (`IVolume`) for its inputs.
    let logVolume (value: Parametrization) (parts: Parts) : torch.Tensor option =
        Volume.tryOf (lazy string value) parts.Shape.Length value.Program parts

    /// The log volume for each tensor of the last dimensions of the result: `logVolumes 1` has one number for each vector, in the
    /// shape of the dimensions before. Throws ArgumentException where the value computes several of these together, as `logVolumes
    /// 1` of a map of matrices, and for more dimensions than there are.
    let logVolumes (dimensions: int) (value: Parametrization) (parts: Parts) : torch.Tensor option =
        Volume.tryOf (lazy string value) dimensions value.Program parts

    /// `log |det W|` of each matrix of a batch, for a value of square matrices (or kernels `[n, n, 1, ...]`): from the factors of
    /// the value, if these give it; else by a factorization. In float32 for 16-bit parts; differentiable; the caller disposes it.
    /// Throws ArgumentException for other shapes.
    let logAbsDet (value: Parametrization) (parts: Parts) : torch.Tensor =
        LogDeterminant.ofParts (lazy string value) value.Program parts null

    /// `logAbsDet` when the tensor may have been computed already (`known`).
    let internal logAbsDetOf (value: Parametrization) (parts: Parts) (known: torch.Tensor | null) : torch.Tensor =
        LogDeterminant.ofParts (lazy string value) value.Program parts known

    /// `W^-1 b` for the columns b of a tensor `[..., n, m]`, or one vector of n numbers, and a value of square matrices: by the
    /// factors of the value, if these give it; else by a factorization. Differentiable with respect to the parts and b; the
    /// caller disposes it. Throws ArgumentException for other shapes, and for another element type than that of W.
    let solve (value: Parametrization) (parts: Parts) (right: torch.Tensor) : torch.Tensor =
        if isNull (box right) then
            nullArg (nameof right)

        Solving.ofParts (lazy string value) value.Program parts null right

    /// `solve` when the tensor may have been computed already (`known`).
    let internal solveOf (value: Parametrization) (parts: Parts) (known: torch.Tensor | null) (right: torch.Tensor) =
        Solving.ofParts (lazy string value) value.Program parts known right

    /// The output of `forward` with this tensor as the only parameter: the value as a function of data. Differentiable with
    /// respect to x; the caller disposes the result. Throws ArgumentException for a value of several parameters, or one with
    /// buffers, and for a form that it does not read.
    let apply (value: Parametrization) (x: torch.Tensor) : torch.Tensor =
        Evaluation.forward false value.Program (Applying.partsOf value x)

    /// The output of `apply`, with its log volumes as in `logVolumes`. Throws ArgumentException as `apply` and `logVolumes` do, and
    /// for a value without a volume in closed form.
    let applyWithLogVolumes
        (dimensions: int)
        (value: Parametrization)
        (x: torch.Tensor)
        : struct (torch.Tensor * torch.Tensor) =
        let parts = Applying.partsOf value x

        match Volume.tryWith (lazy string value) dimensions value.Program parts with
        | None -> invalidArg (nameof value) $"The volume of {value} is not known in closed form."
        | Some both when not (Form.isHalf x.dtype) -> both
        | Some(struct (wide, volumes)) ->
            wide.Dispose()
            struct (Evaluation.forward false value.Program parts, volumes)

    /// The only tensor x from which `apply` yields an allowed tensor w. Differentiable with respect to w; the caller disposes it.
    /// None for values that have no such inverse in closed form. It does not check that w is allowed (`contains` does). Throws
    /// ArgumentException for a form that the value does not yield.
    let tryUndo (value: Parametrization) (w: torch.Tensor) : torch.Tensor option =
        Form.requireAlive (nameof w) w

        if (Applying.whyNotUndone value).IsSome then
            None
        else
            let forms = Applying.formsOf value (nameof w) (Some(Form.ofTensor w))
            use scope = torch.NewDisposeScope()
            let x = Undoing.back value.Program forms (Tensors.widen w) |> Tensors.narrow w.dtype
            Some(scope.MoveToOuter(if obj.ReferenceEquals(x, w) then w.alias () else x))

    /// The tensor x from which `apply` yields w. Also throws ArgumentException for values that have no such inverse.
    let undo (value: Parametrization) (w: torch.Tensor) : torch.Tensor =
        match tryUndo value w with
        | Some x -> x
        | None -> invalidArg (nameof value) $"{value} cannot be undone: {(Applying.whyNotUndone value).Value}"

    /// The share of entries at which the derivative of an entrywise node, such as `positive` or `bounded`, is below a hundredth of
    /// its largest: they hardly train. None when no node implements `ISaturates`.
    let saturation (value: Parametrization) (parts: Parts) : float option = Saturation.shareOf value.Program parts

    /// Parts for a plain tensor: `forward` yields it again. It chooses new buffers (masks, bases). `Error` exactly when `contains`
    /// returns one.
    let initialize (value: Parametrization) (tensor: torch.Tensor) : Result<Parts, ParametrizationError> =
        Assigning.affordableForms value tensor
        |> Result.bind (fun forms -> Assigning.exactly value forms None tensor)

    /// Parts from which `forward` yields the projection of the tensor. For maps that constrain any parameter (spectral norms,
    /// masks), the parameters are the tensor as it is.
    let initializeNearest (value: Parametrization) (tensor: torch.Tensor) : Result<Parts, ParametrizationError> =
        Assigning.affordableForms value tensor
        |> Result.bind (fun forms -> Assigning.approximately Want.Nearest value forms None tensor)

    /// Parts for a tensor that is registered: those of `initialize` if it is allowed, else parts of a tensor near it. Entries on
    /// the edge of an open space are moved inside, where they can be trained, even if the tensor is allowed. Values without a
    /// right inverse start from the tensor as the parameter.
    let start (value: Parametrization) (tensor: torch.Tensor) : Result<Parts, ParametrizationError> =
        Assigning.affordableForms value tensor
        |> Result.bind (fun forms -> Assigning.approximately Want.Start value forms None tensor)

    /// Parts from which `forward` yields the tensor, given the parts in use: masks stay, bases move to the tensor. `Error` exactly
    /// when `admits` returns one.
    let rightInverse
        (value: Parametrization)
        (parts: Parts)
        (tensor: torch.Tensor)
        : Result<Parts, ParametrizationError> =
        Assigning.checkedAgainst value parts tensor
        |> Result.bind (fun forms -> Assigning.exactly value forms (Some parts) tensor)

    /// Whether some parts yield the tensor, up to rounding in its element type.
    let contains (value: Parametrization) (tensor: torch.Tensor) : Result<unit, ParametrizationError> =
        Assigning.checkedForms value tensor
        |> Result.bind (fun forms -> Assigning.membership value forms [||] tensor)

    /// Whether the tensor can be assigned while these parts are in use: `contains` accepts it, and it is zero where the masks are.
    let admits (value: Parametrization) (parts: Parts) (tensor: torch.Tensor) : Result<unit, ParametrizationError> =
        Assigning.checkedAgainst value parts tensor
        |> Result.bind (fun forms -> Assigning.membership value forms parts.BufferArrays tensor)

    /// The nearest allowed tensor, or a retraction to one (each family says which). Allowed tensors stay as they are. If a chain
    /// has no parameters for that tensor, the tensor that `start` would yield. Throws ArgumentException for tensors that cannot
    /// be projected (wrong shape or element type, NaN), and for values without a right inverse.
    let project (value: Parametrization) (tensor: torch.Tensor) : torch.Tensor =
        match Projecting.nearest value tensor with
        | Ok projected -> projected
        | Error error -> invalidArg (nameof tensor) error.Message

    /// A random allowed tensor: uniform where the space has a uniform measure (Haar for orthogonal matrices). Without a
    /// generator that of the device is used; with one the tensor is drawn on the CPU and moved, so that a seed means the same
    /// tensor everywhere. Throws ArgumentException for a form that the value cannot have.
    let sample (value: Parametrization) (form: Form) (generator: torch.Generator option) : torch.Tensor =
        let draw (form: Form) (generator: torch.Generator | null) =
            use drawn = Sampling.draw value.Program form generator
            use narrow = drawn.``to`` (form.Dtype, copy = true)

            if value.Program.HasRightInverse then
                project value narrow
            else
                match start value narrow with
                | Error error -> invalidArg (nameof form) error.Message
                | Ok parts ->
                    use parts = parts
                    use _ = torch.no_grad ()
                    forward value parts

        match Program.forms value.Program form with
        | Error error -> invalidArg (nameof form) error.Message
        | Ok _ -> Form.drawn draw (Option.toObj generator) form

    /// The parts after one training step without gradients (power iterations). For most values these are the same parts.
    let advance (value: Parametrization) (parts: Parts) : Parts =
        if learns value then
            new Parts(parts.Shape, parts.ParameterArray, Evaluation.advance value.Program parts)
        else
            parts

    let private refreshed (isMeant: Node -> bool) (value: Parametrization) (parts: Parts) =
        if value.Program.Nodes |> Array.exists isMeant then
            match parts.ParameterArray |> Array.sumBy Tensors.nonFinite with
            | 0L ->
                Relearning.refresh isMeant value.Program parts
                |> Result.map (fun buffers -> new Parts(parts.Shape, parts.ParameterArray, buffers))
            | count -> Error(ParametrizationError.NotFinite(string value, count))
        else
            Ok parts

    /// The parts with learnt buffers computed again from the parameters. Use it after something other than training has written
    /// to the parameters (averaging, initializing, loading): `advance` would take many steps. Other buffers do not change.
    let refresh (value: Parametrization) (parts: Parts) : Result<Parts, ParametrizationError> =
        refreshed Node.learns value parts

    /// Like `refresh`, for the buffers of nodes that converge only; it is called automatically.
    let internal refreshConverging (value: Parametrization) (parts: Parts) : Result<Parts, ParametrizationError> =
        refreshed Node.converges value parts

    /// The names of buffers with which no parameters yield an allowed tensor, up to this roundoff, each with its violation.
    let internal misfits (value: Parametrization) (epsilon: float) (parts: Parts) : (string * Violation) list =
        Evaluation.misfits value.Program epsilon parts.BufferArrays

    /// The parts with buffers corrected after they were converted from a coarser element type. `forward` then yields a tensor that
    /// is allowed in the finer type, and equal up to the roundoff of the coarser one. The parameters stay; changed buffers are new
    /// tensors.
    let repair (value: Parametrization) (parts: Parts) : Parts =
        let epsilon = Form.epsilon parts.ParameterArray[0].dtype
        new Parts(parts.Shape, parts.ParameterArray, Evaluation.repair epsilon value.Program parts.BufferArrays)

    /// The parts from which PyTorch computes the same tensor: the base of a tall matrix with orthonormal columns is square there, n
    /// x n. Buffers that change are new, the others are shared; the parameters stay.
    let toPyTorch (value: Parametrization) (parts: Parts) : Parts =
        new Parts(parts.Shape, parts.ParameterArray, Evaluation.inPyTorchForms value.Program parts.BufferArrays)

    /// Moves the bases to the present point: the base of a trivialization becomes the present tensor, and its parameter the one
    /// that yields the base. `forward` yields the same tensor before and after, up to rounding, which does not add up over many
    /// moves (Lezcano-Casado 2019, dynamic trivializations). `Error` if no parts yield that tensor, as for a chain whose right
    /// inverse does not lead back to it.
    let rebase (value: Parametrization) (parts: Parts) : Result<Parts, ParametrizationError> =
        Rebasing.rebase value (GivenParts.own value parts)
