namespace Parametrize.LinearAlgebra

open System
open TorchSharp
open Parametrize

/// The inverse of the Cayley map on tall matrices: for n x k matrices W with orthonormal columns, n > k, the X, lower
/// triangular, such that W is the first k columns of the map of A, the `SkewMatrix` of X. It is infinite where the top
/// block of W has the eigenvalue -1.
[<RequireQualifiedAccess>]
module internal StiefelCayley =

    /// How large an entry of A may be: beyond, rounding decides where its image lies.
    let farthest = 1e4

    let private topPlusIdentity (w: torch.Tensor) =
        let columns = Tensors.last w
        w.narrow (-2L, 0L, columns) + Orthonormal.identityLike w columns

    /// With W = [Q1; Q2], (I - A/2) W = (I + A/2) [I; 0] gives C = 2 Q2 (Q1 + I)^-1 and
    /// B = (2 (Q1 - I) + C^H Q2) (Q1 + I)^-1, in double precision. Not finite when Q1 + I is singular.
    let private invert (w: torch.Tensor) =
        let rows, columns = Tensors.rows w, Tensors.last w
        let exact = Orthonormal.polar (Tensors.inDouble w)
        let shifted = topPlusIdentity exact
        // Singular values, because `inv` throws where there is no inverse, for the whole batch.
        let struct (left, values, right) = torch.linalg.svd (shifted, fullMatrices = false)
        let inverse = (right.mH * values.reciprocal().unsqueeze -2L).matmul left.mH
        let rest = exact.narrow (-2L, columns, rows - columns)
        let c = rest.matmul inverse * 2.0

        let b =
            ((shifted - Orthonormal.identityLike exact columns * 2.0) * 2.0 + c.mH.matmul rest).matmul inverse

        SkewMatrix.ofBlocks (Orthonormal.skewPart b) c

    let private largestEntry (x: torch.Tensor) =
        let largest = x.abs().max().item<float>()
        if Double.IsNaN largest then infinity else largest

    /// The largest entry of A; infinite where Q1 has the eigenvalue -1.
    let size (w: torch.Tensor) : float =
        use _scope = torch.NewDisposeScope()
        use _noGrad = torch.no_grad ()
        largestEntry (invert w)

    /// W with the directions reflected in which Q1 is close to -1, so that A is not larger than `farthest`.
    let awayFromInfinity (w: torch.Tensor) : torch.Tensor =
        use _scope = torch.NewDisposeScope()
        use _noGrad = torch.no_grad ()
        let exact = Tensors.inDouble w
        let struct (_, values, right) = torch.linalg.svd (topPlusIdentity exact, fullMatrices = false)
        let isNear = values.lt((8.0 / farthest).ToScalar()).unsqueeze(-1L).to_type right.dtype

        let reflector = Orthonormal.identityLike exact (Tensors.last w) - right.mH.matmul (right * isNear) * 2.0

        (exact.matmul reflector).to_type(w.dtype).MoveToOuterDisposeScope()

    /// The X of W; ValueNone when an entry is beyond `farthest`.
    let tryInvert (w: torch.Tensor) : torch.Tensor voption =
        use _scope = torch.NewDisposeScope()
        use _noGrad = torch.no_grad ()
        let x = invert w

        if largestEntry x <= farthest then
            ValueSome((x.to_type w.dtype).MoveToOuterDisposeScope())
        else
            ValueNone
