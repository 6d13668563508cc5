/// Bases that rounding has moved: with one that can be carried, what is yielded is allowed.
module Properties.Core.Values.CarriedBaseTests

open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open Properties.Core
open TorchSharp

/// Values with a base, a shape, and the element types that they have.
let private cases: (Parametrization * int64 list * torch.ScalarType list) list =
    let reals = [ torch.float64; torch.float32; torch.float16; torch.bfloat16 ]
    let complex = [ torch.complex128; torch.complex64 ]

    [
        orthogonal, [ 3L; 3L ], reals @ complex
        cayley, [ 4L; 4L ], reals @ complex
        orthogonal, [ 5L; 2L ], reals @ complex
        cayley, [ 2L; 5L ], reals @ complex
        specialOrthogonal, [ 3L; 3L ], reals
        unitary, [ 3L; 3L ], complex
        specialUnitary, [ 3L; 3L ], complex
        symplectic, [ 4L; 4L ], reals
        sphereExp 1.0, [ 4L ], reals @ complex
    ]

/// The diagonal of a base that has fewer columns than rows, all numbers of others.
let private moved (factor: float) (foot: torch.Tensor) : torch.Tensor =
    let foot = foot.clone ()

    if foot.dim () < 2L || foot.shape[0] = foot.shape[1] then
        foot.mul_ (factor.ToScalar())
    else
        foot.diagonal().mul_(factor.ToScalar()) |> ignore
        foot

let private isAllowed (value: Parametrization) (shape: int64 list) (dtype: torch.ScalarType) : int =
    let epsilon = Form.epsilon dtype

    [
        for step in -60 .. 60 do
            use _ = torch.NewDisposeScope()
            let parts = orFail (Parametrization.start value (normalOn Case.device dtype 2UL shape))
            let factor = 1.0 + epsilon * float step / 8.0
            let leaves = [ for leaf in parts.Parameters -> leaf.detach () ]
            let parts = Parametrization.ofTensorsLike parts leaves (parts.Buffers |> Seq.map (moved factor)) value

            if (Parametrization.misfits value epsilon parts).IsEmpty then
                let found = Parametrization.contains value (Parametrization.forward value parts)
                Expect.equal found (Ok()) $"{value}, {dtype}: a base times 1 + {step} / 8 epsilon"
                1
    ]
    |> List.length

let tests: Test =
    testList
        "bases that were moved"
        [
            for value, shape, dtypes in cases do
                for dtype in dtypes do
                    testCase $"{value} of {shape}, {dtype}" (fun () ->
                        Expect.isGreaterThan (isAllowed value shape dtype) 0 "some that can be carried")
        ]
