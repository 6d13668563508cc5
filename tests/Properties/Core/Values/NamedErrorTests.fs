/// Errors name the value, or the part of it, as it was typed.
module Properties.Core.Values.NamedErrorTests

open Expecto
open FsCheck.FSharp
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open Properties.Core
open TorchSharp

/// The first of several tensors: a node of a user's own that combines values, and refuses in a way of its own.
type private First(fault: string) =
    inherit Node()
    let code = Code.Call("first", [ Code.Items [ Code.Call("identity", []); Code.Call("identity", []) ] ])
    override _.Code = code
    override _.Domains = [ Domain.AnySpace; Domain.AnySpace ]
    override _.Codomain _ = Space "tensors of my own"

    override _.Inputs form =
        let name = FSharpText.ofCode code

        match fault with
        | "shape" -> Error(ParametrizationError.WrongShape(name, "another", Form.Shown form.Shape))
        | "dtype" -> Error(ParametrizationError.WrongDtype(name, "another", string form.Dtype))
        | "device" -> Error(ParametrizationError.WrongDevice(name, "another", string form.Device))
        | _ -> Ok [ form; form ]

    override _.Forward(inputs, _) = inputs[0] + inputs[1] * 0.0.ToScalar()

    override _.Contains(_, _, _) =
        if fault = "space" then
            Error { Condition = "never"; Size = 1.0; Limit = 0.0 }
        else
            Ok()

    override _.Invert(_, tensor, _, _) =
        if fault = "reach" then
            Error "there is none."
        else
            Ok { Inputs = [| tensor; tensor |]; Buffers = [||] }

    interface ICombines with
        member _.CodeWith inputs = Code.Call("first", [ Code.Items inputs ])

let private nameOf (error: ParametrizationError) : string =
    match error with
    | ParametrizationError.NotAllowed(value, _)
    | ParametrizationError.WrongShape(value, _, _)
    | ParametrizationError.WrongDtype(value, _, _)
    | ParametrizationError.WrongDevice(value, _, _)
    | ParametrizationError.NotFinite(value, _)
    | ParametrizationError.OutOfReach(value, _)
    | ParametrizationError.NoRightInverse value -> value
    | other -> failtest $"{other}"

let private own: Test list =
    [
        for fault in [ "shape"; "dtype"; "device"; "space"; "reach" ] do
            inScope $"a combination of one's own: {fault}" (fun () ->
                let value = Parametrization.join (First fault) [ skew; positive ]
                Expect.equal value.Code "first [ skew; positive ]" "the code"

                match Parametrization.initialize value (torch.zeros ([| 3L; 3L |], device = Case.device)) with
                | Ok _ -> failtest "nothing is refused"
                | Error error -> Expect.equal (nameOf error) value.Code $"{error}")
    ]

/// Of shapes, element types and sizes that most values refuse.
let private tensors (shape: int64[]) : torch.Tensor list =
    let x = normalOn Case.device torch.ScalarType.Float64 7UL (List.ofArray shape)

    [
        x
        x * nan.ToScalar()
        -(torch.ones_like x)
        x.``to`` torch.ScalarType.Int64
        x.``to`` torch.ScalarType.ComplexFloat64
        x.flatten ()
        x.sum ()
        torch.cat ([| x; x; x |], -1L)
        torch.zeros (shape, device = torch.META)
        (x * 1e4.ToScalar()).``to`` torch.ScalarType.Float16
    ]

let private named (subject: Subject) : Test =
    inScope subject.Name (fun () ->
        let value = subject.Value
        let shape = (subject.Shapes |> Gen.sampleWithSeed (FsCheck.Rnd(3UL, 1UL)) 10 1)[0]

        for view in [ id; Parametrization.transposed; Parametrization.onKernel ] do
            let seen = view value

            for tensor in tensors shape do
                for result in
                    [ Parametrization.contains seen tensor; Parametrization.start seen tensor |> Result.map ignore ] do
                    match result with
                    | Ok() -> ()
                    | Error error ->
                        let name = (nameOf error).Replace("transposed ", "").Replace("onKernel ", "")
                        let bare (text: string) = text.Replace("transposed ", "").Replace("onKernel ", "")
                        let bare (text: string) = (bare text).Replace("(", "").Replace(")", "")
                        let isPart = (bare seen.Code).Contains(bare name) || name = "transposed" || name = "onKernel"
                        Expect.isTrue isPart $"{seen} is named {name}")

let tests: Test =
    testList
        "names in errors"
        [
            yield! own
            for subject in Generators.Subjects.all @ Further.subjects do
                named subject
        ]
