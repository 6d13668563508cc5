/// Textbook formulas of single matrices and vectors, which share nothing with the library: no stable variants, no batches.
module internal Properties.Core.Formulas.Naive

open TorchSharp

type T = torch.Tensor

/// What is computed from parameters and buffers.
type Formula = T list -> T list -> T

let private number (value: float) = value.ToScalar()

let like (x: T) (values: T) : T = values.``to`` (x.dtype, x.device)

let eye (size: int64) (x: T) : T = like x (torch.eye size)

/// Ones where a condition on the row and the column holds.
let private entriesWhere (condition: T -> T -> T) (x: T) : T =
    let rows, columns = x.shape[0], x.shape[1]
    like x (condition (torch.arange(rows).unsqueeze 1L) (torch.arange(columns).unsqueeze 0L))

let upper (offset: int64) (x: T) : T = x * entriesWhere (fun row column -> (column - row).ge(offset.ToScalar())) x
let lower (offset: int64) (x: T) : T = x * entriesWhere (fun row column -> (row - column).ge(offset.ToScalar())) x
let diagonal (x: T) : T = x * entriesWhere (fun row column -> row.eq column) x
let transpose (x: T) : T = x.transpose (0L, 1L)

/// The transpose with conjugate entries.
let adjoint (x: T) : T = (transpose x).conj().resolve_conj()

let private realPart (x: T) = if x.is_complex () then like x x.real else x

let symmetric (x: T) : T = upper 0L x + transpose (upper 1L x)
let symmetricOfLower (x: T) : T = lower 0L x + transpose (lower 1L x)
let hermitian (x: T) : T = upper 1L x + adjoint (upper 1L x) + diagonal (realPart x)
let hermitianOfLower (x: T) : T = lower 1L x + adjoint (lower 1L x) + diagonal (realPart x)
let skew (x: T) : T = upper 1L x - transpose (upper 1L x)
let skewOfLower (x: T) : T = lower 1L x - transpose (lower 1L x)

let private imaginary (x: T) = diagonal (x - realPart x)
let skewHermitian (x: T) : T = upper 1L x - adjoint (upper 1L x) + imaginary x
let skewHermitianOfLower (x: T) : T = lower 1L x - adjoint (lower 1L x) + imaginary x

/// The Taylor series of a matrix that was halved until it is small, and squared as often.
let exponential (a: T) : T =
    let size = (a.abs().sum()).ToDouble()
    let halvings = max 0 (int (ceil (log (max size 1e-300) / log 2.0)) + 2)
    let small = a / number (2.0 ** float halvings)
    let identity = eye a.shape[0] a

    let series =
        Seq.rev (seq { 1..24 })
        |> Seq.fold (fun (sum: T) term -> identity + small.matmul sum / number (float term)) identity

    Seq.init halvings ignore |> Seq.fold (fun (power: T) () -> power.matmul power) series

/// (I + A/2) (I - A/2)^-1.
let cayley (a: T) : T =
    let identity = eye a.shape[0] a
    (identity + a / number 2.0).matmul(torch.linalg.inv (identity - a / number 2.0))

/// X - X^H of the lower triangle, with zeros in the columns that are missing.
let private skewOfTall (x: T) : T =
    let square = like x (torch.zeros (x.shape[0], x.shape[0]))
    square.narrow(1L, 0L, x.shape[1]).copy_(lower 0L x) |> ignore
    square - adjoint square

let private firstColumns (like: T) (q: T) = q.narrow (1L, 0L, like.shape[1])

/// One reflection after another, by the columns below the diagonal, under a one.
let private reflections (x: T) : T =
    let rows = x.shape[0]

    let column (index: int64) =
        let vector = (lower 1L x).select(1L, index).clone()
        vector[index] <- torch.tensor (1.0)
        vector.unsqueeze 1L

    seq { 0L .. x.shape[1] - 1L }
    |> Seq.fold
        (fun (q: T) index ->
            let v = column index
            q.matmul (eye rows x - v.matmul (adjoint v) * number 2.0 / (v.abs () * v.abs ()).sum()))
        (eye rows x)

/// Each column of the reflections with a sign.
let private reflected (x: T) : T =
    let signs =
        [| for index in 0L .. x.shape[1] - 1L -> if x[index, index].ToDouble() < 0.0 then -1.0 else 1.0 |]

    firstColumns x (reflections x) * like x (torch.tensor signs)

/// The base of a matrix that is not square: reflections, whose first columns are turned by the numbers on the diagonal.
let private wholeBase (foot: T) : T =
    if foot.shape[0] = foot.shape[1] then
        foot
    else
        let tall = if foot.shape[0] < foot.shape[1] then transpose foot else foot
        let turns = eye tall.shape[0] tall

        for index in 0L .. tall.shape[1] - 1L do
            turns[index, index] <- tall[index, index]

        (reflections tall).matmul turns

let private upright (f: T -> T) (x: T) : T = if x.shape[0] < x.shape[1] then transpose (f (transpose x)) else f x

