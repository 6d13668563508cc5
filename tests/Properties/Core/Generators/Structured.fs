/// Matrices by their entries.
module internal Properties.Core.Generators.Structured

open FsCheck
open FsCheck.FSharp
open Parametrize.Laws
open TorchSharp
open Properties.Core.Ingredients

let private withColumns (columns: int64) (shape: int64[]) : int64[] =
    Array.append shape[.. shape.Length - 2] [| columns |]

let private withTwoColumns (shape: int64[]) : int64[] = withColumns (max 2L (Array.last shape)) shape

let private evenSquare: Gen<int64[]> =
    Gen.choose64 (1L, 5L) |> Gen.map (fun half -> [| 2L * half; 2L * half |])

let private smallEvenSquare: Gen<int64[]> =
    Gen.choose64 (1L, 3L) |> Gen.map (fun half -> [| 2L * half; 2L * half |])

let private band (lower: int64) (upper: int64) = Some(fun (x: torch.Tensor) -> (x.tril upper).triu -lower)

let private sides (w: torch.Tensor) : int64 * int64 = w.shape[w.shape.Length - 2], Array.last w.shape

/// A corner outside the band of one diagonal below and two above the main one.
let private offBand =
    Some(fun (w: torch.Tensor) ->
        match sides w with
        | rows, _ when rows > 2L -> corner -1L 0L (coarse 1e-3 w) w
        | _, columns when columns > 3L -> corner 0L -1L (coarse 1e-3 w) w
        | _ -> w.add (nan.ToScalar()))

/// One entry of a line that has two.
let private offLine (row: int64) =
    Some(fun (w: torch.Tensor) ->
        let rows, columns = sides w

        if min rows columns < 2L then
            w.add (nan.ToScalar())
        else
            corner row 1L (coarse 1e-3 w) w)

let private offDiagonals, offAntidiagonals = offLine 1L, offLine -2L

/// `J^T` of the upper triangle of `J X`.
let private hamiltonianPart =
    Some(fun (x: torch.Tensor) ->
        let half = Array.last x.shape / 2L
        let top, bottom = x.narrow (-2L, 0L, half), x.narrow (-2L, half, half)
        let kept = (torch.cat ([| bottom; top.neg () |], -2L)).triu 0L
        torch.cat ([| (kept.narrow (-2L, half, half)).neg(); kept.narrow (-2L, 0L, half) |], -2L))

/// One entry of `A`, which is not that of `-A^T` any more.
let private offHamiltonian = Some(fun (w: torch.Tensor) -> corner 0L 0L (coarse 1e-3 w) w)

/// Rows in pairs and columns in threes.
let private twoByThree: Gen<int64[]> =
    Gen.choose64 (1L, 5L)
    |> Gen.arrayOfLength 2
    |> Gen.map (fun counts -> [| 2L * counts[0]; 3L * counts[1] |])

/// Changes every entry by its own number, because a matrix with one changed entry may still be a product. If blocks have one
/// entry each, every matrix is a product, so NaN is used.
let private offProduct =
    Some(fun (w: torch.Tensor) ->
        if sides w = (2L, 3L) then
            w.add (nan.ToScalar())
        else
            use generator = new torch.Generator(1UL, torch.CPU)
            w + Parametrize.Form.normal generator (Parametrize.Form.ofTensor w) * relative (coarse 1e-2 w) w)

/// Scales the tensor down; by much in 16 bits, which cannot distinguish products of long columns from 0.
let private shrunk = Some(fun (w: torch.Tensor) -> w * (1.0 - min 0.95 (coarse 1e-3 w)))

/// Every entry by the same number.
let private raised (w: torch.Tensor) : torch.Tensor = w + relative (coarse 1e-2 w) w

let lines: Subject list =
    [
        line "identity" entries all everySize |> bijection everything
        line "symmetric" square all everySize |> bijection (upper 0L) |> missedBy offDiagonal
        line "symmetric, lower" square all everySize |> bijection (lower 0L) |> missedBy offDiagonal
        line "hermitian" square all everySize |> bijection (realDiagonal _.triu(1L)) |> missedBy offDiagonal
        line "hermitian, lower" square all everySize
        |> bijection (realDiagonal _.tril(-1L))
        |> missedBy offDiagonal
        line "skew" square all everySize |> bijection (upper 1L) |> missedBy skewed
        line "skew, lower" square all everySize |> bijection (lower -1L) |> missedBy skewed
        line "skewHermitian" square all everySize |> missedBy skewed
        line "skewHermitian, lower" square all everySize |> missedBy skewed
        line "triangular, lower" matrix all everySize |> bijection (lower 0L) |> missedBy offDiagonal
        line "triangular, upper" matrix all everySize |> bijection (upper 0L) |> missedBy belowDiagonal
        line "unitTriangular, lower" matrix all everySize |> bijection (lower -1L) |> missedBy skewed
        line "unitTriangular, upper" matrix all everySize |> bijection (upper 1L) |> missedBy skewed
        line "diagonal" matrix all everySize |> bijection onDiagonal |> missedBy offDiagonal
        line "banded" matrix all everySize |> bijection (band 1L 2L) |> missedBy offBand
        line "toeplitz" (matrix |> Gen.map withTwoColumns) all everySize
        |> bijection everything
        |> missedBy offDiagonals
        line "hankel" (matrix |> Gen.map withTwoColumns) all everySize
        |> bijection everything
        |> missedBy offAntidiagonals
        line "circulant" square all everySize |> bijection everything |> missedBy offDiagonals
        line "hamiltonian" evenSquare all everySize |> bijection hamiltonianPart |> missedBy offHamiltonian
        // The columns of a larger projection are so long that 16 bits do not tell their products from 0.
        line "symplectic" smallEvenSquare reals moderate |> missedBy shrunk |> within 1e3
        // Products that float16 does not have are cut, each by itself.
        line "kronecker" twoByThree reals everySize |> halvesTo 1.0 |> missedBy offProduct
        line "sumToZero" (atLeastVectors |> Gen.map withTwoColumns) all everySize
        |> bijection everything
        |> missedBy (Some raised)
        line "linearlyConstrained" (atLeastVectors |> Gen.map (withColumns 4L)) all everySize
        |> bijection everything
        |> missedBy (Some raised)
        |> onGround 1.0
    ]
