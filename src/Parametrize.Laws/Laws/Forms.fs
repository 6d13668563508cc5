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

/// How many dimensions the generator put before a single problem is not recorded, so one is split off.
let private batchIsLoop (subject: Subject) (case: Case) : Faults =
    let value = subject.Value
    let inside = Subject.sample 2UL subject case
    let outside = Case.normal 5UL case
    let projected = Parametrization.project value outside

    ok "parts" (Subject.parts 1UL subject case) (fun parts ->
        let whole = Parametrization.forward value parts

        let one index =
            let slice = Seq.map (element 1 index)

            Parametrization.forward
                value
                (Parametrization.ofTensors (slice parts.Parameters) (slice parts.Buffers) value)

        near "forward" (Subject.slack subject case whole) (looped 1 whole one) whole)
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
