/// Shapes, batches, element types, devices.
module internal Parametrize.Laws.Forms

open Parametrize
open Parametrize.Laws.Law
open Parametrize.Laws.Measures
open TorchSharp

let private element (batch: int) (index: int64) (tensor: torch.Tensor) : torch.Tensor =
    (tensor.flatten (0L, int64 (batch - 1))).select(0L, index)

/// Computes every element by itself; the first dimensions, `batch` of them, are the batch.
let private looped (batch: int) (tensor: torch.Tensor) (compute: int64 -> torch.Tensor) : torch.Tensor =
    let count = tensor.shape[.. batch - 1] |> Array.fold (*) 1L
    let results = [| for index in 0L .. count - 1L -> compute index |]
    let stacked = torch.stack results
    stacked.reshape (Array.append tensor.shape[.. batch - 1] results[0].shape)

/// The elements of a batch in sizes of their own: those of one must not decide how the others are computed.
let private ofManySizes (tensor: torch.Tensor) : torch.Tensor =
    let sizes = [| for index in 0L .. tensor.shape[0] - 1L -> 1e-3 ** float (index % 3L) |]
    let along = Array.append [| tensor.shape[0] |] (Array.create (int (tensor.dim ()) - 1) 1L)
    let real = if tensor.is_complex () then tensor.real.dtype else tensor.dtype
    tensor * torch.tensor(sizes, dtype = real, device = tensor.device).reshape(along)

/// How many dimensions the generator put before a single problem is not recorded, so one is split off.
let private batchIsLoop (subject: Subject) (case: Case) : Faults =
    let value = subject.Value
    let inside = Subject.sample 2UL subject case
    let outside = Case.normal 5UL case
    let projected = Parametrization.project value outside

    ok "parts" (Subject.parts 1UL subject case) (fun parts ->
        let forward (what: string) (parameters: torch.Tensor seq) =
            let whole =
                Parametrization.forward value (Parametrization.ofTensorsLike parts parameters parts.Buffers value)

            let one index =
                let slice = Seq.map (element 1 index)

                Parametrization.forward
                    value
                    (Parametrization.ofTensors (slice parameters) (slice parts.Buffers) value)

            near what (Subject.slack subject case whole) (looped 1 whole one) whole

        forward "forward" parts.Parameters
        @ forward "forward of many sizes" (Seq.map ofManySizes parts.Parameters))
    @ near
        "project"
        (Subject.slack subject case projected)
        (looped 1 outside (fun index -> Parametrization.project value (element 1 index outside)))
        projected
    @ ok "initialize" (Parametrization.initialize value inside) (fun parts ->
        let back index =
            match Parametrization.initialize value (element 1 index inside) with
            | Ok part -> Parametrization.forward value part
            | Error error -> invalidOp error.Message

        near
            "rightInverse"
            (Subject.slack subject case inside)
            (looped 1 inside back)
            (Parametrization.forward value parts))

/// Several parts of one form, with a copy of their parameters as leaves.
[<NoComparison; NoEquality>]
type private Several = { All: Parts list; Leaves: torch.Tensor[][] }

[<RequireQualifiedAccess>]
module private Several =

    let ofParts (parts: Parts list) : Several =
        let leaves (parts: Parts) =
            [| for parameter in parts.Parameters -> parameter.detach().clone().requires_grad_ true |]

        { All = parts; Leaves = parts |> List.map leaves |> List.toArray }

    /// The parts whose tensors are those of all, stacked.
    let stacked (several: Several) : Parts =
        let stackOf (tensors: torch.Tensor[][]) =
            Array.init tensors[0].Length (fun place -> torch.stack (tensors |> Array.map (Array.item place)))

        let first = several.All.Head
        let rows = first.BufferArrays |> Array.map _.Length |> Array.scan (+) 0 |> Array.pairwise
        let flat = stackOf [| for parts in several.All -> Seq.toArray parts.Buffers |]
        new Parts(first.Shape, stackOf several.Leaves, [| for start, next in rows -> flat[start .. next - 1] |])

    let alone (value: Parametrization) (several: Several) (index: int) (leaves: torch.Tensor[]) : torch.Tensor =
        let parts = several.All[index]
        Parametrization.forward value (Parametrization.ofTensorsLike parts leaves parts.Buffers value)

    /// The gradients of all leaves, which are forgotten.
    let takeGradients (several: Several) : torch.Tensor[][] =
        let taken = several.Leaves |> Array.map (Array.map _.grad)

        for leaf in Seq.concat several.Leaves do
            leaf.grad <- null

        taken