let cayleyOf (x: T) : T = firstColumns x (cayley (skewOfTall x))
let exponentialOf (x: T) : T = firstColumns x (exponential (skewOfTall x))

let private byDefault (x: T) : T =
    if x.is_complex () || x.shape[0] = x.shape[1] then
        exponentialOf x
    else
        reflected x

let private alone (f: T -> T) : Formula = fun parameters _ -> upright f parameters.Head

let private behindBase (f: T -> T) : Formula =
    fun parameters buffers -> upright (fun x -> (wholeBase buffers.Head).matmul(f x)) parameters.Head

let cayleyAlone, cayleyAtBase = alone cayleyOf, behindBase cayleyOf
let exponentialAlone, exponentialAtBase = alone exponentialOf, behindBase exponentialOf
let reflectedAlone, reflectedAtBase = alone reflected, behindBase reflected
let defaultAlone, orthogonal = alone byDefault, behindBase byDefault

let norm (x: T) : float = sqrt ((x.abs () * x.abs ()).sum().ToDouble())

/// Slice by slice.
let weightNorm (dimension: int) : Formula =
    fun parameters _ ->
        let g, v = parameters[0], parameters[1]
        let dimension = int64 ((dimension + v.shape.Length) % v.shape.Length)
        let sizes = g.flatten ()

        torch.stack (
            [|
                for index in 0L .. v.shape[int dimension] - 1L ->
                    let slice = v.select (dimension, index)
                    slice * sizes[index] / number (norm slice)
            |],
            dimension
        )

let weightNormWhole: Formula =
    fun parameters _ -> parameters[1] * parameters[0] / number (norm parameters[1])

/// bound X / |u^H X v|, entry by entry.
let spectralNorm (dimension: int) (bound: float) : Formula =
    fun parameters buffers ->
        let x = parameters.Head

        let others =
            [|
                for other in 0L .. x.dim () - 1L ->
                    if other = 0L then int64 dimension
                    else if other <= int64 dimension then other - 1L
                    else other
            |]

        let matrix = x.permute(others).reshape(x.shape[dimension], -1L)
        let u, v = buffers[0].unsqueeze 1L, buffers[1].unsqueeze 1L
        x * number bound / (adjoint u).matmul(matrix).matmul(v).abs().sum()

/// Each vector by itself.
let alongVectors (f: T -> T) (x: T) : T =
    let vectors = x.reshape (-1L, Array.last x.shape)
    torch.stack([| for vector in vectors.unbind 0 -> f vector |]).reshape x.shape

let sphere (radius: float) (x: T) : T = x |> alongVectors (fun vector -> vector * number (radius / norm vector))

/// Softmax of V x: column j of V is orthogonal to ones and to the columns before it.
let simplex (x: T) : T =
    let count = Array.last x.shape + 1L

    let column (place: int64) =
        let below = float (count - place - 1L)

        let entry (row: int64) =
            if row < place then 0.0
            elif row = place then -below
            else 1.0

        like x (torch.tensor [| for row in 0L .. count - 1L -> entry row / sqrt (below * (below + 1.0)) |])

    let basis = torch.stack ([| for place in 0L .. count - 2L -> column place |], 1L)

    let softmax (vector: T) =
        let exponentials = (basis.mv vector).exp()
        exponentials / exponentials.sum ()

    let vectors = (x.reshape (-1L, count - 1L)).unbind 0

    torch
        .stack([| for vector in vectors -> softmax vector |])
        .reshape(Array.append x.shape[.. x.shape.Length - 2] [| count |])

/// cos |t| b + sin |t| t / |t|.
let sphereExp (radius: float) : Formula =
    fun parameters buffers ->
        let x, b = parameters.Head, buffers.Head
        let along = (b.conj () * x).sum()
        let t = x - b * (if along.is_complex () then along.real else along)
        let length = norm t

        (b * number (cos length) + t * number (if length = 0.0 then 1.0 else sin length / length))
        * number radius

let softplus (x: T) : T = (x.exp () + number 1.0).log()

let between (lo: float) (hi: float) (x: T) : T = number lo + ((-x).exp() + number 1.0).reciprocal() * number (hi - lo)

/// Of the lower triangle, with softplus of the diagonal.
let definite (floor: float) (x: T) : T =
    let factor =
        lower 1L x + diagonal (like x (softplus (if x.is_complex () then x.real else x)) + number floor)

    factor.matmul (adjoint factor)

let matrixExponential (x: T) : T = exponential ((x + adjoint x) / number 2.0)

/// Row by row from the product of the factors.
let invertible: Formula =
    fun parameters buffers ->
        let x, order, sign = parameters.Head, buffers[0], buffers[1]
        let left = lower 1L x + eye x.shape[0] x
        let right = upper 1L x + diagonal (x.exp () * sign)
        let product = left.matmul right
        torch.stack [| for row in 0L .. x.shape[0] - 1L -> product[order[row].ToInt64()] |]

let timesMask (x: T) : Formula = fun _ buffers -> x * like x buffers.Head
