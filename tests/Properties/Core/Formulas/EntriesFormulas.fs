/// Tensors by each entry or vector, written apart from the library.
module internal Properties.Core.Formulas.EntriesFormulas

open TorchSharp
open Properties.Core.Formulas.Naive

/// Each entry is the one before it and a step.
let private added (step: float) (isFirstFree: bool) (vector: T) : T =
    let steps = vector.unbind 0
    let first = if isFirstFree then steps[0] else softplus steps[0]

    let sums = Seq.scan (fun (sum: T) (x: T) -> sum + softplus x * step.ToScalar()) first (Seq.skip 1 steps)

    torch.stack (Seq.toArray sums)

/// Maps each vector by itself. The result may have another number of entries.
let private alongLast (f: T -> T) (x: T) : T =
    let made = [| for vector in (x.reshape (-1L, Array.last x.shape)).unbind 0 -> f vector |]
    torch.stack(made).reshape(Array.append x.shape[.. x.shape.Length - 2] made[0].shape)

/// `torch.distributions.StickBreakingTransform`, line by line.
let private sticks (x: T) : T =
    let count = int (Array.last x.shape)
    let offsets = like x (torch.tensor [| for k in 0 .. count - 1 -> float (count - k) |])
    let shares = between 0.0 1.0 (x - offsets.log ())
    let mutable left = like x (torch.ones 1L)

    torch.cat
        [|
            for k in 0 .. count - 1 do
                let share = shares.narrow (0L, int64 k, 1L)
                share * left
                left <- left * ((1.0).ToScalar() - share)
            left
        |]

/// The orthonormal vectors of sum zero of which `simplex` is made, as columns.
let private helmert (count: int) (x: T) : T =
    let entry (row: int) (column: int) =
        let below = float (count - column - 1)

        (if row < column then 0.0
         elif row = column then -below
         else 1.0)
        / sqrt (below * (below + 1.0))

    like
        x
        (torch.tensor
            [|
                for row in 0 .. count - 1 do
                    yield! [ for column in 0 .. count - 2 -> entry row column ]
            |])
    |> _.reshape(int64 count, int64 (count - 1))

/// Rows and columns are divided by their sums, in turn; no numbers where that takes long.
let private sinkhorn (x: T) : T =
    let basis = helmert (int x.shape[0] + 1) x
    let mutable w = ((basis.matmul x).matmul(transpose basis)).exp()

    for _ in 1..300 do
        use _ = torch.NewDisposeScope()
        let rows = w / w.sum ([| 1L |], keepdim = true)
        w <- (rows / rows.sum ([| 0L |], keepdim = true)).MoveToOuterDisposeScope()

    let off = (w.sum [| 1L |] - (1.0).ToScalar()).abs().max().ToDouble()
    if off < 1e-13 then w else w * (nan).ToScalar()

let all: (string * Formula) list =
    [
        "simplex, sticks", (fun parameters _ -> alongLast sticks parameters.Head)
        "doublyStochastic", (fun parameters _ -> sinkhorn parameters.Head)
        "ordered", (fun parameters _ -> alongVectors (added 2.0 true) parameters.Head)
        "positiveOrdered", (fun parameters _ -> alongVectors (added 1.0 false) parameters.Head)
    ]
