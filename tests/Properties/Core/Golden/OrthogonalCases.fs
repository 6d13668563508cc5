/// Orthogonal weights: three maps, with a base and without.
module Properties.Core.Golden.OrthogonalCases

open Parametrize
open Parametrize.Values
open Properties.Core.Golden.Json
open Properties.Core.Golden.Replay
open TorchSharp

let private mapOf (node: Node) : OrthogonalMap =
    if isNull node then
        OrthogonalMap.Default
    else
        match text node with
        | "matrix_exp" -> OrthogonalMap.MatrixExp
        | "cayley" -> OrthogonalMap.Cayley
        | "householder" -> OrthogonalMap.Householder
        | other -> raise (Malformed(node.Path, $"there is no orthogonal map '{other}'"))

let private valueOf (map: OrthogonalMap) (trivialized: bool) : Parametrization =
    match map, trivialized with
    | OrthogonalMap.Cayley, true -> cayley
    | OrthogonalMap.MatrixExp, true -> matrixExp
    | OrthogonalMap.Householder, true -> householder
    | OrthogonalMap.Default, true -> orthogonal
    | map, false -> orthogonalWithoutBase map

let private upright (matrix: torch.Tensor) : torch.Tensor =
    if matrix.shape[matrix.dim () - 2L |> int] < matrix.shape[matrix.dim () - 1L |> int] then
        matrix.mT
    else
        matrix

/// PyTorch fills the columns of a base beyond those of the weight at random.
let private compareBases (weight: torch.Tensor) (expected: torch.Tensor) (found: torch.Tensor) : Comparison list =
    let columns = (upright weight).shape |> Array.last
    let leading (matrix: torch.Tensor) = matrix.narrow (-1L, 0L, columns)
    let size = Array.last found.shape
    let identity = torch.eye (size, dtype = found.dtype, device = found.device)

    [
        Comparison.between "leading columns of the base" (leading expected) (leading found)
        Comparison.between
            "orthogonality of the base"
            (identity.expand (found.shape))
            (found.mT.matmul(found).reshape found.shape)
    ]

let private registeredWithBase (value: Parametrization) (case: Node) : Comparison list =
    let before = case |> field "weight_before" |> tensor
    let after = case |> field "state_after_register" |> state

    comparing "registration" (Parametrization.initializeNearest value before) (fun parts ->
        Comparison.between "original after registration" after[original] parts.Parameters[0]
        :: compareBases before after[prefix + "0.base"] (Parametrization.toPyTorch value parts).Buffers[0]
        @ [
            Comparison.between
                "weight after registration"
                (case |> field "weight_after_register" |> tensor)
                (forward value parts)
        ])

/// The map reads the entries on and below the diagonal of the tall matrix.
let private registeredHouseholder (value: Parametrization) (case: Node) : Comparison list =
    let before = case |> field "weight_before" |> tensor
    let after = case |> field "state_after_register" |> state
    let read (matrix: torch.Tensor) = (upright matrix).tril 0L

    comparing "registration" (Parametrization.initializeNearest value before) (fun parts ->
        [
            Comparison.between
                "original after registration, as far as it is read"
                (read after[original])
                (read parts.Parameters[0])
            Comparison.between
                "weight after registration"
                (case |> field "weight_after_register" |> tensor)
                (forward value parts)
        ])

/// PyTorch has no right inverse here and takes the weight for the parameter.
let private reinterpreted (value: Parametrization) (case: Node) : Comparison list =
    let before = case |> field "weight_before" |> tensor
    let parts = Parametrization.ofTensors [ before ] [] value

    [
        Comparison.between
            "weight after registration"
            (case |> field "weight_after_register" |> tensor)
            (forward value parts)
    ]

let private assigned (value: Parametrization) (parts: Parts) (case: Node) : Comparison list =
    let backTo (what: string) (expected: torch.Tensor) (assigned: Result<Parts, ParametrizationError>) =
        comparing what assigned (fun parts -> [ Comparison.between what expected (forward value parts) ])

    match tryField "assigned" case with
    | Some node ->
        // PyTorch projects in silence what is not orthogonal.
        let given = tensor node
        let allowed = Parametrization.rightInverse value parts given

        (if allowed.IsOk then allowed else Parametrization.initializeNearest value given)
        |> backTo "weight after assignment" (case |> field "weight_after_assign" |> tensor)
    | None ->
        // PyTorch refuses every assignment; here the present weight can be assigned. Not the file's: PyTorch's
        // exponential may be too far from orthogonal.
        let weight = forward value parts
        Parametrization.rightInverse value parts weight |> backTo "assignment that PyTorch refuses" weight

/// TorchSharp's matmul ends the process when shapes do not fit.
let private requireShape (expected: int64[]) (node: Node) : unit =
    let found = (tensor node).shape

    if found <> expected then
        raise (Malformed(node.Path, $"expected shape {Form.Shown expected}, found {Form.Shown found}"))

let private requireShapes (trivialized: bool) (weight: torch.Tensor) (case: Node) : unit =
    if weight.dim () < 2L then
        raise (Malformed(case.Path, $"matrices are expected, found shape {Form.Shown weight.shape}"))

    let sizes = (upright weight).shape
    let size = sizes[sizes.Length - 2]
    let square = Array.append sizes[.. sizes.Length - 3] [| size; size |]

    for name in
        [
            "state"
            if trivialized then
                "state_after_register"
        ] do
        let state = field name case
        state |> field original |> requireShape weight.shape

        if trivialized then
            state |> field (prefix + "0.base") |> requireShape square

    for name in [ "weight_before"; "weight_after_register"; "grad_weight" ] do
        case |> field name |> requireShape weight.shape

let compare (case: Node) : Comparison list =
    let map = case |> field "map" |> mapOf
    let trivialized = case |> field "use_trivialization" |> truth
    let value = valueOf map trivialized
    let weight = case |> field "weight" |> tensor
    requireShapes trivialized weight case
    let parts = case |> field "state" |> partsOf value
    let square = weight.shape[weight.shape.Length - 1] = weight.shape[weight.shape.Length - 2]

    let byReflections = map = OrthogonalMap.Householder || map = OrthogonalMap.Default && not square

    let registered =
        if trivialized then registeredWithBase value case
        elif byReflections then registeredHouseholder value case
        else reinterpreted value case

    let gradient = gradients value parts (case |> field "grad_weight" |> tensor) |> List.head

    registered
    @ [
        Comparison.between "weight" weight (forward value parts)
        Comparison.between "gradient" (case |> field "grads" |> stateTensor original) gradient
    ]
    @ assigned value parts case
