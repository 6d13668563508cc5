/// If one input of a value is free, assigning a tensor changes this input only; the others stay.
module Properties.Core.Values.KeepingTests

open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open Properties.Core
open TorchSharp

let private caseOf (seed: uint64) (dtype: torch.ScalarType) (shape: int64[]) : Case =
    { Shape = shape; Dtype = dtype; Scale = 1.0; Seed = seed; Device = Case.device }

/// Around the free one at each position, no two of which may change places.
let private around (free: Parametrization) (others: Parametrization list) : Parametrization list list =
    [ for position in 0 .. others.Length -> List.insertAt position free others ]

let private factors (dtype: torch.ScalarType) : Parametrization list =
    [
        orthogonal
        unitTriangular Triangle.Lower
        if Form.isComplex dtype then spd else invertible
        unitTriangular Triangle.Upper
        skewHermitian >>> cayley
    ]

let private terms: Parametrization list =
    [
        scale 2.0 >>> sphere 1.0
        weightNorm 0 >>> sphere 3.0
        unitTriangular Triangle.Lower
        spectralNorm
    ]

let private stays (value: Parametrization) (rest: int) (dtype: torch.ScalarType) (shape: int64[]) : unit =
    use _ = torch.NewDisposeScope()
    let normal seed shape = Case.unit 1UL (caseOf seed dtype shape)
    let start = Parametrization.start value (normal 1UL shape) |> orFail

    let moved =
        start.Parameters
        |> Seq.mapi (fun position parameter ->
            parameter.detach () + normal (uint64 position + 2UL) parameter.shape * 0.2)
        |> Seq.toList

    let parts = Parametrization.ofTensorsLike start moved start.Buffers value
    let tensor = normal 99UL shape
    let assigned = Parametrization.rightInverse value parts tensor |> orFail
    let found = Parametrization.forward value assigned
    let digits = 1e4 * min (Form.epsilon dtype) 1e-4
    Expect.isLessThan (Measures.apart tensor found) (digits * Measures.largest tensor) $"{value} yields the tensor"

    for position, before in List.indexed moved do
        let after = assigned.Parameters[position]

        if position <> rest then
            Expect.isLessThan
                (Measures.apart before after)
                (digits * (1.0 + Measures.largest before))
                $"{value}: parameter {position} of {dtype}, {Form.Shown shape}"

/// The parameter of the free one: those before it may have several.
let private positionOf (values: Parametrization list) (free: Parametrization) : int =
    values
    |> Seq.takeWhile (fun value -> not (obj.ReferenceEquals(value, free)))
    |> Seq.sumBy Parametrization.parameterCount

let private exact =
    [ torch.ScalarType.Float64; torch.ScalarType.ComplexFloat64; torch.ScalarType.Float32 ]

let tests: Test =
    testList
        "what stays"
        [
            for dtype in exact do
                testCase $"factors of {dtype}" (fun () ->
                    for values in around identity (factors dtype) do
                        for shape in [ [| 3L; 3L |]; [| 4L; 2L |]; [| 2L; 4L |]; [| 2L; 3L; 3L |] ] do
                            stays (product values) (positionOf values identity) dtype shape)

                testCase $"terms of {dtype}" (fun () ->
                    for values in around identity terms do
                        for shape in [ [| 3L; 3L |]; [| 4L; 2L |] ] do
                            stays (sum values) (positionOf values identity) dtype shape)
        ]
