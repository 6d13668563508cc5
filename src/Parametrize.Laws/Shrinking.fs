/// Simpler cases that a value accepts as well.
module internal Parametrize.Laws.Shrinking

open Parametrize
open TorchSharp

/// Simplest first.
let types: torch.ScalarType list =
    [
        torch.ScalarType.Float64
        torch.ScalarType.Float32
        torch.ScalarType.ComplexFloat64
        torch.ScalarType.ComplexFloat32
        torch.ScalarType.Float16
        torch.ScalarType.BFloat16
    ]

/// Towards one: by leaps, then by single steps.
let private smaller (size: int64) : int64 list =
    [ 1L; 2L; size / 2L; size - 1L ]
    |> List.filter (fun next -> next >= 1L && next < size)
    |> List.distinct

let private shapes (shape: int64[]) : int64[] seq =
    seq {
        // Squares have to stay squares.
        for size in Array.distinct shape do
            for next in smaller size do
                shape |> Array.map (fun old -> if old = size then next else old)

        for position in 0 .. shape.Length - 1 do
            for next in smaller shape[position] do
                shape |> Array.mapi (fun i old -> if i = position then next else old)
    }

let private seeds (seed: uint64) : uint64 seq =
    seq {
        for small in 0UL .. 9UL do
            small

        seed / 2UL
        seed - min seed 1UL
    }
    |> Seq.filter (fun next -> next < seed)
    |> Seq.distinct

/// Cases that are simpler in one respect: shape, element type, scale, seed.
let simpler (subject: Subject) (case: Case) : Case seq =
    let simplerTypes = types |> List.takeWhile (fun dtype -> dtype <> case.Dtype)

    seq {
        for shape in shapes case.Shape do
            { case with Shape = shape }

        for dtype in simplerTypes do
            { case with Dtype = dtype }

        if case.Scale <> 1.0 then
            { case with Scale = 1.0 }

        for seed in seeds case.Seed do
            { case with Seed = seed }
    }
    |> Seq.filter (fun next ->
        match Parametrization.parameterForms subject.Value (Case.form next) with
        | Ok _ ->
            let isSameSize = next.Dtype = case.Dtype && next.Scale = case.Scale
            isSameSize || Subject.admits subject next.Dtype next.Scale
        | Error _ -> false)
