/// The kinds of cases, and how each is compared.
module Properties.Core.Golden.Kinds

open Parametrize
open Parametrize.Values
open Properties.Core.Golden.Json
open TorchSharp

let private prefix = "parametrizations.weight."

let private original = prefix + "original"

/// Gradients of the parameters for a gradient of the tensor.
let private gradients (value: Parametrization) (parts: Parts) (outer: torch.Tensor) : torch.Tensor list =
    let leaves = [| for parameter in parts.Parameters -> parameter.detach().clone().requires_grad_ true |]

    let parts = Parametrization.ofTensors leaves parts.Buffers value
    let loss = (Parametrization.forward value parts * outer).sum()
    torch.autograd.grad ([| loss |], leaves) |> Seq.toList

/// Parts from the tensors of a state dict.
let private partsOf (value: Parametrization) (state: Node) : Parts =
    let load names = names |> List.map (fun name -> stateTensor (prefix + name) state)

    Parametrization.ofTensors
        (load (Parametrization.parameterNames value))
        (load (Parametrization.bufferNames value))
        value

let private forward (value: Parametrization) (parts: Parts) : torch.Tensor =
    (Parametrization.forward value parts).detach()

let private comparing (what: string) (parts: Result<Parts, ParametrizationError>) (compare: Parts -> Comparison list) =
    match parts with
    | Ok parts -> compare parts
    | Error error -> [ Comparison.impossible what error ]

// ---- orthogonal ----

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
        :: compareBases before after[prefix + "0.base"] parts.Buffers[0]
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
    let backTo (what: string) (expected: torch.Tensor) (tensor: torch.Tensor) =
        comparing what (Parametrization.rightInverse value parts tensor) (fun parts ->
            [ Comparison.between what expected (forward value parts) ])

    match tryField "assigned" case with
    | Some node -> backTo "weight after assignment" (case |> field "weight_after_assign" |> tensor) (tensor node)
    | None ->
        // PyTorch refuses every assignment; here the present weight can be assigned.
        let weight = case |> field "weight" |> tensor
        backTo "assignment that PyTorch refuses" weight weight

let private orthogonalCase (case: Node) : Comparison list =
    let map = case |> field "map" |> mapOf
    let trivialized = case |> field "use_trivialization" |> truth
    let value = valueOf map trivialized
    let weight = case |> field "weight" |> tensor
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

// ---- weight_norm ----

let private weightNormCase (case: Node) : Comparison list =
    let dimension = case |> field "dim"
    let value = if isNull dimension then weightNormWhole else weightNorm (int (whole dimension))
    let before = case |> field "weight_before" |> tensor
    let after = case |> field "state_after_register"
    let parts = case |> field "state" |> partsOf value
    let names = Parametrization.parameterNames value |> List.map (fun name -> prefix + name)
    let grads = case |> field "grads"

    let registered =
        comparing "registration" (Parametrization.initialize value before) (fun parts ->
            List.map2
                (fun name found -> Comparison.between $"{name} after registration" (stateTensor name after) found)
                names
                (Seq.toList parts.Parameters))

    let gradient =
        List.map2
            (fun name found -> Comparison.between $"gradient of {name}" (stateTensor name grads) found)
            names
            (gradients value parts (case |> field "grad_weight" |> tensor))

    registered
    @ [ Comparison.between "weight" (case |> field "weight" |> tensor) (forward value parts) ]
    @ gradient

// ---- spectral_norm ----

let private spectralNormCase (case: Node) : Comparison list =
    let transposed = (case |> field "module" |> text).StartsWith "ConvTranspose"

    let value =
        spectralNormWith
            { SpectralNorm.defaults with
                Dimension = if transposed then 1 else 0
                Iterations = case |> field "n_power_iterations" |> whole |> int
                Epsilon = case |> field "eps" |> number
            }

    let outer = case |> field "grad_weight" |> tensor

    let step (parts: Parts) (position: int, node: Node) =
        let parts =
            if node |> field "training" |> truth then
                Parametrization.advance value parts
            else
                parts

        let after = node |> field "state_after"
        let what name = $"step {position + 1}: {name}"

        let buffers =
            List.map2
                (fun name found -> Comparison.between (what name) (stateTensor (prefix + name) after) found)
                (Parametrization.bufferNames value)
                (Seq.toList parts.Buffers)

        [
            Comparison.between (what "weight") (node |> field "weight" |> tensor) (forward value parts)
            Comparison.between
                (what "gradient")
                (node |> field "grad_original" |> tensor)
                (gradients value parts outer |> List.head)
        ]
        @ buffers,
        parts

    case
    |> field "steps"
    |> items
    |> List.indexed
    |> List.mapFold step (case |> field "state" |> partsOf value)
    |> fst
    |> List.concat

// ---- pruning ----

let private amountOf (node: Node) : Amount =
    if isWhole node then Amount.Count(whole node) else Amount.Share(number node)

let private compareMask (value: Parametrization) (case: Node) : Comparison list =
    let before = case |> field "weight_before" |> tensor
    let mask = case |> field "mask" |> tensor

    comparing "pruning" (Parametrization.initializeNearest value before) (fun parts ->
        let found = parts.Buffers |> Seq.reduce (fun a b -> a * b)

        [
            Comparison.between "mask" mask found
            Comparison.between "pruned weight" (before * mask) (forward value parts)
        ])

let private l1Case (case: Node) : Comparison list =
    compareMask (pruned (Pruning.L1(case |> field "amount" |> amountOf))) case

/// The second time a share of what is left: the zeros of the first time are the smallest entries of its result.
let private l1TwiceCase (case: Node) : Comparison list =
    let amount = case |> field "amount" |> amountOf
    let entries = (case |> field "weight_before" |> numbers).Data.LongLength
    let first = amount.Of entries
    let both = first + amount.Of(entries - first)
    compareMask (pruned (Pruning.L1 amount) >>> pruned (Pruning.L1(Amount.Count both))) case

// ---- model ----

/// Read, so that a malformed one is reported. Modules are the facade's business.
let private modelCase (case: Node) : Verdict =
    case |> field "layers" |> items |> List.iter (text >> ignore)
    case |> field "state_dict" |> state |> ignore
    case |> field "input" |> tensor |> ignore
    case |> field "output" |> tensor |> ignore
    Verdict.Skipped "modules belong to the facade, whose tests run this case"

let private notYet: Verdict = Verdict.Skipped "not supported yet"

/// What a kind compares, or why it does not.
let verdict (kind: string) (case: Node) : Verdict =
    match kind with
    | "orthogonal" -> Verdict.Compared(orthogonalCase case)
    | "weight_norm" -> Verdict.Compared(weightNormCase case)
    | "spectral_norm" -> Verdict.Compared(spectralNormCase case)
    | "l1_unstructured" -> Verdict.Compared(l1Case case)
    | "l1_unstructured twice" -> Verdict.Compared(l1TwiceCase case)
    | "ln_structured"
    | "global_l1_unstructured" -> notYet
    | "model" -> modelCase case
    | other -> Verdict.Unreadable $"unknown kind '{other}'"
