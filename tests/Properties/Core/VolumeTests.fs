/// By how much chains stretch volumes.
module Properties.Core.VolumeTests

open Expecto
open Parametrize
open Parametrize.Values
open Parametrize.Laws
open TorchSharp

/// `exp` of each entry: a node of a user's own, which tells a volume of that many numbers.
type private Exponential(numbers: torch.Tensor -> torch.Tensor) =
    inherit Node()
    override _.Code = Code.Call("exponential", [])
    override _.Domains = [ Domain.AnySpace ]
    override _.Codomain _ = Space "positive tensors of my own"
    override _.Forward(inputs, _) = inputs[0].exp()
    override _.Contains(_, _, _) = Ok()
    override _.Invert(_, tensor, _, _) = NodeParts.ofInput (tensor.log ())

    interface IVolume with
        member _.LogVolume(inputs, _) = numbers inputs[0]

let private parts (value: Parametrization) (dtype: torch.ScalarType) (shape: int64[]) : Parts =
    let drawn = torch.randn (shape, dtype = dtype, generator = new torch.Generator(7UL, torch.CPU))
    Parametrization.ofTensors [ drawn.``to``(Case.device).requires_grad_ true ] [] value

let private ofParts (value: Parametrization) (parts: Parts) : torch.Tensor =
    match Parametrization.logVolume value parts with
    | Some number -> number
    | None -> failtest $"the volume of {value} is not known"

let private agrees (value: Parametrization) (dtype: torch.ScalarType) : Test =
    testCase $"{value} of {dtype} has the volume of its derivative" (fun () ->
        use _ = torch.NewDisposeScope()
        let parts = parts value dtype [| 2L; 3L; 2L |]
        let number = ofParts value parts
        Expect.equal number.shape [||] "one number"
        Expect.isTrue (number.is_floating_point ()) "a real one"
        Expect.floatClose Accuracy.high (number.item<double>()) (Volumes.logVolume value parts) "the volume")

let private unknown (value: Parametrization) : Test =
    testCase $"{value} has none in closed form" (fun () ->
        use _ = torch.NewDisposeScope()

        let parts = parts value torch.ScalarType.Float32 [| 4L; 4L |]
        Expect.isNone (Parametrization.logVolume value parts) "the volume")

let private gradientOf (parts: Parts) : torch.Tensor =
    match parts.Parameters[0].grad with
    | null -> failtest "there is no gradient"
    | gradient -> gradient

let private own = Exponential _.sum()

let tests: Test =
    testList
        "volumes"
        [
            for value in
                [
                    identity
                    scale -2.0 >>> positive
                    positive >>> shift -0.5 >>> bounded -1.0 infinity
                    transposed (bounded -1.0 1.0) >>> scale 3.0
                    onKernel (scale 0.5 >>> positiveBy PositiveMap.Exp) >>> bounded -infinity 200.0
                    positiveBy PositiveMap.Square >>> scale 2.0
                    positive >>> Parametrization.ofNode own
                ] do
                agrees value torch.ScalarType.Float64

            agrees (scale 3.0 >>> shift 1.0) torch.ScalarType.ComplexFloat64
            agrees identity torch.ScalarType.ComplexFloat64
            unknown (symmetric >>> positive)
            unknown (diagonal >>> scale 2.0)
            unknown skew
            unknown (sphere 1.0)
            // What it yields is not known to be open.
            unknown (Parametrization.ofNode own >>> positive)
            testCase "gradients flow through it" (fun () ->
                use _ = torch.NewDisposeScope()
                let value = scale 2.0 >>> positive
                let parts = parts value torch.ScalarType.Float64 [| 5L |]
                (ofParts value parts).backward()
                let x = parts.Parameters[0].detach()
                let expected = (x * 2.0).neg().sigmoid() * 2.0
                Expect.isLessThan (Measures.apart expected (gradientOf parts)) 1e-14 "the gradient")
            testCase "that of many 16-bit entries is a float32" (fun () ->
                use _ = torch.NewDisposeScope()
                let value = scale 1e-3
                let number = ofParts value (parts value torch.ScalarType.Float16 [| 200L; 200L |])
                Expect.equal number.dtype torch.ScalarType.Float32 "its element type"
                Expect.floatClose Accuracy.medium (float (number.item<float32>())) (40000.0 * log 1e-3) "the volume")
            testCase "a node that tells numbers of no problems is named" (fun () ->
                use _ = torch.NewDisposeScope()
                let value = Parametrization.ofNode (Exponential(fun x -> torch.cat ([| x; x |])))

                Expect.throwsC
                    (fun () ->
                        Parametrization.logVolume value (parts value torch.ScalarType.Float32 [| 3L |]) |> ignore)
                    (fun error ->
                        Expect.stringContains error.Message "exponential breaks its contract in LogVolume" ""))
        ]
