/// Matrices with orthonormal columns: groups, polar factors, subspaces.
module internal Properties.Core.Formulas.OrthogonalFormulas

open TorchSharp
open Properties.Core.Formulas.Naive

let private number (value: float) = value.ToScalar()

let private upright (f: T -> T) (x: T) : T = if x.shape[0] < x.shape[1] then transpose (f (transpose x)) else f x

/// The matrix minus its mean eigenvalue.
let private traceless (a: T) : T = a - eye a.shape[0] a * (a.trace () / number (float a.shape[0]))

let private specialUnitary: Formula =
    fun parameters buffers ->
        let half = lower 0L parameters.Head
        buffers.Head.matmul (exponential (traceless (half - adjoint half)))

/// Computed by the eigenvalues of X^H X, where these are exact enough.
let private polar (x: T) : T =
    let struct (values, vectors) = torch.linalg.eigh ((adjoint x).matmul x)
    let isKnown = values[0].item<double>() > 1e-4 * values[-1].item<double>()
    let root = vectors.matmul(torch.diag ((like x values).rsqrt())).matmul(adjoint vectors)
    if isKnown then x.matmul root else x * number nan

let private bjorck (iterations: int) (x: T) : T =
    let gram = (adjoint x).matmul x
    let power = Seq.init 15 ignore |> Seq.fold (fun (power: T) () -> power.matmul gram) gram
    let bound = norm power ** (1.0 / 32.0)
    let shorter = 1.5 - 0.3 / (1.0 + (bound - 1.2) / 0.3)
    let short = if bound > 1.2 then x * number (shorter / bound) else x

    Seq.init iterations ignore
    |> Seq.fold (fun (y: T) () -> y * number 1.5 - y.matmul ((adjoint y).matmul y) * number 0.5) short

/// By the singular values of the tangent, which are the principal angles.
let private geodesic (foot: T) (x: T) : T =
    let tangent = x - foot.matmul ((adjoint foot).matmul x)
    let struct (left, angles, right) = torch.linalg.svd (tangent, fullMatrices = false)
    let along (values: T) = torch.diag (like x values)

    foot.matmul(adjoint right).matmul(along (angles.cos ())).matmul right
    + left.matmul(along (angles.sin ())).matmul right

let private almostOrthogonal (radius: float) (f: T -> T) : Formula =
    fun parameters buffers ->
        let left, right =
            orthogonal [ parameters[0] ] [ buffers[0] ], orthogonal [ parameters[2] ] [ buffers[1] ]

        left.matmul(torch.diag (f parameters[1] * number radius + number 1.0)).matmul(transpose right)

let all: (string * Formula) list =
    [
        "specialOrthogonal", exponentialAtBase
        "unitary", exponentialAtBase
        "specialUnitary", specialUnitary
        "polar", (fun parameters _ -> upright polar parameters.Head)
        "bjorck", (fun parameters _ -> upright (bjorck 2) parameters.Head)
        "almostOrthogonal", almostOrthogonal 0.5 _.sin()
        "almostOrthogonal, tanh", almostOrthogonal 0.1 _.tanh()
        "almostOrthogonal, sigmoid", almostOrthogonal 0.5 (fun x -> x.sigmoid () * number 2.0 - number 1.0)
        "grassmann", (fun parameters buffers -> upright (geodesic buffers.Head) parameters.Head)
    ]
