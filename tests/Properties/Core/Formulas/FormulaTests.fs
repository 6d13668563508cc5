/// The map of every value against a formula that was written apart from it.
module Properties.Core.Formulas.FormulaTests

open Expecto
open FsCheck.FSharp
open Parametrize
open Parametrize.Laws
open Properties.Core
open TorchSharp

let private tries = 20

/// Far enough out for every branch of the maps, where the subject has such sizes.
let private scales (subject: Subject) : float list =
    let wanted =
        if subject.Scales = Ingredients.moderate then
            [ 0.01; 0.3; 1.0 ]
        else
            [ 1e-3; 1.0; 30.0 ]

    if (subject.Accuracy 1e3 > 1e3) then
        wanted |> List.filter (fun scale -> scale <= 1.0)
    else
        wanted

let private dtypes: (torch.ScalarType * torch.ScalarType) list =
    [
        torch.ScalarType.Float64, torch.ScalarType.Float64
        torch.ScalarType.Float32, torch.ScalarType.Float64
        torch.ScalarType.ComplexFloat64, torch.ScalarType.ComplexFloat64
        torch.ScalarType.ComplexFloat32, torch.ScalarType.ComplexFloat64
    ]

/// Points that random numbers miss: some entries zero, all of them, ones, a reflection of the first axis.
let private special (case: Case) (seed: int) (parameter: torch.Tensor) : torch.Tensor =
    match seed % 8 with
    | 5 ->
        let chance = (Case.normalOf parameter.shape 1.0 90UL case).real
        parameter * chance.gt((0.0).ToScalar()).``to`` parameter.dtype
    | 6 -> torch.ones_like (parameter, requires_grad = false)
    | 7 when parameter.dim () >= 2L ->
        let turned = Tensors.eyeLike(parameter).expand(parameter.shape).clone()
        turned.select(-1L, 0L).neg_() |> ignore
        turned
    | _ -> parameter

/// Parts in which what is learnt are any unit vectors.
let private partsOf (subject: Subject) (case: Case) (seed: int) : Parts =
    let value = subject.Value

    match Subject.parts 1UL subject case with
    | Error error -> failtest $"{case}: {error}"
    | Ok parts ->
        let redrawn =
            Seq.zip (Parametrization.bufferNames value) parts.Buffers
            |> Seq.mapi (fun index (name, buffer) ->
                if name.EndsWith "._u" || name.EndsWith "._v" then
                    let vector = Case.normalOf buffer.shape 1.0 (50UL + uint64 index) case
                    vector / vector.norm ()
                else
                    buffer)
            |> Seq.toList

        Parametrization.ofTensorsLike parts (Seq.map (special case seed) parts.Parameters) redrawn value

let private wide (dtype: torch.ScalarType) (tensor: torch.Tensor) : torch.Tensor =
    let tensor = tensor.detach ()

    if tensor.is_floating_point () || tensor.is_complex () then
        tensor.``to`` dtype
    else
        tensor

/// By the formula, matrix after matrix of a batch.
let private expected (formula: Naive.Formula) (batch: int64) (dtype: torch.ScalarType) (parts: Parts) : torch.Tensor =
    let parameters = parts.Parameters |> Seq.map (wide dtype) |> Seq.toList
    let buffers = parts.Buffers |> Seq.map (wide dtype) |> Seq.toList

    if batch = 0L then
        formula parameters buffers
    else
        let at (index: int64) = List.map (fun (tensor: torch.Tensor) -> tensor.select (0L, index))
        torch.stack [| for index in 0L .. batch - 1L -> formula (at index parameters) (at index buffers) |]

let private agrees (subject: Subject) (formula: Naive.Formula) (dtype, wideDtype) (seed: int) : unit =
    use _ = torch.NewDisposeScope()
    use _ = torch.no_grad ()
    let scales = scales subject
    let single = (subject.Shapes |> Gen.sampleWithSeed (FsCheck.Rnd(uint64 seed, 1UL)) 10 1)[0]
    let batch = if Subject.isBatched subject && seed % 3 = 0 then 2L else 0L

    let case =
        {
            Shape = if batch = 0L then single else Array.append [| batch |] single
            Dtype = dtype
            Scale = scales[seed % scales.Length]
            Seed = uint64 seed
            Device = Case.device
        }

    let parts = partsOf subject case seed
    let expected = expected formula batch wideDtype parts
    let found = Parametrization.forward subject.Value parts
    // A formula that divides by zero says nothing.
    let isDefined = expected.isfinite().all().item<bool>()
    Expect.equal found.dtype dtype $"the element type of {case}"
    let size = max (max 1.0 subject.Ground) (Measures.largest expected)
    let digits = Form.epsilon dtype * 2e4 * max 1.0 case.Scale

    if isDefined then
        Expect.isLessThanOrEqual (Measures.apart expected found) (digits * size) $"{case}: formula and map"

let private testOf (subject: Subject) : Test =
    testCase subject.Name (fun () ->
        match ReferenceFormulas.all.TryFind subject.Name with
        | None -> failtest $"{subject.Name} has no formula in ReferenceFormulas.fs"
        | Some formula ->
            for dtype, wide in dtypes do
                if List.contains dtype subject.Dtypes then
                    for seed in 1..tries do
                        agrees subject formula (dtype, wide) seed)

let tests: Test = testList "formulas" (Generators.Subjects.all @ Further.subjects |> List.map testOf)
