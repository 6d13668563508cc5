/// A formula for every entry of the catalogue, from parameters and buffers to the tensor.
module internal Properties.Core.Formulas.ReferenceFormulas

open TorchSharp
open Properties.Core.Formulas.Naive

/// Of one parameter, with nothing carried.
let private of1 (f: T -> T) : Formula = fun parameters _ -> f parameters.Head

let private masked: Formula = fun parameters buffers -> timesMask parameters.Head parameters buffers

/// First a function of the only parameter, then a formula.
let private behind (f: T -> T) (formula: Formula) : Formula =
    fun parameters buffers -> formula [ f parameters.Head ] buffers

let private onKernel (formula: Formula) : Formula =
    fun parameters buffers ->
        let kernel = parameters.Head
        (formula [ kernel.reshape (kernel.shape[0], -1L) ] buffers).reshape kernel.shape

let private svd (positive: bool) : Formula =
    fun parameters buffers ->
        let left, right =
            orthogonal [ parameters[0] ] [ buffers[0] ], orthogonal [ parameters[2] ] [ buffers[1] ]

        let values = if positive then softplus parameters[1] else parameters[1]
        left.matmul(torch.diag values).matmul(transpose right)

let private lowRank = svd false

let private stacked (tensors: T list) : T = torch.cat (List.toArray tensors, 0L)

let private blocks (tensors: T list) : T = torch.block_diag (List.toArray tensors)

let private checkered (x: T) (y: T) : T =
    torch.stack
        [|
            for index in 0L .. 11L -> (if index % 3L <> 1L then x.flatten().[index] else y.flatten().[index])
        |]
    |> _.reshape(3L, 4L)

/// The skew matrix as it is, and a skew-Hermitian one with its diagonal twice.
let private withTwiceDiagonal (a: T) : T = a + diagonal a

let private atBase (f: T -> T) : Formula = fun parameters buffers -> buffers.Head.matmul (f parameters.Head)

let private affine (factor: float) (offset: float) (x: T) : T = x * factor.ToScalar() + offset.ToScalar()

let private positive: T -> T = softplus

let private inverseOfHalfSoftplus (y: T) : T = ((y / (0.5).ToScalar()).exp() - (1.0).ToScalar()).log()

let private lineOfPruned (name: string) : (string * Formula) list = [ name, masked ]

let private prunings: (string * Formula) list =
    [
        "pruned, Bernoulli"
        "pruned, share"
        "pruned, count"
        "pruned, mask"
        "pruned, nothing"
        "pruned, random share"
        "pruned, random count"
        "pruned, random channels"
        "pruned, L1 channels"
        "pruned, L2 channels"
        "pruned, L0.5 channels"
        "pruned, largest entries of channels"
        "pruned, up to"
        "pruned, random up to"
        "pruned, channels up to"
        "pruned, random channels up to"
        "pruned, 2 of 4"
        "pruned twice"
        "pruned, channels twice"
        "pruned, entries, then channels"
        "pruned, several ways"
    ]
    |> List.collect lineOfPruned

let private matrices: (string * Formula) list =
    [
        "symmetric", of1 symmetric
        "symmetric, lower", of1 symmetricOfLower
        "hermitian", of1 hermitian
        "hermitian, lower", of1 hermitianOfLower
        "skew", of1 skew
        "skew, lower", of1 skewOfLower
        "skewHermitian", of1 skewHermitian
        "skewHermitian, lower", of1 skewHermitianOfLower
        "triangular, lower", of1 (lower 0L)
        "triangular, upper", of1 (upper 0L)
        "unitTriangular, lower", of1 (fun x -> lower 1L x + diagonal (torch.ones_like x))
        "unitTriangular, upper", of1 (fun x -> upper 1L x + diagonal (torch.ones_like x))
        "diagonal", of1 diagonal
        "cayley", cayleyAtBase
        "matrixExp", exponentialAtBase
        "householder", reflectedAtBase
        "orthogonal", orthogonal
        "cayley, no base", cayleyAlone
        "matrixExp, no base", exponentialAlone
        "householder, no base", reflectedAlone
        "orthogonal, no base", defaultAlone
        "orthogonal on kernels", onKernel orthogonal
        "spd", of1 (definite 0.0)
        "spd, floor", of1 (definite 0.1)
        "invertible", invertible
        "nonsingular", invertible
        "matrixExponential", of1 matrixExponential
        "triangular, transposed", of1 (transpose >> lower 0L >> transpose)
    ]

