/// Formulas of the structured matrices, entry by entry.
module internal Properties.Core.Formulas.StructuredFormulas

open TorchSharp
open Properties.Core.Formulas.Naive

let private zero (x: T) : T = like x (torch.zeros 1L).[0L]

/// The matrix with these entries.
let private ofEntries (rows: int64) (columns: int64) (entry: int64 -> int64 -> T) : T =
    torch.stack
        [|
            for row in 0L .. rows - 1L -> torch.stack [| for column in 0L .. columns - 1L -> entry row column |]
        |]

let private toeplitz: Formula =
    fun parameters _ ->
        let c, r = parameters[0], parameters[1]

        ofEntries c.shape[0] (r.shape[0] + 1L) (fun row column ->
            if row >= column then c[row - column] else r[column - row - 1L])

let private hankel: Formula =
    fun parameters _ ->
        let c, r = parameters[0], parameters[1]
        let count = c.shape[0]

        ofEntries count (r.shape[0] + 1L) (fun row column ->
            if row + column < count then c[row + column] else r[row + column - count])

let private circulant: Formula =
    fun parameters _ ->
        let c = parameters.Head
        let count = c.shape[0]
        ofEntries count count (fun row column -> c[(row - column + count) % count])

let private banded (lower: int64) (upper: int64) : Formula =
    fun parameters _ ->
        let x = parameters.Head

        ofEntries x.shape[0] x.shape[1] (fun row column ->
            if row - column <= lower && column - row <= upper then
                x[row, column]
            else
                zero x)

/// `[A, B; C, -A^T]`, with the symmetric blocks from their upper triangles.
let private hamiltonian: Formula =
    fun parameters _ ->
        let x = parameters.Head
        let n = x.shape[0] / 2L
        let a (row: int64) (column: int64) = -x[n + column, n + row]
        let b (row: int64) (column: int64) = x[min row column, n + max row column]
        let c (row: int64) (column: int64) = x[n + min row column, max row column]

        ofEntries (2L * n) (2L * n) (fun row column ->
            match row < n, column < n with
            | true, true -> a row column
            | true, false -> b row (column - n)
            | false, true -> c (row - n) column
            | false, false -> -(a (column - n) (row - n)))

/// `base [I, 0; C, I] diag(A, A^-T) [I, B; 0, I]`.
let private symplectic: Formula =
    fun parameters buffers ->
        let x = parameters.Head
        let n = x.shape[0] / 2L
        let block (row: int64) (column: int64) = x.narrow(0L, row * n, n).narrow(1L, column * n, n)
        let eye = eye n x
        let corner = block 0L 0L
        let scales = torch.diag ((corner.diagonal ()).exp())
        let a = (lower 1L corner + eye).matmul(scales).matmul(upper 1L corner + eye)
        let zeros = torch.zeros_like eye
        let ofBlocks (rows: T list list) = torch.cat ([| for row in rows -> torch.cat (List.toArray row, 1L) |], 0L)
        let left = ofBlocks [ [ eye; zeros ]; [ symmetric (block 1L 0L); eye ] ]
        let middle = ofBlocks [ [ a; zeros ]; [ zeros; transpose (torch.linalg.inv a) ] ]
        let right = ofBlocks [ [ eye; symmetric (block 0L 1L) ]; [ zeros; eye ] ]
        buffers.Head.matmul(left).matmul(middle).matmul right

let private kronecker: Formula =
    fun parameters _ ->
        let a, b = parameters[0], parameters[1]
        torch.cat ([| for row in a.unbind 0 -> torch.cat ([| for number in row.unbind 0 -> number * b |], 1L) |], 0L)

/// Each vector by itself, to one of another length.
let private ofVectors (f: T -> T) (x: T) : T =
    let made = torch.stack [| for vector in (x.reshape (-1L, Array.last x.shape)).unbind 0 -> f vector |]
    made.reshape (Array.append x.shape[.. x.shape.Length - 2] [| -1L |])

/// The columns `(1, ..., 1, -j, 0, ..., 0)` of Helmert's matrix, read from the end.
let private sumToZero: Formula =
    fun parameters _ ->
        parameters.Head
        |> ofVectors (fun x ->
            let count = x.shape[0] + 1L

            torch.stack
                [|
                    for row in 0L .. count - 1L ->
                        Seq.fold
                            (fun (sum: T) (place: int64) ->
                                let below = float (count - place - 1L)

                                let entry =
                                    if row < place then 0.0
                                    elif row = place then -below
                                    else 1.0

                                sum + x[place] * (entry / sqrt (below * (below + 1.0))).ToScalar())
                            (zero x)
                            (seq { 0L .. count - 2L })
                |])

/// The shortest solution by the pseudoinverse, and the orthogonal factor of A^T.
let private constrained: Formula =
    fun parameters _ ->
        let rows = [ [ 1.0; 1.0; 1.0; 1.0 ]; [ 1.0; -2.0; 0.0; 0.5 ] ]
        let right = [ 2.0; -0.5 ]
        let a = torch.tensor(List.concat rows |> List.toArray).reshape(2L, 4L)
        let shortest = (torch.linalg.pinv a).mv(torch.tensor (List.toArray right))
        let struct (q, _) = torch.linalg.qr (a.T, torch.linalg.QRMode.Complete)
        let basis = q.narrow (1L, 2L, 2L)

        parameters.Head |> ofVectors (fun x -> like x shortest + (like x basis).mv x)

let all: (string * Formula) list =
    [
        "banded", banded 1L 2L
        "banded 5 1", banded 5L 1L
        "banded 1 5", banded 1L 5L
        "toeplitz", toeplitz
        "hankel", hankel
        "circulant", circulant
        "hamiltonian", hamiltonian
        "symplectic", symplectic
        "kronecker", kronecker
        "sumToZero", sumToZero
        "linearlyConstrained", constrained
    ]
