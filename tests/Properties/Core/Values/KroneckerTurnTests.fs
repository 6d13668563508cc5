/// Kronecker products of which a factor has to be a rotation: the sign goes to the other factor.
module Properties.Core.Values.KroneckerTurnTests

open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open Properties.Core
open TorchSharp

let private turn = orthogonalWithoutBase OrthogonalMap.MatrixExp

let private cases: (Parametrization * int64 list) list =
    [
        kronecker (2L, 2L) identity turn, [ 6L; 6L ]
        kronecker (2L, 2L) identity turn, [ 2L; 2L ]
        kronecker (3L, 3L) turn identity, [ 6L; 6L ]
        kronecker (3L, 3L) turn turn, [ 9L; 9L ]
        kronecker (2L, 2L) (scale -0.5) turn, [ 2L; 6L; 6L ]
        kronecker (3L, 3L) turn orthogonal, [ 9L; 9L ]
    ]

let private moved (value: Parametrization) (shape: int64 list) (seed: uint64) : Parts =
    let start =
        orFail (Parametrization.initializeNearest value (normalOn Case.device torch.float64 seed shape))

    value
    |> Parametrization.ofTensorsLike
        start
        [
            for parameter in start.Parameters ->
                parameter.detach ()
                + normalOn Case.device torch.float64 (seed + 100UL) (List.ofArray parameter.shape)
        ]
        start.Buffers

let tests: Test =
    testList
        "kronecker products of rotations"
        [
            testCase "factors that read a whole batch are for one matrix" (fun () ->
                for factor in [ onKernel skew; ternary Granularity.Tensor ] do
                    for value in [ kronecker (2L, 2L) factor identity; kronecker (2L, 2L) identity factor ] do
                        let form = { Shape = [| 2L; 4L; 4L |]; Dtype = torch.float64; Device = Case.device }
                        Expect.isError (Parametrization.parameterForms value form) $"{value}")

            for value, shape in cases do
                testCase $"{value}, %A{shape}" (fun () ->
                    for seed in 1UL .. 20UL do
                        use _ = torch.NewDisposeScope()
                        let parts = moved value shape seed
                        let tensor = Parametrization.forward value parts
                        orFail (Parametrization.contains value tensor)
                        let back = orFail (Parametrization.rightInverse value parts tensor)

                        Expect.isLessThan
                            (Measures.apart (Parametrization.forward value back) tensor)
                            1e-9
                            "comes back"

                        match Parametrization.rebase value parts with
                        | Error _ -> ()
                        | Ok rebased ->
                            let apart = Measures.apart (Parametrization.forward value rebased) tensor
                            Expect.isLessThan apart 1e-9 "rebased")
        ]
