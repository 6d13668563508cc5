/// Shape, element type, device and layout of every tensor after every operation.
module Properties.Core.Values.FormTests

open Expecto
open FsCheck.FSharp
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open Properties.Core
open TorchSharp

let private orFail (what: string) (result: Result<'a, ParametrizationError>) : 'a =
    match result with
    | Ok value -> value
    | Error error -> failtest $"{what}: {error}"

let private haveForms (subject: Subject) (dtype: torch.ScalarType) (seed: int) : unit =
    use _ = torch.NewDisposeScope()
    let value = subject.Value
    let single = (subject.Shapes |> Gen.sampleWithSeed (FsCheck.Rnd(uint64 seed, 1UL)) 10 1)[0]

    let case =
        {
            Shape =
                if Subject.isBatched subject && seed = 2 then
                    Array.append [| 3L |] single
                else
                    single
            Dtype = dtype
            Scale = List.minBy (fun scale -> abs (log scale)) subject.Scales |> min subject.HalfLimit
            Seed = uint64 seed
            Device = Case.device
        }

    let form = Case.form case
    let parameters = Parametrization.parameterForms value form |> orFail "parameter forms"
    let buffers = Parametrization.bufferForms value form |> orFail "buffer forms"

    let check (what: string) (parts: Parts) : unit =
        let found = parts.Tensors |> Seq.map Form.ofTensor |> Seq.toList
        Expect.equal found (parameters @ buffers) $"{case}: forms {what}"
        Expect.equal (Parametrization.form value parts) form $"{case}: the form of what is computed {what}"
        let tensor = Parametrization.forward value parts
        Expect.equal (Form.ofTensor tensor) form $"{case}: the tensor {what}"

        for tensor in parts.Tensors do
            Expect.isTrue (tensor.is_contiguous ()) $"{case}: every part lies as optimizers want it {what}"

    let trainable (what: string) (parts: Parts) : unit =
        check what parts
        Expect.equal (Seq.length parts.Trainable) parameters.Length $"{case}: parameters {what}"

        for parameter in parts.Parameters do
            Expect.isTrue parameter.requires_grad $"{case}: parameters are trained {what}"

        for buffer in parts.Buffers do
            Expect.isFalse buffer.requires_grad $"{case}: buffers are not {what}"

    let sample = Subject.sample 2UL subject case
    Expect.equal (Form.ofTensor sample) form $"{case}: a sample"
    let any = Case.normal 3UL case
    let projected = Parametrization.project value any
    Expect.equal (Form.ofTensor projected) form $"{case}: a projection"
    let initial = Parametrization.initialize value sample |> orFail "initialize"
    trainable "from a sample" initial
    trainable "from a projection" (Parametrization.initialize value projected |> orFail "initialize")
    let nearest = Parametrization.initializeNearest value any |> orFail "initializeNearest"
    trainable "from the nearest" nearest
    trainable "at the start" (Parametrization.start value any |> orFail "start")
    check "after a step of learning" (Parametrization.advance value nearest)
    check "after learning anew" (Parametrization.refresh value nearest |> orFail "refresh")
    check "after what is carried moved" (Parametrization.rebase value nearest |> orFail "rebase")
    check "put right" (Parametrization.repair value nearest)

    match Parametrization.rightInverse value nearest projected with
    | Ok assigned -> trainable "after an assignment" assigned
    | Error error -> failtest $"{case}: {error}"

/// Tensors from elsewhere that do not fit each other, or the shape that is asked for.
let private misfits () : unit =
    use _ = torch.NewDisposeScope()
    let ones (shape: int64 list) = torch.ones (List.toArray shape, dtype = torch.float64, device = Case.device)
    let ofShape shape parameters buffers value () = Parametrization.ofTensorsOfShape shape parameters buffers value

    for make, words in
        [
            ofShape [| 3L; 4L |] [ ones [ 4L; 3L ] ] [] positive,
            "parameter `original` of positive must have shape [3, 4]"
            ofShape [| 3L; 4L |] [ ones [ 3L; 1L ]; ones [ 3L; 3L ] ] [] (weightNorm 0), "`original1`"
            ofShape [| 3L; 3L |] [ ones [ 3L; 3L ] ] [ ones [ 2L; 2L ] ] orthogonal, "buffer `0.base`"
            ofShape [| 3L; 4L |] [ ones [ 3L; 4L ] ] [] symmetric, "square"
            (fun () -> Parametrization.ofTensors [ ones [ 2L; 1L ]; ones [ 3L; 3L ] ] [] (weightNorm 0)), "`original0`"
            (fun () -> Parametrization.ofTensors [ ones [ 3L; 3L ] ] [] (weightNorm 0)), "(2, 0)"
        ] do
        let refusal = Expect.throwsC (make >> ignore) id
        Expect.isTrue (refusal :? System.ArgumentException) $"{refusal}"
        Expect.stringContains refusal.Message words "what is wrong"

    // The base as PyTorch has it.
    Parametrization.ofTensorsOfShape [| 3L; 2L |] [ ones [ 3L; 2L ] ] [ ones [ 3L; 3L ] ] orthogonal
    |> ignore

let tests: Test =
    testList
        "forms of parts"
        [
            testCase "tensors that do not fit are refused" misfits
            for subject in Generators.Subjects.all do
                testCase subject.Name (fun () ->
                    for dtype in subject.Dtypes do
                        for seed in 1..2 do
                            haveForms subject dtype seed)
        ]