let private others: (string * Formula) list =
    [
        "identity", of1 id
        "weightNorm 0", weightNorm 0
        "weightNorm 1", weightNorm 1
        "weightNorm -1", weightNorm -1
        "weightNorm, whole", weightNormWhole
        "spectralNorm", spectralNorm 0 1.0
        "spectralNorm, bound", spectralNorm 0 2.5
        "spectralNorm, dimension", spectralNorm 1 1.0
        "spectralNorm, iterations", spectralNorm 0 1.0
        "sphere", of1 (sphere 1.0)
        "sphere, radius", of1 (sphere 2.5)
        "oblique", of1 (transpose >> sphere 1.0 >> transpose)
        "simplex", of1 simplex
        "sphereExp", sphereExp 1.0
        "sphereExp, radius", sphereExp 2.5
        "positive", of1 positive
        "positive, exp", of1 _.exp()
        "positive, square", of1 (fun x -> x * x)
        "bounded", of1 (between -1.0 3.0)
        "bounded below", of1 (fun x -> softplus x + (0.1).ToScalar())
        "bounded above", of1 (fun x -> (-0.5).ToScalar() - softplus x)
        "scale", of1 (affine -2.5 0.0)
        "shift", of1 (affine 1.0 0.5)
        "pruned on kernels", onKernel masked
    ]

let private combined: (string * Formula) list =
    [
        "positive >>> inverse", of1 (positive >> inverseOfHalfSoftplus)
        "lowRank", lowRank
        "fixedRank", svd true
        "sum, low rank", (fun parameters buffers -> parameters.Head + lowRank parameters.Tail buffers)
        "sum >>> scale", (fun parameters buffers -> affine 2.0 0.0 (parameters.Head + lowRank parameters.Tail buffers))
        "sum, orthogonal",
        (fun parameters buffers -> orthogonal [ parameters[0] ] buffers + parameters[1] + symmetric parameters[2])
        "product, orthogonal",
        (fun parameters buffers ->
            let left = orthogonal [ parameters[0] ] [ buffers[0] ]
            left.matmul(parameters[1]).matmul(cayleyAtBase [ parameters[2] ] [ buffers[1] ]))
        "product, triangular",
        (fun parameters _ ->
            let left = lower 1L parameters[0] + eye parameters[0].shape[0] parameters[0]
            left.matmul(parameters[1]).matmul(definite 0.0 parameters[2]))
        "blockDiagonal, orthogonal",
        (fun parameters buffers ->
            blocks [ orthogonal [ parameters[0] ] [ buffers[0] ]; cayleyAtBase [ parameters[1] ] [ buffers[1] ] ])
        "blockDiagonal, mixed",
        (fun parameters _ -> blocks [ skew parameters[0]; parameters[1]; upper 0L parameters[2] ])
        "slices, gates",
        (fun parameters buffers -> stacked [ orthogonal [ parameters[0] ] buffers; skew parameters[1]; parameters[2] ])
        "slices, rows", (fun parameters _ -> stacked [ positive parameters[0]; sphere 1.0 parameters[1] ])
        "where", (fun parameters _ -> checkered (positive parameters[0]) (between -1.0 3.0 parameters[1]))
        "joined",
        (fun parameters buffers -> weightNorm 0 [ affine 2.0 0.0 parameters[0]; affine 1.0 0.5 parameters[1] ] buffers)
    ]

