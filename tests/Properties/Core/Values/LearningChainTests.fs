/// Values that learn, one behind another: each step is that of the first, and of the second from what the first yields after it.
module Properties.Core.Values.LearningChainTests

open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open Properties.Core
open TorchSharp

let private learning: Parametrization list =
    [
        spectralNorm
        spectralNormWith { SpectralNorm.defaults with Dimension = 1 }
        spectralNormWith { SpectralNorm.defaults with Bound = 2.5; Iterations = 2 }
    ]

/// What stands between two of them.
let private between: (Parametrization -> Parametrization -> Parametrization) list =
    [
        fun first second -> first >>>! second
        fun first second -> first >>>! scale -2.0 >>>! second
        fun first second -> first >>>! positive >>>! second
    ]

let private unit (dtype: torch.ScalarType) (seed: uint64) (size: int64) : torch.Tensor =
    let vector = normalOn Case.device torch.ScalarType.Float64 seed [ size ]
    (vector / vector.norm ()).``to`` dtype

/// Vectors that are far from those to which they converge.
let private buffersOf
    (dtype: torch.ScalarType)
    (seed: uint64)
    (value: Parametrization)
    (form: Form)
    : torch.Tensor list =
    orFail (Parametrization.bufferForms value form)
    |> List.mapi (fun place form -> unit dtype (seed + uint64 place) form.Shape[0])

let private stepsAlike dtype allowed (first: Parametrization) (second: Parametrization) join : unit =
    use _ = torch.NewDisposeScope()
    let form = { Shape = [| 4L; 5L |]; Dtype = dtype; Device = Case.device }
    let weight = normalOn Case.device dtype 1UL [ 4L; 5L ]
    let before, behind = buffersOf dtype 2UL first form, buffersOf dtype 5UL second form
    let both = join first second
    let mutable chain = Parametrization.ofTensors [ weight ] (before @ behind) both
    let mutable alone = Parametrization.ofTensors [ weight ] before first
    let mutable last = behind

    for step in 1..3 do
        chain <- Parametrization.advance both chain
        alone <- Parametrization.advance first alone
        // The input of the second: the output of the chain without it.
        let middle = join first identity
        let read = Parametrization.forward middle (Parametrization.ofTensors [ weight ] alone.Buffers middle)
        let next = Parametrization.advance second (Parametrization.ofTensors [ read ] last second)
        last <- List.ofSeq next.Buffers

        for found, expected in Seq.zip chain.Buffers (Seq.append alone.Buffers last) do
            Expect.isLessThan (Measures.apart found expected) allowed $"{both}, {dtype}: step {step}"

let tests: Test =
    testCase "values that learn behind others that do" (fun () ->
        for first, second in List.allPairs learning learning do
            for join in between do
                stepsAlike torch.ScalarType.Float64 1e-12 first second join
                stepsAlike torch.ScalarType.Float32 1e-5 first second join)
