/// Dimensions behind values that lie in a large space without filling it, as adapters do.
module Properties.Core.DimensionTests

open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open TorchSharp

let private shapes: int64[] list = [ [| 4L; 4L |]; [| 4L; 2L; 3L; 3L |]; [| 4L; 2L |]; [| 2L; 2L |] ]

/// With every parameter moved, since some start at zeros.
let private moved (value: Parametrization) (shape: int64[]) : Parts option =
    let form = { Shape = shape; Dtype = torch.float64; Device = Case.device }
    use generator = new torch.Generator(3UL, torch.CPU)

    match Parametrization.start value (Form.normal generator form) with
    | Error _ -> None
    | Ok parts ->
        let near (part: torch.Tensor) = part.detach () + Form.normal generator (Form.ofTensor part) * 0.3.ToScalar()
        Some(Parametrization.ofTensorsLike parts (Seq.map near parts.Parameters) parts.Buffers value)

let private behind (first: Parametrization) : Test =
    testCase $"behind {first} dimensions are ranks, or not known" (fun () ->
        for entry in Parametrize.Catalogue.entries do
            match Parametrization.tryAndThen entry.Value first with
            | Ok value ->
                for shape in shapes do
                    use _ = torch.NewDisposeScope()

                    match moved value shape with
                    | Some parts ->
                        match Dimension.tryOf value parts with
                        | Some dimension ->
                            Expect.equal
                                (Dimensions.rank (Dimensions.jacobian value parts))
                                dimension
                                $"{value} of {List.ofArray shape}"
                        | None -> ()
                    | None -> ()
            | Error _ -> ())

/// Values of factors, of fewer numbers than they have entries too.
let private factors: Parametrization list =
    [
        for numbers in [ positive; simplex; simplex >>> scale 2.0; boundedRatio 4.0; positiveOrdered ] do
            svdFull [ orthogonal; numbers; orthogonal ]
            svd 2L [ orthogonal; numbers; polar ]
            eigenFull [ orthogonal; numbers ]
            eigen 2L [ polar; numbers ]
        for numbers in [ identity; sumToZero; sphere 2.0; ordered ] do
            eigenFull [ orthogonal; numbers ]
            eigen 2L [ orthogonal; numbers ]
        svd 2L [ orthogonal; identity; orthogonal ]
        svd 2L [ identity; positive; orthogonal ]
        svd 2L [ orthogonal; identity; identity ]
        eigen 2L [ identity; positive ]
        almostOrthogonal 0.5 AlmostOrthogonalMap.Tanh
        schurForm [ orthogonal; identity ]
        schurForm [ orthogonal; hurwitzBlocks 0.5 ]
    ]

let private ofFactors (value: Parametrization) : Test =
    testCase $"of {value} it is the rank" (fun () ->
        for shape in [ [| 4L; 4L |]; [| 5L; 3L |]; [| 2L; 3L; 3L |] ] do
            use _ = torch.NewDisposeScope()

            match moved value shape with
            | Some parts ->
                let rank = Dimensions.rank (Dimensions.jacobian value parts)
                Expect.equal (Dimension.tryOf value parts) (Some rank) $"{List.ofArray shape}"
            | None -> ())

let private isRankOrUnknown (value: Parametrization) : unit =
    use _ = torch.NewDisposeScope()

    match moved value [| 4L; 4L |] with
    | Some parts ->
        match Dimension.tryOf value parts with
        | Some dimension -> Expect.equal (Dimensions.rank (Dimensions.jacobian value parts)) dimension $"{value}"
        | None -> ()
    | None -> ()

/// Factors of fewer numbers than they have entries.
let private ofAdapters: Test =
    testCase "of adapters behind other values it is the rank, or not known"
    <| fun () ->
        for first in [ oft 2L; lora 1L 1.0; skew; diagonal ] do
            for inputs in [ [ first; identity ]; [ identity; first ] ] do
                match Tree.substitute true (inputs |> List.map _.Tree) (lora 2L 4.0).Tree with
                | Error _ -> ()
                | Ok tree -> isRankOrUnknown (Parametrization tree)

/// The free term may be a sum of such values itself.
let private ofSums: Test =
    testCase "of sums of sums it is the rank, or not known"
    <| fun () ->
        for inner in [ sum [ oft 2L; spdWithDeterminant 2.5 ]; sum [ lora 1L 1.0; diagonal ]; sum [ identity; oft 2L ] ] do
            for value in [ sum [ diagonal; inner ]; sum [ inner; skew ] ] do
                isRankOrUnknown value

let tests: Test =
    testList
        "dimensions"
        [
            ofSums
            for value in factors do
                ofFactors value
            ofAdapters
            // Some fall short by one: 2 x 2 matrices of rank 1, 4 x 4 matrices of rank 3.
            for first in [ lora 1L 1.0; lora 3L 1.0; rsLora 1L 1.0; dora 1L 1.0; oft 2L ] do
                behind first
        ]
