namespace Parametrize.LinearAlgebra

open TorchSharp
open Parametrize

/// The first k columns of the Cayley map and of the exponential of the skew n x n matrix A = [[B, -C^H], [C, 0]] that a tall
/// n x k matrix stands for (`SkewMatrix`), in O(n k^2). They are [P; C R], where P and R depend on B and C^H C alone. Where
/// C is large, that square takes digits: with C = Z S in an orthonormal basis Z, they are [P; Z Y] and Y = S R.
[<RequireQualifiedAccess>]
module internal ThinMaps =

    /// P and R, given B and C^H C.
    type private Plain = torch.Tensor -> torch.Tensor -> struct (torch.Tensor * torch.Tensor)

    /// P, Y and R below one another, given B, S and G, where C^H C = S^H S + G.
    type private InBasis = torch.Tensor -> torch.Tensor -> torch.Tensor -> torch.Tensor

    let private part (size: int64) (position: int64) (stacked: torch.Tensor) =
        stacked.narrow (-2L, position * size, size)

    let private joined (rows: torch.Tensor list list) =
        torch.cat ([| for row in rows -> torch.cat (List.toArray row, -1L) |], -2L)

    let private identityIn (b: torch.Tensor) = (Orthonormal.identityLike b (Tensors.last b)).expand b.shape

    /// I - B/2 + C^H C / 4, with whose inverse M the first columns of (I - A/2)^-1 begin: P = 2 M - I and R = M.
    let private head (identity: torch.Tensor) (b: torch.Tensor) (gram: torch.Tensor) =
        identity.add(b, -0.5.AsScalar()).add(gram, 0.25.AsScalar())

    let private ofInverse (identity: torch.Tensor) (m: torch.Tensor) = identity.neg().add(m, 2.0.AsScalar())

    let private plainCayley: Plain =
        fun b gram ->
            let identity = Orthonormal.identityLike b (Tensors.last b)
            let m = torch.linalg.inv (head identity b gram)
            struct (ofInverse identity m, m)

    let private cayleyInBasis: InBasis =
        fun b s gram ->
            let size, identity = Tensors.last b, identityIn b
            let half = s * 0.5.AsScalar()
            let inverse = torch.linalg.inv (joined [ [ head identity b gram; half.mH ]; [ -half; identity ] ])
            let columns = inverse.narrow (-1L, 0L, size)
            let m = part size 0L columns
            joined [ [ ofInverse identity m ]; [ part size 1L columns * 2.0.AsScalar() ]; [ m ] ]

    let private firstColumns (size: int64) (matrix: torch.Tensor) = (Exponential.ofMatrix matrix).narrow(-1L, 0L, size)

    /// exp([[B, -G/t], [t I, 0]]), whose first columns are [P; t R] for any t, so for one that makes the blocks alike.
    let private plainExponential: Plain =
        fun b gram ->
            let size = Tensors.last b
            let norm = torch.linalg.norm (gram.detach (), [| -2L; -1L |], true)
            let t = norm.sqrt().clamp_min(1e-2.AsScalar())
            let whole = joined [ [ b; gram / -t ]; [ identityIn b * t; torch.zeros_like b ] ]
            let struct (p, r) = Tensors.splitRows size (firstColumns size whole)
            struct (p, r / t)

    /// The same with a block more.
    let private exponentialInBasis: InBasis =
        fun b s gram ->
            let identity, zero = identityIn b, torch.zeros_like b
            firstColumns (Tensors.last b) (joined [ [ b; -s.mH; -gram ]; [ s; zero; zero ]; [ identity; zero; zero ] ])

    /// The largest bound on |A| for which C^H C is nearly as good as C: rounding of that square costs 2e-6 of orthonormality in
    /// float32 at this norm, where the limit is 2e-5, and grows with the square of the norm.
    let private moderate = 6.0

    let private isModerate (b: torch.Tensor) (gram: torch.Tensor) : bool =
        use _scope = torch.NewDisposeScope()
        use _noGrad = torch.no_grad ()

        let rootOfSquare (matrix: torch.Tensor) = torch.linalg.norm(matrix.matmul matrix, [| -2L; -1L |]).sqrt()

        Tensors.number ((rootOfSquare b +. (rootOfSquare gram).sqrt()).max()) <= moderate

    let private blocks (x: torch.Tensor) : struct (torch.Tensor * torch.Tensor) =
        let struct (top, c) = Tensors.splitRows (Tensors.last x) x
        struct (SkewMatrix.ofLower top, c)

    /// Beyond this norm rounding of A alone has lost its angles, or nearly: larger matrices are scaled down.
    let private largest = 1e12

    /// A Newton-Schulz step for P^H P + Y^H Y + R^H G R = I: it doubles the number of exact digits.
    let private polished (size: int64) (gram: torch.Tensor) (columns: torch.Tensor) =
        let square = columns.narrow (-2L, 0L, 2L * size)
        let r = part size 2L columns
        let identity = Orthonormal.identityLike r size
        let product = square.mH.matmul square +. r.mH.matmul (gram.matmul r)
        columns.matmul (identity * 1.5.AsScalar() - product * 0.5.AsScalar())

    /// For large norms, in double precision. Z is a constant for the gradient; the part D of C outside of it, and G = D^H D, are
    /// zero but have the rest of the gradient.
    let private careful (inBasis: InBasis) (x: torch.Tensor) =
        let exact = Tensors.inDouble x
        let size = Tensors.last x
        let entry = exact.detach().abs().amax([| -2L; -1L |], keepdim = true)
        let limit = (largest / sqrt (float (Tensors.rows x * size))).AsScalar()
        let struct (b, c) = blocks (exact * (entry.clamp_min(limit).reciprocal() * limit))
        let struct (z, _) = torch.linalg.qr (c.detach ())
        let s = z.mH.matmul c
        let leaving = c - z.matmul s
        let leaving = leaving - leaving.detach ()
        let gram = leaving.mH.matmul leaving

        let columns =
            Seq.init 3 ignore |> Seq.fold (fun columns () -> polished size gram columns) (inBasis b s gram)

        let lower = z.matmul (part size 1L columns) +. leaving.matmul (part size 2L columns)
        (torch.cat ([| part size 0L columns; lower |], -2L)).to_type x.dtype

    /// Up to n = 2 k, A itself is used, because the matrices that stand for it are not smaller.
    let private by
        (plain: Plain)
        (inBasis: InBasis)
        (ofSkew: torch.Tensor -> torch.Tensor)
        (x: torch.Tensor)
        : torch.Tensor =
        use _scope = torch.NewDisposeScope()
        let rows, size = Tensors.rows x, Tensors.last x

        let columns =
            if rows <= 2L * size then
                let square = ofSkew (SkewMatrix.ofLower x)
                // A view of the whole would cost its gradient a copy.
                if rows = size then square else square.narrow (-1L, 0L, size)
            else
                let struct (b, c) = blocks x
                let gram = Norms.gram c

                if isModerate b gram then
                    let struct (p, r) = plain b gram
                    torch.cat ([| p; c.matmul r |], -2L)
                else
                    // What is above the diagonal is not read.
                    Orthonormal.whereFinite (careful inBasis) (x.tril 0L)

        columns.MoveToOuterDisposeScope()

    /// The first k columns of the Cayley map of A. Differentiable.
    let cayley (x: torch.Tensor) : torch.Tensor = by plainCayley cayleyInBasis CayleyMap.ofSkew x

    /// The first k columns of exp A. Differentiable.
    let exponential (x: torch.Tensor) : torch.Tensor = by plainExponential exponentialInBasis Exponential.ofSkew x