/// How far the gradient of a parameter may be off. Where the map does not depend on the scale of the parameter, it is a difference
/// of terms that are the larger, the smaller the parameter is.
let private gradientSlack (subject: Subject) (case: Case) several index leaf (alone: torch.Tensor) weights expected =
    let input = several.Leaves[index][leaf]

    let doubled =
        several.Leaves[index]
        |> Array.mapi (fun place input -> if place = leaf then input.detach () * 2.0 else input.detach ())

    let dependsOnDirectionOnly =
        largest input > 0.0
        && apart alone (Several.alone subject.Value several index doubled) <= Subject.slack subject case alone

    // What saturates leaves gradients that are rounding of the numbers they come from.
    let steep = if dependsOnDirectionOnly then max 1.0 (largest alone / largest input) else 1.0
    Subject.slack subject case expected + steep * Subject.slack subject case weights

/// Several tensors of one form as one batch, as models compute those that are alike: values, what they learn, gradients.
let private stackIsLoop (subject: Subject) (case: Case) : Faults =
    let value = subject.Value
    let all = [ 1UL; 21UL; 22UL ] |> List.map (fun use' -> Subject.parts use' subject case)

    match List.choose Result.toOption all with
    | parts when parts.Length = all.Length ->
        let several = Several.ofParts parts
        let weights = Case.unit 23UL case
        let backward (tensor: torch.Tensor) = (tensor * weights).sum().abs().backward()
        let stacks = Several.stacked several
        let made = Stacks.forward value stacks
        let learnt = if Subject.learns subject then (Stacks.advance value stacks).Buffers else [||]
        backward made
        let together = Several.takeGradients several
        let alone = several.Leaves |> Array.mapi (Several.alone value several)
        backward (torch.stack alone)

        let gradientFaults (index: int) (leaf: int) : Faults =
            match together[index][leaf], (Array.item leaf several.Leaves[index]).grad with
            | null, null -> []
            | null, _
            | _, null -> [ Fault.said $"parameter {leaf} of tensor {index} has a gradient in one of both ways" ]
            | found, expected when Tensors.nonFinite expected = 0L ->
                let allowed = gradientSlack subject case several index leaf alone[index] weights expected
                near $"gradient {leaf} of tensor {index}" allowed expected found
            | _ -> []

        let learntFaults (index: int) : Faults =
            if learnt.Count = 0 then
                []
            else
                (Parametrization.advance value parts[index]).Buffers
                |> Seq.mapi (fun place next ->
                    let found = learnt[place].select(0L, int64 index)
                    near $"buffer {place} of tensor {index}" (Subject.slack subject case next) next found)
                |> List.concat

        [
            for index in 0 .. parts.Length - 1 do
                yield! near $"tensor {index}" (Subject.slack subject case alone[index]) alone[index] made[int64 index]

                for leaf in 0 .. several.Leaves[index].Length - 1 do
                    yield! gradientFaults index leaf

                yield! learntFaults index
        ]
    | _ -> []

/// What could be wrong with one problem, in ways that a random tensor hardly is.
let private alternatives (problem: torch.Tensor) : (string * torch.Tensor) list =
    let count = problem.dim ()

    [
        "zeros", torch.zeros_like problem
        "one negated", -problem
        "one doubled", problem + problem
        if count > 0L then
            "one reversed", problem.flip -1L
            "one of equal rows", problem.narrow(0L, 0L, 1L).expand(problem.shape).clone()
        if count > 1L && problem.shape[0] = problem.shape[1] then
            "one transposed", problem.transpose(0L, 1L).clone()
    ]

