/// Weights as training uses them in practice.
module internal Properties.Core.Generators.Practice

open FsCheck
open FsCheck.FSharp
open Parametrize.Laws
open TorchSharp
open Properties.Core.Ingredients

/// Sets three entries to numbers that lie on no common grid. 16-bit floats are too coarse for this, so NaN is used for them.
let private offGrid =
    Some(fun (w: torch.Tensor) ->
        let flat = w.clone().reshape -1L

        if flat.numel () < 3L || Parametrize.Form.isHalf w.dtype then
            w.add (nan.ToScalar())
        else
            let size = w.abs().max() + 1.0
            flat[0L] <- size
            flat[1L] <- size * 0.5003
            flat[2L] <- size * 0.0017
            flat.reshape w.shape)

let private unequal =
    Some(fun (w: torch.Tensor) ->
        let flat = w.clone().reshape -1L

        if w.shape[w.shape.Length - 1] < 2L then
            w.add (nan.ToScalar())
        else
            let size = w.abs().max() + 1.0
            flat[-2L] <- size
            flat[-1L] <- size * 0.5
            flat.reshape w.shape)

let private kernel: Gen<int64[]> = Gen.choose64 (1L, 3L) |> Gen.arrayOfLength 4

let lines: Subject list =
    [
        line "fakeQuantized" atLeastVectors reals everySize
        line "fakeQuantized, affine" entries reals everySize |> missedBy offGrid
        line "binary" atLeastMatrices reals everySize |> missedBy unequal
        line "ternary" vector reals everySize |> missedBy unequal
        line "groupSparse" fours all everySize |> missedBy (shifted 1e-3)
        line "weightStandardized" (shape 2 |> Gen.map (Array.map (max 2L))) reals everySize
        |> missedBy stretched
        |> roughAtZero
        line "sigmaReparametrized" atLeastVectors reals everySize |> roughAtZero
        line "aol" matrix all everySize |> missedBy stretched |> roughAtZero
        line "aolConvolution" kernel reals everySize |> missedBy stretched |> roughAtZero
        line "convolutionNorm" kernel all everySize |> missedBy stretched |> roughAtZero
        line "weightNoise" entries all everySize
        line "weightDropout" entries all everySize
    ]
