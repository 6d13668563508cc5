/// Shape, element type, device and layout of every tensor after every operation.
module Properties.Core.Values.FormTests

open Expecto
open FsCheck.FSharp
open Parametrize
open Parametrize.Laws
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

let tests: Test =
    testList
        "forms of parts"
        [
            for subject in Generators.Subjects.all ->
                testCase subject.Name (fun () ->
                    for dtype in subject.Dtypes do
                        for seed in 1..2 do
                            haveForms subject dtype seed)
        ]
