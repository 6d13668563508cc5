/// Of which lines are made: shapes, element types, sizes, what is read of a parameter, near misses.
module internal Properties.Core.Ingredients

open FsCheck
open FsCheck.FSharp
open Parametrize
open TorchSharp

type Dtype = torch.ScalarType

// ---- Shapes ----

let size: Gen<int64> = Gen.frequency [ 9, Gen.choose64 (1L, 8L); 1, Gen.choose64 (9L, 20L) ]

let shape (dimensions: int) : Gen<int64[]> = Gen.arrayOfLength dimensions size

let square: Gen<int64[]> = size |> Gen.map (fun n -> [| n; n |])

/// For what is slow on larger matrices, or ill-conditioned.
let smallSquare: Gen<int64[]> = Gen.choose64 (1L, 8L) |> Gen.map (fun n -> [| n; n |])

let smallMatrix: Gen<int64[]> = Gen.oneof [ smallSquare; Gen.choose64 (1L, 8L) |> Gen.arrayOfLength 2 ]

/// Room for a matrix of rank 2.
let rankTwo: Gen<int64[]> = Gen.choose64 (2L, 8L) |> Gen.arrayOfLength 2

let vector: Gen<int64[]> = shape 1
let matrix: Gen<int64[]> = Gen.oneof [ square; shape 2 ]
let convolution: Gen<int64[]> = Gen.choose64 (1L, 4L) |> Gen.arrayOfLength 4

let squareKernel: Gen<int64[]> =
    Gen.elements [ [| 4L; 1L; 2L; 2L |]; [| 6L; 2L; 3L |]; [| 5L; 5L; 1L; 1L |]; [| 3L; 3L |] ]

/// Groups of four in the last dimension.
let fours: Gen<int64[]> =
    Gen.oneof [ vector; matrix; convolution ]
    |> Gen.map (fun shape -> Array.append shape[.. shape.Length - 2] [| 4L * (1L + Array.last shape % 3L) |])

let entries: Gen<int64[]> = Gen.oneof [ Gen.constant [||]; vector; matrix; convolution ]
let atLeastVectors: Gen<int64[]> = Gen.oneof [ vector; matrix; convolution ]
let atLeastMatrices: Gen<int64[]> = Gen.oneof [ matrix; convolution ]

// ---- Element types ----

let halves = [ Dtype.Float16; Dtype.BFloat16 ]
let reals = [ Dtype.Float32; Dtype.Float64 ] @ halves
let all = reals @ [ Dtype.ComplexFloat32; Dtype.ComplexFloat64 ]

// ---- Sizes of the unconstrained entries ----

let everySize = [ 1e-6; 1e-3; 1.0; 1e3; 1e6 ]

/// Pulling back through softplus loses what is tiny beside log 2.
let notTiny = [ 1.0; 1e3; 1e6 ]

/// Without a base the Cayley map reaches the eigenvalue -1 in the limit only, and further out it is there to rounding.
let shortOfLimit = [ 1e-6; 1e-3; 1.0; 1e2 ]

let moderate = [ 0.01; 0.3; 1.0 ]

// ---- The part of a parameter that is read ----

let everything = Some(fun (x: torch.Tensor) -> x)
let upper (offset: int64) = Some(fun (x: torch.Tensor) -> x.triu offset)
let lower (offset: int64) = Some(fun (x: torch.Tensor) -> x.tril offset)

/// A triangle whose diagonal is read without its imaginary part.
let realDiagonal (triangle: torch.Tensor -> torch.Tensor) =
    Some(fun (x: torch.Tensor) ->
        let diagonal = x.diagonal (0L, -2L, -1L)
        let kept = if x.is_complex () then diagonal.real.``to`` x.dtype else diagonal
        triangle x + torch.diag_embed kept)

let hermitianPart = Some(fun (x: torch.Tensor) -> (x + x.mH) / 2.0.ToScalar())

let onDiagonal = Some(fun (x: torch.Tensor) -> x.tril(0L).triu 0L)

// ---- Near misses: changes of one part in a thousand or a hundred, far above rounding and far below the entries ----

let relative (share: float) (w: torch.Tensor) : torch.Tensor =
    let unit = w.abs().max() + 1.0
    unit * share

/// Adds to one corner of the last matrix of a batch.
let corner (row: int64) (column: int64) (share: float) (w: torch.Tensor) : torch.Tensor =
    let missed = w.clone ()
    let last = missed.reshape (-1L, w.shape[w.shape.Length - 2], w.shape[w.shape.Length - 1])
    last[-1L, row, column] <- last[-1L, row, column] + relative share w
    last.reshape w.shape

let aboveDiagonal (share: float) (w: torch.Tensor) : torch.Tensor =
    if w.shape[w.shape.Length - 1] = 1L then
        w.add (nan.ToScalar())
    else
        corner 0L -1L share w

/// Half precision tells 1e-2 from rounding in small sums only.
let coarse (share: float) (w: torch.Tensor) : float =
    if Form.isHalf w.dtype then
        max share (64.0 * Form.epsilon w.dtype * float (Array.max w.shape))
    else
        share

let offDiagonal = Some(fun (w: torch.Tensor) -> aboveDiagonal (coarse 1e-3 w) w)

let belowDiagonal =
    Some(fun (w: torch.Tensor) ->
        if w.shape[w.shape.Length - 2] = 1L then
            w.add (nan.ToScalar())
        else
            corner -1L 0L (coarse 1e-3 w) w)

let skewed = Some(fun (w: torch.Tensor) -> corner 0L 0L (coarse 1e-3 w) w)
let stretched = Some(fun (w: torch.Tensor) -> w * (1.0 + coarse 1e-2 w))

/// A singular matrix.
let withoutFirstRow: (torch.Tensor -> torch.Tensor) option =
    Some(fun tensor ->
        let rows = tensor.clone ()
        rows.select(-2L, 0L).zero_() |> ignore
        rows)

let reflected =
    Some(fun (w: torch.Tensor) ->
        let rows = w.shape[w.shape.Length - 2]
        let sign = torch.ones ([| rows; 1L |], dtype = w.dtype, device = w.device)
        sign.select(0L, 0L).fill_(-1.0.ToScalar()) |> ignore
        w * sign)

/// The last dimension from its end, in vectors of different entries; no number in those of one.
let reversed =
    Some(fun (w: torch.Tensor) -> if Array.last w.shape = 1L then w.add (nan.ToScalar()) else w.flip -1L)

let shifted (offset: float) = Some(fun (w: torch.Tensor) -> w.clone().fill_(offset.ToScalar()))
