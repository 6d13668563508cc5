/// Rotations by half a turn, and by nearly one, which the Cayley map reaches in the limit only: what they are projected to is allowed.
module Properties.Core.Values.HalfTurnTests

open System
open Expecto
open Parametrize
open Parametrize.Laws
open Parametrize.Values
open Properties.Core
open TorchSharp

let private wide = torch.ScalarType.Float64

/// Rotations of planes by these angles, and of what is left by nothing, in a random basis.
let private turned (size: int64) (seed: uint64) (angles: float list) : torch.Tensor =
    let blocks =
        [|
            for angle in angles do
                let cosine, sine = cos angle, sin angle
                torch.tensor([| cosine; -sine; sine; cosine |], dtype = wide).reshape(2L, 2L)
            for _ in 2 * angles.Length .. int size - 1 do
                torch.ones ([| 1L; 1L |], dtype = wide)
        |]

    let struct (basis, _) = torch.linalg.qr (normalOn torch.CPU wide seed [ size; size ])
    (basis.matmul(torch.block_diag blocks).matmul basis.mT).``to`` Case.device

/// How far from half a turn.
let private distances: float list =
    [
        0.0
        1e-9
        for share in [ 0.1; 0.25; 0.5; 0.9; 1.1; 2.0; 4.0 ] do
            8e-4 * share
    ]

/// Here `|1 + exp(i angle)| = 8e-4`, from where on directions are reflected: rounding decides on which side each of a pair is.
let private ends: float list =
    [
        for step in -12 .. 12 do
            2.0 * asin 4e-4 * (1.0 + 3e-13 * float step)
    ]

let private values: Parametrization list =
    [ orthogonalWithoutBase OrthogonalMap.Cayley; skew >>> orthogonalWithoutBase OrthogonalMap.Cayley ]

let private isProjected (value: Parametrization) (size: int64) (angles: float list) (seed: uint64) : unit =
    use _ = torch.NewDisposeScope()
    let tensor = turned size seed angles
    let nearest = Parametrization.project value tensor
    let what = $"{value} of {size} rows, angles {angles}, seed {seed}"
    Expect.isOk (Parametrization.contains value nearest) what
    Expect.isLessThan (Measures.apart (Parametrization.project value nearest) nearest) 1e-9 $"{what}: it stays"
    // Directions are reflected two and two, which moves what is far from them by nothing.
    Expect.isLessThan (Measures.apart nearest tensor) 2.001 what

let tests: Test =
    testList
        "half turns"
        [
            for value in values do
                testCase $"{value}" (fun () ->
                    for distance in distances do
                        for seed in 1UL .. 2UL do
                            isProjected value 2L [ Math.PI - distance ] seed
                            isProjected value 3L [ Math.PI - distance ] seed
                            isProjected value 4L [ Math.PI - distance; 1.0 ] seed
                            isProjected value 4L [ Math.PI - distance; Math.PI - 1e-6 ] seed
                            isProjected value 4L [ Math.PI - distance; distance - Math.PI ] seed)

                testCase $"{value}, beside one that is out of reach" (fun () ->
                    for distance in ends do
                        for seed in 1UL .. 6UL do
                            isProjected value 4L [ Math.PI - distance; Math.PI - 1e-6 ] seed
                            isProjected value 5L [ Math.PI - distance; Math.PI - 1e-6 ] seed)
        ]