/// Some in turn: all would take long.
let private someOf (case: Case) (all: 'a list) : 'a list =
    let from = int (case.Seed % uint64 all.Length)
    all @ all |> List.skip from |> List.truncate 3

/// One element is another: the batch is allowed when that is, and what starts has to move where that has to.
let private batchIsAllowedWithEach (subject: Subject) (case: Case) : Faults =
    let value = subject.Value
    let inside = Subject.sample 2UL subject case
    let place = int64 case.Seed % inside.shape[0]

    let moved (tensor: torch.Tensor) (what: torch.Tensor -> torch.Tensor) =
        match Parametrization.start value tensor with
        | Error _ -> true
        | Ok parts ->
            apart (what tensor) (what (Parametrization.forward value parts)) > Subject.slack subject case inside

    [
        let others = alternatives (inside.select (0L, place))
        // Limits are those of each problem, where its numbers do not underflow.
        let hasTiny = Subject.isOfLibrary subject && not (Case.isHalf case)
        let tiny (name, other: torch.Tensor) = $"{name}, tiny", other * 1e-4

        for name, other in someOf case (others @ (if hasTiny then List.map tiny others else [])) do
            let batch = inside.clone ()
            batch.select(0L, place).copy_ other |> ignore
            let isAlone = succeeds (Parametrization.contains value other)
            let isTogether = succeeds (Parametrization.contains value batch)

            yield! fault (isAlone <> isTogether) $"contains {name} alone: {isAlone}, in a batch: {isTogether}"

            if isAlone then
                yield!
                    fault
                        (moved other id <> moved batch (fun tensor -> tensor.select (0L, place)))
                        $"{name} starts alone and in a batch, and moves in one of both"
    ]

let private like (what: string) (case: Case) (tensor: torch.Tensor) : Faults =
    let expected, found = Case.form case, Form.ofTensor tensor
    fault (expected <> found) $"{what} is {found}, but the tensor was {expected}"

/// Floating-point tensors have the element type of the tensor that they belong to.
let private ofDtype (what: string) (case: Case) (tensors: torch.Tensor seq) : Faults =
    [
        for tensor in tensors do
            if tensor.dtype <> case.Dtype && tensor.dtype <> torch.ScalarType.Int64 then
                Fault.said $"{what}: {tensor.dtype} instead of {case.Dtype}"

            if tensor.device.``type`` <> case.Device.``type`` then
                Fault.said $"{what}: on {tensor.device}"
    ]

let private keepsForm (subject: Subject) (case: Case) : Faults =
    let value = subject.Value
    let tensor = Case.normal 5UL case
    let sample = Subject.sample 2UL subject case

    like "project" case (Parametrization.project value tensor)
    @ like "sample" case sample
    @ ok "initialize" (Parametrization.initialize value sample) (fun parts ->
        like "forward" case (Parametrization.forward value parts)
        @ fault (Parametrization.form value parts <> Case.form case) "form differs from that of the tensor"
        @ ofDtype "initialize" case parts.Tensors
        @ ofDtype "advance" case (Parametrization.advance value parts).Tensors
        @ ok "rebase" (Parametrization.rebase value parts) (fun moved -> ofDtype "rebase" case moved.Tensors))

/// 16-bit floats are computed in single precision and rounded once.
let private widensHalves (subject: Subject) (case: Case) : Faults =
    ok "parts" (Subject.parts 1UL subject case) (fun parts ->
        let single (tensor: torch.Tensor) =
            if Form.isHalf tensor.dtype then
                tensor.``to`` torch.ScalarType.Float32
            else
                tensor

        let wide =
            Parametrization.ofTensorsLike
                parts
                (Seq.map single parts.Parameters)
                (Seq.map single parts.Buffers)
                subject.Value

        let expected = Parametrization.forward subject.Value wide
        let found = Parametrization.forward subject.Value parts
        // Below the normal numbers of float16 the distance between two of them stays what it is.
        let rounding = Form.epsilon case.Dtype * largest expected + 6e-8
        near "computed in float32" rounding expected found)

let private onlyHalves (subject: Subject) : Subject =
    { subject with
        Dtypes = List.filter Form.isHalf subject.Dtypes
        Scales = List.filter (fun scale -> scale <= 1.0) subject.Scales
    }

let private hasHalves (subject: Subject) : bool =
    let halves = onlyHalves subject

    halves.Dtypes
    |> List.exists (fun dtype -> halves.Scales |> List.exists (Subject.admits halves dtype))

let laws: Law list =
    [
        law
            "6"
            "a batch equals the loop over its elements"
            "A batch yields what its elements yield one by one."
            batchIsLoop
        |> onlyFor "a right inverse" Subject.hasRightInverse
        |> onlyFor "batches (Node.IsBatched)" Subject.isBatched
        |> on Subject.batchedCases
        law
            "6b"
            "a batch is allowed when each element is"
            "A batch is allowed exactly when its elements are, and what starts moves in a batch when it moves alone."
            batchIsAllowedWithEach
        |> onlyFor "a right inverse" Subject.hasRightInverse
        |> onlyFor "batches (Node.IsBatched)" Subject.isBatched
        |> on Subject.batchedCases
        law
            "6c"
            "tensors computed together equal those computed by themselves"
            "Several tensors that are computed as one batch, their gradients, and what they learn are those of each by itself."
            stackIsLoop
        |> onlyFor "what the library computes together" (fun subject -> Stacks.canBeStacked subject.Value)
        law
            "7"
            "shape, dtype and device stay"
            "Shape, element type and device of a tensor are those of its map, its inverse, its projection and its samples."
            keepsForm
        |> onlyFor "a right inverse" Subject.hasRightInverse
        law
            "7b"
            "16-bit floats are computed in float32"
            "Tensors of 16-bit floats are computed in single precision and rounded once."
            widensHalves
        |> onlyFor "16-bit floats" hasHalves
        |> on (onlyHalves >> Subject.cases)
    ]
