/// Complex magnitudes come from other values: the right inverse gives them the element type that these read.
module Properties.Core.Values.ComplexMagnitudeTests

open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open Properties.Core
open TorchSharp

let private cases: Parametrization list =
    [
        for magnitude in
            [
                product [ orthogonal; identity ]
                product [ unitTriangular Triangle.Lower; identity ]
                sum [ identity; symmetric ]
                scale 3.0
            ] -> joined [ magnitude; identity ] (weightNorm 0)
    ]

/// How many tensors were taken, and came back.
let private assigned (value: Parametrization) (dtype: torch.ScalarType) (shape: int64 list) : int =
    use _ = torch.NewDisposeScope()

    match Parametrization.initializeNearest value (normalOn Case.device dtype 3UL shape) with
    | Error _ -> 0
    | Ok parts ->
        [ 4UL .. 8UL ]
        |> List.sumBy (fun seed ->
            let tensor = normalOn Case.device dtype seed shape

            match Parametrization.rightInverse value parts tensor with
            | Error _ -> 0
            | Ok found ->
                let apart = Measures.apart (Parametrization.forward value found) tensor
                Expect.isLessThan apart 1e-9 $"{value} of {shape}"
                1)

let tests: Test =
    testList
        "magnitudes of complex tensors"
        [
            for value in cases do
                for dtype in [ torch.ScalarType.Float64; torch.ScalarType.ComplexFloat64 ] do
                    testCase $"{value}, {dtype}" (fun () ->
                        let taken = [ [ 4L; 4L ]; [ 1L; 1L ] ] |> List.sumBy (assigned value dtype)
                        Expect.isGreaterThan taken 0 "some are taken")
        ]
