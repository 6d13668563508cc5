/// Matrices by their spectra.
module internal Properties.Core.Generators.Spectra

open FsCheck
open FsCheck.FSharp
open Parametrize.Laws
open TorchSharp
open Properties.Core.Ingredients

/// Of 2 rows at least.
let private severalSquare: Gen<int64[]> = Gen.choose64 (2L, 8L) |> Gen.map (fun n -> [| n; n |])

/// The first column a thousand times as long.
let private unequalValues =
    Some(fun (w: torch.Tensor) ->
        let columns = w.shape[w.shape.Length - 1]

        if min columns w.shape[w.shape.Length - 2] < 2L then
            w.add (nan.ToScalar())
        else
            let factors = torch.ones ([| columns |], dtype = w.dtype, device = w.device)
            factors.select(0L, 0L).fill_(1e3.ToScalar()) |> ignore
            w * factors)

/// Two more on the diagonal.
let private shifted =
    Some(fun (w: torch.Tensor) ->
        let identity = torch.eye (w.shape[w.shape.Length - 1], dtype = w.dtype, device = w.device)
        w + identity * 2.0.ToScalar())

let lines: Subject list =
    [
        line "spd" smallSquare all moderate
        |> bijection (realDiagonal _.tril(-1L))
        |> missedBy offDiagonal
        |> within 100.0
        line "spd, floor" smallSquare all moderate
        |> halvesTo 0.01
        |> bijection (realDiagonal _.tril(-1L))
        |> missedBy offDiagonal
        |> within 100.0
        line "spdBy" smallSquare reals moderate |> missedBy offDiagonal |> roughAtZero |> exponential 10.0
        line "spdWithTrace" severalSquare reals moderate
        |> missedBy stretched
        |> roughAtZero
        |> exponential 10.0
        line "psd" square reals everySize
        |> halvesTo 1.0
        |> missedBy offDiagonal
        |> roughAtZero
        |> exponential 10.0
        line "psdLowRank" severalSquare reals everySize
        |> halvesTo 1.0
        |> missedBy offDiagonal
        |> roughAtZero
        |> exponential 10.0
        line "psdFixedRank" severalSquare reals moderate
        |> missedBy offDiagonal
        |> roughAtZero
        |> exponential 10.0
        line "correlation" severalSquare reals moderate
        |> bijection everything
        |> missedBy offDiagonal
        |> within 100.0
        line "correlationCholesky" severalSquare reals moderate
        |> bijection everything
        |> missedBy (Some(fun w -> w * (1.0 + coarse 1e-3 w)))
        |> within 10.0
        line "lipschitz" matrix all everySize |> missedBy (Some(fun w -> w * 1000.0)) |> within 10.0
        line "conditioned" smallMatrix reals moderate
        |> missedBy unequalValues
        |> roughAtZero
        |> exponential 10.0
        line "hurwitzBlocks" smallSquare reals moderate
        |> missedBy (Some(fun w -> -w))
        |> onGround 1.0
        |> within 10.0
        line "hurwitz" smallSquare reals moderate
        |> missedBy (Some(fun w -> -w))
        |> onGround 1.0
        |> roughAtZero
        |> within 10.0
        line "schurStableBlocks" smallSquare reals moderate
        |> missedBy shifted
        |> onGround 1.0
        |> within 10.0
        line "schurStable" smallSquare reals moderate
        |> missedBy shifted
        |> onGround 1.0
        |> roughAtZero
        |> within 10.0
        // A determinant is seen through the rounding of all entries, which a large condition number multiplies.
        line "spdWithDeterminant" smallSquare reals moderate
        |> missedBy (Some(fun w -> w * (if Parametrize.Form.isHalf w.dtype then 10.0 else 1.5)))
        |> within 100.0
        // Products of large random triangles can be singular up to rounding.
        line "specialLinear" smallSquare reals moderate
        |> halvesTo 0.01
        |> missedBy stretched
        |> within 100.0
        line "nonsingular" smallSquare reals moderate
        |> halvesTo 0.01
        |> missedBy withoutFirstRow
        |> within 10.0
        // Products of two triangles of random numbers become singular to rounding as they grow.
        line "invertible" smallSquare reals moderate |> halvesTo 0.01 |> missedBy reflected |> within 10.0
    ]
