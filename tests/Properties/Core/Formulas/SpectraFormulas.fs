/// Formulas of matrices by their spectra.
module internal Properties.Core.Formulas.SpectraFormulas

open TorchSharp
open Properties.Core.Formulas.Naive

let private eigen (eigenvalues: T -> T) : Formula =
    fun parameters buffers ->
        let q = orthogonal [ parameters[0] ] buffers
        q.matmul(torch.diag (eigenvalues parameters[1])).matmul(transpose q)

/// Row by row, entry by entry.
let private factor (numbers: T) : T =
    let count = int numbers.shape[0]
    let size = Seq.initInfinite id |> Seq.find (fun n -> n * (n - 1) / 2 = count)
    let rest (z: T) = (1.0.ToScalar() - z * z).sqrt()
    let zero, one = numbers[0] * 0.0.ToScalar(), numbers[0] * 0.0.ToScalar() + 1.0.ToScalar()

    let row (index: int) =
        let z = [ for column in 0 .. index - 1 -> numbers[int64 (index * (index - 1) / 2 + column)].tanh() ]
        let left = z |> List.scan (fun left z -> left * rest z) one
        let entries = List.map2 (fun (z: T) left -> z * left) (z @ [ one ]) left
        torch.stack (List.toArray (entries @ List.replicate (size - index - 1) zero))

    torch.stack [| for index in 0 .. size - 1 -> row index |]

/// X R^-1 by the textbook's Cholesky factor.
let private contraction (bound: float) (x: T) : T =
    let tall (x: T) =
        let r = adjoint (torch.linalg.cholesky (eye x.shape[1] x + (adjoint x).matmul x))
        x.matmul (torch.linalg.inv r) * bound.ToScalar()

    if x.shape[0] < x.shape[1] then transpose (tall (transpose x)) else tall x

/// With the mean off the diagonal.
let private centred (x: T) : T =
    let size = x.shape[0]
    let mean = (diagonal x).sum() / (float size).ToScalar()
    x - eye size x * mean

let private ofDeterminant (determinant: float) (x: T) : T =
    let size = x.shape[0]
    let pivots = diagonal ((centred x).exp()) * (determinant ** (0.5 / float size)).ToScalar()
    let factor = lower 1L x + pivots
    factor.matmul (transpose factor)

let private of1 (f: T -> T) : Formula = fun parameters _ -> f parameters.Head

let all: (string * Formula) list =
    [
        "spdBy", eigen softplus
        "spdWithTrace", eigen (fun x -> simplex x * 2.5.ToScalar())
        "psd", eigen (fun x -> x * x)
        "psdLowRank", eigen (fun x -> x * x)
        "psdFixedRank", eigen softplus
        "correlation",
        of1 (fun x ->
            let l = factor x
            l.matmul (transpose l))
        "correlationCholesky", of1 factor
        "spdWithDeterminant", of1 (ofDeterminant 2.5)
        "specialLinear", (fun parameters buffers -> invertible [ centred parameters.Head ] buffers)
        "lipschitz", of1 (contraction 2.5)
    ]