let private chains: (string * Formula) list =
    [
        "skew >>> cayley", atBase (skew >> cayley)
        "skew >>> cayley on kernels", onKernel (atBase (skew >> cayley))
        "skew >>> matrixExp", atBase (skew >> exponential)
        "skewHermitian >>> cayley", atBase (skewHermitian >> withTwiceDiagonal >> cayley)
        "skewHermitian >>> orthogonal, no base", of1 (skewHermitian >> withTwiceDiagonal >> exponential)
        "symmetric >>> spectralNorm", behind symmetric (spectralNorm 0 1.0)
        "triangular >>> pruned", behind (lower 0L) masked
        "weightNorm >>> spectralNorm",
        (fun parameters buffers -> spectralNorm 0 1.0 [ weightNorm 0 parameters [] ] buffers)
        "weightNorm >>> sphere", (fun parameters _ -> sphere 1.0 (weightNorm 0 parameters []))
        "symmetric >>> positive", of1 (symmetric >> positive)
        "symmetric >>> matrixExponential", of1 (symmetric >> matrixExponential)
        "hermitian >>> matrixExponential", of1 (hermitian >> matrixExponential)
        "transposed >>> sphere", of1 (positive >> sphere 1.0)
    ]

let private learnt: Formula = spectralNorm 0 1.0
let private symmetricMasked: Formula = behind symmetric masked

let private further: (string * Formula) list =
    [
        "spectralNorm, last of three", spectralNorm 2 0.5
        "spectralNorm, from the end", spectralNorm 2 0.5
        "weightNorm 2", weightNorm 2
        "weightNorm -2", weightNorm -2
        for rank in [ 1; 3; 4; 5 ] do
            $"lowRank {rank}", lowRank
        "fixedRank 3", svd true
        "product, several on either side",
        (fun parameters buffers ->
            let unitLower = lower 1L parameters[1] + eye parameters[1].shape[0] parameters[1]
            let unitUpper = upper 1L parameters[4] + eye parameters[4].shape[0] parameters[4]
            let left = (orthogonal [ parameters[0] ] [ buffers[0] ]).matmul unitLower
            let right = (cayleyAtBase [ parameters[3] ] [ buffers[1] ]).matmul unitUpper
            left.matmul(parameters[2]).matmul right)
        "blockDiagonal, three",
        (fun parameters buffers -> blocks [ skew parameters[0]; cayleyAtBase [ parameters[1] ] buffers; parameters[2] ])
        "slices of columns",
        (fun parameters _ -> torch.cat ([| sphere 1.0 parameters[0]; positive parameters[1]; parameters[2] |], 1L))
        "slices, carrying",
        (fun parameters buffers ->
            let rows =
                [ for row in 0L .. 1L -> (sphereExp 2.0 [ parameters[0][row] ] [ buffers[0][row] ]).unsqueeze 0L ]

            stacked (
                rows
                @ [ cayleyAtBase [ parameters[1] ] [ buffers[1] ]; weightNorm 0 [ parameters[2]; parameters[3] ] [] ]
            ))
        "where, apart",
        (fun parameters _ ->
            let taken: T = (torch.tensor [| 1.0; 0.0; 1.0; 1.0; 1.0; 0.0 |]).reshape(2L, 3L)
            torch.where (taken.gt ((0.5).ToScalar()), between 2.0 3.0 parameters[0], between -5.0 -4.0 parameters[1]))
        "pruned behind bounds, on kernels", onKernel (behind (between 2.0 3.0) masked)
        "pruned behind bounds, transposed", behind (fun x -> softplus x + (2.0).ToScalar()) masked
        "skew >>> spectralNorm", behind skew learnt
        "symmetric >>> hermitian", of1 (symmetric >> hermitian)
        "symmetric >>> hermitian, lower", of1 (symmetric >> hermitianOfLower)
        "symmetric >>> pruned", symmetricMasked
        "triangular, upper >>> pruned", behind (upper 0L) masked
        "diagonal >>> pruned", behind diagonal masked
        "spectralNorm on kernels", onKernel learnt
        "spectralNorm, transposed", (fun parameters buffers -> transpose (learnt [ transpose parameters.Head ] buffers))
        "scaled twice", of1 (fun x -> ((x * (-2.0).ToScalar()) + (3.0).ToScalar()) * (0.5).ToScalar())
        "fromBelow", of1 (fun x -> softplus x * (-2.0).ToScalar())
    ]

let all: Map<string, Formula> =
    [
        prunings
        matrices
        others
        combined
        chains
        further
        AdapterFormulas.all
        OrthogonalFormulas.all
        EntriesFormulas.all
        PracticeFormulas.all
        StructuredFormulas.all
        SpectraFormulas.all
        FurtherFormulas.all
    ]
    |> List.concat
    |> Map.ofList
