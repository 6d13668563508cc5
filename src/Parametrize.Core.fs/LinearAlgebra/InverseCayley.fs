namespace Parametrize.LinearAlgebra

open System
open TorchSharp
open Parametrize

/// The inverse of the Cayley map: for n x k matrices W with orthonormal columns, n >= k, the X, lower triangular, such
/// that W is the first k columns of the map of A, the `SkewMatrix` of X. It is infinite where the top block of W has the
/// eigenvalue -1.
[<RequireQualifiedAccess>]
module internal InverseCayley =

    /// How large an entry of A may be: beyond, rounding decides where its image lies.
    let private farthest = 1e4

    let private topPlusIdentity (w: torch.Tensor) =
        let columns = Tensors.last w
        w.narrow (-2L, 0L, columns) +. Orthonormal.identityLike w columns

    /// The X of W, orthonormal in double precision, and the largest entry of A. With W = [Q1; Q2] and M = (Q1 + I)^-1,
    /// (I - A/2) W = (I + A/2) [I; 0] gives C = 2 Q2 M and B = 2 (M^H - M).
    let private invert (exact: torch.Tensor) : struct (torch.Tensor * float) =
        let rows, columns = Tensors.rows exact, Tensors.last exact
        // Singular values, because `inv` throws where there is no inverse, for the whole batch.
        let struct (left, values, right) = torch.linalg.svd (topPlusIdentity exact, fullMatrices = false)
        let inverse = (right.mH * values.reciprocal().unsqueeze -2L).matmul left.mH
        let c = (exact.narrow (-2L, columns, rows - columns)).matmul inverse * 2.0.AsScalar()
        let x = SkewMatrix.ofBlocks (Orthonormal.skewPart inverse * (-4.0).AsScalar()) c
        let largest = Tensors.largest x

        // A takes W + [I; 0] to 2 (W - [I; 0]): where the first is short, A is large, whatever rounding has made of it.
        let isClose = exact.numel () > 0L && Tensors.number (values.min ()) < 8.0 / farthest

        let least =
            if isClose then
                Tensors.number ((torch.linalg.svdvals (exact +. Tensors.eyeLike exact)).min())
            else
                1.0

        struct (x, (if Double.IsNaN largest then infinity else max largest (4.0 / least)))

    /// Whether the A of W is small enough. Every W is within 4 / size of a matrix whose A has entries of that size, so at the
    /// largest size allowed that is near. In 16-bit types rounding alone moves W farther, so every W is reached.
    let reaches (epsilon: float) (w: torch.Tensor) : Result<unit, Violation> =
        if Tensors.limit epsilon (Tensors.rows w) 1.0 >= 4.0 / farthest then
            Ok()
        else
            use _scope = torch.NewDisposeScope()
            use _noGrad = torch.no_grad ()
            let struct (_, size) = invert (Orthonormal.polar (Tensors.inDouble w))
            Violation.unless "|A| of the Cayley map is finite (no base)" size farthest

    /// Which singular values, in descending order, belong to directions near -1. Those of a rotation come in pairs, of
    /// which rounding must not take one.
    let private nearMinusOne (w: torch.Tensor) (values: torch.Tensor) =
        let isNear = values.lt ((8.0 / farthest).AsScalar())
        let columns = Tensors.last w

        if w.is_complex () || Tensors.rows w > columns then
            isNear
        else
            let count = isNear.``to``(torch.int64).sum(-1L, keepdim = true)
            let place = Tensors.range 0L columns torch.int64 w.device
            place.ge (columns.AsScalar() .- count - count.remainder (2L.AsScalar()))

    /// W with the directions reflected in which Q1 is close to -1, so that A is not larger than it may be.
    let awayFromInfinity (w: torch.Tensor) : torch.Tensor =
        use _scope = torch.NewDisposeScope()
        use _noGrad = torch.no_grad ()
        let exact = Tensors.inDouble w
        let struct (_, values, right) = torch.linalg.svd (topPlusIdentity exact, fullMatrices = false)
        let isNear = (nearMinusOne w values).unsqueeze(-1L).to_type right.dtype

        let reflector =
            Orthonormal.identityLike exact (Tensors.last w) - right.mH.matmul (right * isNear) * 2.0.AsScalar()

        (exact.matmul reflector).to_type(w.dtype).MoveToOuterDisposeScope()

    /// Entries of A up to which its rounding does not show in W.
    let private harmless = 1e2

    /// The inverse for a matrix near W, whose directions near the eigenvalue -1 were turned by about this angle.
    let private aside (generator: torch.Generator) (w: torch.Tensor) (angle: float) =
        let struct (_, values, right) = torch.linalg.svd (topPlusIdentity w, fullMatrices = false)
        let near = right * values.lt((4.0 * angle).AsScalar()).unsqueeze(-1L).to_type right.dtype
        let noise = Form.normal generator (Form.ofTensor w)
        invert (Orthonormal.polar (w +. noise.matmul(near.mH).matmul near * angle.AsScalar()))

    /// Large entries of A hide the small ones when A is rounded, and an infinite A cannot be used. So matrices near W are tried:
    /// the first result with an error of at most `enough` is taken, or else the best one.
    let private best (enough: float) (rounded: torch.Tensor -> torch.Tensor) (w: torch.Tensor) =
        let struct (direct, size) = invert w

        if size <= harmless then
            direct
        else
            use generator = new torch.Generator(1UL, torch.CPU)

            let withError (struct (x: torch.Tensor, size: float)) =
                if size > farthest then
                    struct (x, infinity)
                else
                    struct (x, Tensors.distance (ThinMaps.cayley (Tensors.inDouble (rounded x))) w)

            let errorOf (struct (_: torch.Tensor, error: float)) = error

            let candidates =
                seq {
                    struct (direct, size)

                    for step in 2..16 do
                        aside generator w (10.0 ** (-0.25 * float step))
                }
                |> Seq.map withError
                |> Seq.cache

            let struct (found, _) =
                candidates
                |> Seq.tryFind (fun candidate -> errorOf candidate <= enough)
                |> Option.defaultWith (fun () -> candidates |> Seq.minBy errorOf)

            found

    /// The X of a W that is reached, in double precision. The rounded X gives W with an error of at most `enough`, if possible.
    let ofMatrix (enough: float) (rounded: torch.Tensor -> torch.Tensor) (w: torch.Tensor) : torch.Tensor =
        use _scope = torch.NewDisposeScope()
        use _noGrad = torch.no_grad ()
        let exact = Orthonormal.polar (Tensors.inDouble w)
        let matrices = exact.reshape (-1L, Tensors.rows w, Tensors.last w)
        let results = [| for matrix in matrices.unbind 0 -> best enough rounded matrix |]
        torch.stack(results).reshape(w.shape).MoveToOuterDisposeScope()
