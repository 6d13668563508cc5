/// Formulas of bounded condition numbers, written apart from the library.
module internal Properties.Core.Formulas.FurtherFormulas

open TorchSharp
open Properties.Core.Formulas.Naive

/// Each vector by itself: a geometric mean, and powers of the ratio.
let private boundedRatio (ratio: float) (x: T) : T =
    let ofVector (vector: T) =
        let apart = vector - vector.sum () / (float vector.shape[0]).ToScalar()
        let share = (apart * (2.0 / log ratio).ToScalar()).tanh()
        let powers = (share * (log ratio / 2.0).ToScalar()).exp()
        (vector - apart).exp() * powers

    (torch.stack [| for vector in (x.reshape (-1L, Array.last x.shape)).unbind 0 -> ofVector vector |]).reshape x.shape

let private conditioned (ratio: float) : Formula =
    fun parameters buffers ->
        let left, right =
            orthogonal [ parameters[0] ] [ buffers[0] ], orthogonal [ parameters[2] ] [ buffers[1] ]

        left.matmul(torch.diag (boundedRatio ratio parameters[1])).matmul(transpose right)

type private Numbers = T -> struct (T * T * T * T)

/// The numbers m, w, u and v of a block `[m + w, u + v; u - v, m - w]`.
let private ofBlock: Numbers =
    fun x ->
        let half = 0.5.ToScalar()

        struct ((x[0, 0] + x[1, 1]) * half,
                (x[0, 0] - x[1, 1]) * half,
                (x[0, 1] + x[1, 0]) * half,
                (x[0, 1] - x[1, 0]) * half)

let private asTheyAre: Numbers = fun x -> struct (x[0, 0], x[1, 1], x[0, 1], x[1, 0])

/// Block by block: one with negative real parts from four numbers, and what a function makes of it.
let private stableBlocks (numbers: Numbers) (made: T -> T) (x: T) : T =
    let count = x.shape[0]
    let single (x: T) = -(softplus -x)

    let block (x: T) =
        let struct (m, w, u, v) = numbers x
        let m = single m
        let square = m * m + v * v
        let factor = (square / (square + w * w + u * u)).sqrt()
        let w, u = w * factor, u * factor
        torch.stack [| torch.stack [| m + w; u + v |]; torch.stack [| u - v; m - w |] |]

    torch.cat (
        [|
            for row in 0L .. 2L .. count - 1L ->
                let rows = min 2L (count - row)
                let own = x.narrow(0L, row, rows).narrow(1L, row, rows)
                let stable = if rows = 2L then block own else single own
                let right = x.narrow(0L, row, rows).narrow(1L, row + rows, count - row - rows)
                torch.cat ([| like x (torch.zeros (rows, row)); made stable; right |], 1L)
        |],
        0L
    )

let private moved (alpha: float) (a: T) : T = a - eye a.shape[0] a * alpha.ToScalar()

/// Cayley's map by an inverse.
let private inDisc (radius: float) (a: T) : T =
    let one = eye a.shape[0] a
    (one + a).matmul(torch.linalg.inv (one - a)) * radius.ToScalar()

let private schurForm (numbers: Numbers) (made: T -> T) : Formula =
    fun parameters buffers ->
        let q = orthogonal [ parameters[0] ] buffers
        q.matmul(stableBlocks numbers made parameters[1]).matmul(transpose q)

/// By the inverse of the transposed Cholesky factor.
let private inMetric (x: T) : T =
    let rows = [ 2.0; 0.5; 0.0; 0.5; 1.0; -0.25; 0.0; -0.25; 1.5 ]
    let b = torch.tensor(List.toArray rows).reshape(3L, 3L)
    (like x (torch.linalg.inv (torch.linalg.cholesky b).T)).matmul x

/// Each sum over the shifts of a kernel along itself, one by one.
let private aolConvolution (x: T) : T =
    let out, channels, high, wide = x.shape[0], x.shape[1], x.shape[2], x.shape[3]
    let zero = (like x (torch.zeros 1L))[0L]

    let correlation (i: int64) (j: int64) (down: int64) (right: int64) =
        let mutable sum = zero

        for o in 0L .. out - 1L do
            for row in max 0L -down .. min high (high - down) - 1L do
                for column in max 0L -right .. min wide (wide - right) - 1L do
                    sum <- sum + x[o, i, row, column] * x[o, j, row + down, column + right]

        sum.abs ()

    let total (i: int64) =
        let mutable sum = zero

        for j in 0L .. channels - 1L do
            for down in 1L - high .. high - 1L do
                for right in 1L - wide .. wide - 1L do
                    sum <- sum + correlation i j down right

        sum

    torch.stack ([| for i in 0L .. channels - 1L -> x.select (1L, i) / (total i).sqrt() |], 1L)

let all: (string * Formula) list =
    [
        "boundedRatio", (fun parameters _ -> boundedRatio 4.0 parameters.Head)
        "conditioned", conditioned 4.0
        "hurwitzBlocks", (fun parameters _ -> stableBlocks ofBlock (moved 0.5) parameters.Head)
        "schurStableBlocks", (fun parameters _ -> stableBlocks asTheyAre (inDisc 0.8) parameters.Head)
        "inMetric", (fun parameters _ -> inMetric parameters.Head)
        "generalizedStiefel", (fun parameters buffers -> inMetric (orthogonal parameters buffers))
        "aolConvolution", (fun parameters _ -> aolConvolution parameters.Head)
        "hurwitz", schurForm ofBlock (moved 0.5)
        "schurStable", schurForm asTheyAre (inDisc 0.8)
    ]
