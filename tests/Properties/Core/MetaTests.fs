/// Forward and backward passes on a device without data: a tensor made on another device, or a number that the host reads,
/// fails there, as it would fail or wait on CUDA.
module Properties.Core.MetaTests

open Expecto
open FsCheck
open FsCheck.FSharp
open Parametrize
open Parametrize.Laws
open TorchSharp

/// Whether a value reads numbers: the exponential squares, and geodesics double, as often as the norm of their argument requires,
/// and the Cayley map corrects the rounding of large arguments. All of these choose among methods whose costs differ by several
/// times.
let private reads (subject: Subject) : bool =
    let ways =
        [
            "matrixExp"
            "orthogonal"
            "cayley"
            "oft"
            "specialOrthogonal"
            "unitary"
            "specialUnitary"
            "grassmann"
        ]

    Parametrization.nodes subject.Value
    |> List.exists (fun node ->
        let code = string node
        ways |> List.exists code.StartsWith && not (code.Contains "Householder"))

/// Operations that libtorch does not have on the `meta` device, although they wait for no number. The operations after them are
/// not checked.
let private withoutKernel =
    [ "abs.out"; "where.self"; "logical_and.out"; "linalg_solve_triangular"; "flip"; "unfold_backward" ]

/// Which operation has stopped a pass.
let private stopping (error: System.Runtime.InteropServices.ExternalException) : string =
    let found = System.Text.RegularExpressions.Regex.Match(error.Message, "aten::(\\S+): attempted to run")
    if found.Success then found.Groups[1].Value else error.Message

let private onMeta (tensor: torch.Tensor) : torch.Tensor =
    torch.empty (tensor.shape, dtype = tensor.dtype, device = torch.META)

let private pass (subject: Subject) (dtype: torch.ScalarType) (shape: int64[]) : unit =
    use _ = torch.NewDisposeScope()

    let case = { Shape = shape; Dtype = dtype; Scale = 1.0; Seed = 1UL; Device = Case.device }

    match Subject.parts 1UL subject case with
    | Error error -> failtest error.Message
    | Ok parts ->
        let leaves = [ for p in parts.Parameters -> (onMeta p).requires_grad_ true ]
        let buffers = parts.Buffers |> Seq.map onMeta
        let meta = Parametrization.ofTensorsLike parts leaves buffers subject.Value
        let expected = Parametrization.form subject.Value parts
        let tensor = Parametrization.forward subject.Value meta
        Expect.equal (Form.ofTensor tensor) { expected with Device = torch.META } "the form"
        let number = if tensor.is_complex () then tensor.real.sum () else tensor.sum ()
        number.backward ()

        for leaf in leaves do
            match leaf.grad with
            | null -> failtest "a parameter has no gradient"
            | gradient -> Expect.equal (Form.ofTensor gradient) (Form.ofTensor leaf) "the form of a gradient"

        if Parametrization.learns subject.Value then
            for next in (Parametrization.advance subject.Value meta).Buffers do
                Expect.equal next.device_type DeviceType.META "the device of what is learnt"

/// How many passes came to their end, of how many.
let mutable private ended, private tried = 0, 0

let private passes (subject: Subject) (dtype: torch.ScalarType) () : unit =
    for shape in subject.Shapes |> Gen.sampleWithSeed (Rnd(1UL, 1UL)) 10 3 |> Array.distinct do
        tried <- tried + 1

        try
            pass subject dtype shape
            ended <- ended + 1
        with :? System.Runtime.InteropServices.ExternalException as error ->
            let operation = stopping error

            if not (reads subject || List.contains operation withoutKernel) then
                failtest $"{Form.Shown shape}: {operation} reads a number, or mixes devices"

let tests: Test =
    testList
        "on a device without data"
        [
            for subject in Generators.Subjects.all do
                for dtype in subject.Dtypes do
                    testCase $"{subject.Name}, {dtype}" (passes subject dtype)
            testCase "a third of the passes come to their end" (fun () ->
                Expect.isGreaterThanOrEqual (3 * ended) tried $"{ended} of {tried} passes")
        ]
