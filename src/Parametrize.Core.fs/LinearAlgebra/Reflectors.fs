namespace Parametrize.LinearAlgebra

open TorchSharp
open Parametrize

/// Orthonormal columns as products of Householder reflectors.
[<RequireQualifiedAccess>]
module internal Reflectors =

    /// The products of longer columns, which add up one by one, are too coarse for their squared lengths.
    let private isLong (v: torch.Tensor) : bool = Tensors.rows v > 512L

    /// The numbers by which columns are divided; reflectors do not depend on them. These are the largest entries, so that squares
    /// stay in range, and for long columns also their lengths.
    let private unitsOf (columns: torch.Tensor) : torch.Tensor list =
        let largest = Norms.largest columns [| columns.dim () - 2L |]

        if isLong columns then
            let bounded = Norms.dividedBy largest columns
            [ largest; Norms.formula bounded [| columns.dim () - 2L |] true ]
        else
            [ largest ]

    let private inUnits (units: torch.Tensor list) (columns: torch.Tensor) : torch.Tensor =
        units |> List.fold (fun columns unit -> Norms.dividedBy unit columns) columns

    /// The columns of the reflectors, given what is below the diagonal.
    let private columnsBelow (lower: torch.Tensor) : torch.Tensor = lower +. (Tensors.eyeLike lower)

    /// A matrix of ones, with 1/2 on the diagonal.
    let private halfDiagonal (v: torch.Tensor) : torch.Tensor =
        let identity = Orthonormal.identityLike v (Tensors.last v)
        torch.ones_like identity - identity * 0.5.AsScalar()

    /// Up to this number of columns, LAPACK solves the equations; more are halved, because products of blocks are faster.
    let private fewest = 64L

    /// The inverse of an upper triangular matrix.
    let rec private inverted (upper: torch.Tensor) : torch.Tensor =
        let size = Tensors.last upper

        if size <= fewest then
            torch.linalg.solve_triangular (upper, Orthonormal.identityLike upper size, upper = true)
        else
            let halves = [| size / 2L; size - size / 2L |]
            let rows = upper.split (halves, -2L)
            let top, bottom = rows[0].split(halves, -1L), rows[1].split(halves, -1L)
            let first, second = inverted top[0], inverted bottom[1]
            let corner = first.matmul(top[1]).matmul(second).neg()
            let lower = torch.nn.functional.pad (second, [| halves[0]; 0L |])
            torch.cat ([| torch.cat ([| first; corner |], -1L); lower |], -2L)

    /// T of the compact WY form H1 ... Hk = I - V T V^H if there are more than `fewest` columns; else its inverse, striu(V^H V) +
    /// diag(V^H V) / 2 (Joffrain et al., Accumulating Householder transformations, revisited, ACM TOMS 2006, theorem 2).
    let private triangle (v: torch.Tensor) : torch.Tensor =
        // Entries below the diagonal are not read. Long columns have length 1, so 1/2 is more exact than their sums of squares.
        let inverse =
            if isLong v then
                (Norms.gram v).triu 1L +. Orthonormal.identityLike v (Tensors.last v) * 0.5.AsScalar()
            else
                Norms.gram v * halfDiagonal v

        if Tensors.last v <= fewest then inverse else inverted inverse

    /// T Z.
    let private times (triangle: torch.Tensor) (z: torch.Tensor) : torch.Tensor =
        if Tensors.last triangle <= fewest then
            torch.linalg.solve_triangular (triangle, z, upper = true)
        else
            triangle.matmul z

    /// T^H Z.
    let private adjointTimes (triangle: torch.Tensor) (z: torch.Tensor) : torch.Tensor =
        if Tensors.last triangle <= fewest then
            torch.linalg.solve_triangular (triangle.mH, z, upper = false)
        else
            triangle.mH.matmul z

    /// The gradients of M - V T Z by V and by Z as if these were independent, given T and W = T Z.
    let private pulledBack (v: torch.Tensor) (t: torch.Tensor) (w: torch.Tensor) (gradient: torch.Tensor) =
        use z = adjointTimes t (Norms.inner v gradient)
        use byGram = z.matmul(w.mH).triu() * halfDiagonal v
        use ofGram = v.matmul (byGram +. byGram.mH)
        struct (ofGram - gradient.matmul w.mH, z.neg ())

    /// So many columns are reflected at once. More are halved: the second half has zeros above, which are not computed with.
    let private many = 128L

    /// The first half of the columns, and of the others what is below their zeros.
    let private halves (v: torch.Tensor) : struct (int64 * torch.Tensor * torch.Tensor) =
        let half = Tensors.last v / 2L
        let columns = v.split ([| half; Tensors.last v - half |], -1L)
        struct (half, columns[0], columns[1].narrow(-2L, half, Tensors.rows v - half))

    let private below (half: int64) (matrix: torch.Tensor) : torch.Tensor =
        matrix.narrow (-2L, half, Tensors.rows matrix - half)

    let private from (half: int64) (matrix: torch.Tensor) : torch.Tensor =
        matrix.narrow (-1L, half, Tensors.last matrix - half)

    let private addTo (place: torch.Tensor) (other: torch.Tensor) : unit = place.add_ (other, 1.0.AsScalar()) |> ignore

    /// The first k columns of the product, from the columns of the reflectors.
    let rec private columnsOf (v: torch.Tensor) : WithPullback = if Tensors.last v <= many then atOnce v else byHalves v

    and private atOnce (v: torch.Tensor) : WithPullback =
        let t = triangle v
        let w = times t (v.narrow (-2L, 0L, Tensors.last v)).mH

        {
            Value = Tensors.eyeLike v - v.matmul w
            Kept = fun () -> [ t; w ]
            Pullback =
                fun saved gradient ->
                    let struct (byV, byZ) = pulledBack saved[0] saved[1] saved[2] gradient
                    addTo (byV.narrow (-2L, 0L, Tensors.last byV)) byZ.mH
                    byV
        }

    and private byHalves (v: torch.Tensor) : WithPullback =
        let struct (half, first, others) = halves v
        let inner = columnsOf others
        let struct (top, bottom) = Tensors.splitRows half first
        let one = Orthonormal.identityLike v half

        let started =
            torch.nn.functional.pad (one, [| 0L; Tensors.last others; 0L; Tensors.rows others |])
            +. torch.nn.functional.pad (inner.Value, [| half; 0L; half; 0L |])

        let t = triangle first
        let w = times t (torch.cat ([| top.mH; Norms.inner bottom inner.Value |], -1L))
        let pullback = inner.Pullback

        {
            Value = started - first.matmul w
            Kept = fun () -> t :: w :: inner.Value :: inner.Kept()
            Pullback =
                fun saved gradient ->
                    let struct (half, first, others) = halves saved[0]
                    let struct (byFirst, byZ) = pulledBack first saved[1] saved[2] gradient
                    let byProducts = from half byZ
                    addTo (byFirst.narrow (-2L, 0L, half)) (byZ.narrow (-1L, 0L, half)).mH
                    addTo (below half byFirst) (saved[3].matmul byProducts.mH)
                    let byInner = gradient |> below half |> from half
                    use byInner = byInner +. ((below half first).matmul byProducts)
                    let byOthers = pullback (others :: saved[4..]) byInner
                    torch.cat ([| byFirst; torch.nn.functional.pad (byOthers, [| 0L; 0L; half; 0L |]) |], -1L)
        }

    /// The product from what is below the diagonal. Lengths of columns are constants to the gradient: it is orthogonal to them.
    let private ofLower (lower: torch.Tensor) : WithPullback =
        let columns = columnsBelow lower
        let units = unitsOf columns
        let made = columnsOf (inUnits units columns)
        let pullback, count = made.Pullback, units.Length

        {
            Value = made.Value
            Kept = fun () -> units @ made.Kept()
            Pullback =
                fun saved gradient ->
                    let units, kept = List.splitAt count saved.Tail
                    let v = inUnits units (columnsBelow saved.Head)
                    pullback (v :: kept) gradient |> inUnits units
        }

    let rec private apply (v: torch.Tensor) (matrix: torch.Tensor) : torch.Tensor =
        let reflected (v: torch.Tensor) (matrix: torch.Tensor) =
            matrix - v.matmul (times (triangle v) (Norms.inner v matrix))

        if Tensors.last v <= many then
            reflected v matrix
        else
            let struct (half, first, others) = halves v
            let struct (top, bottom) = Tensors.splitRows half matrix
            reflected first (torch.cat ([| top; apply others bottom |], -2L))

    /// The first k columns of H1 H2 ... Hk, where Hi = I - 2 v v^H / v^H v and the columns v are those of the strict
    /// lower part of x with ones on the diagonal. Differentiable.
    let product (x: torch.Tensor) : torch.Tensor =
        use _scope = torch.NewDisposeScope()
        (CustomGradient.apply ofLower (x.tril -1L)).MoveToOuterDisposeScope()

    /// H1 H2 ... Hk applied to the columns of a matrix. Differentiable by that.
    let applied (x: torch.Tensor) (matrix: torch.Tensor) : torch.Tensor =
        use _scope = torch.NewDisposeScope()
        let columns = columnsBelow (x.tril -1L)
        (apply (inUnits (unitsOf columns) columns) matrix).MoveToOuterDisposeScope()

    /// For orthonormal q the x, strictly lower triangular but for a diagonal of +-1, with product x * diag(x) = q.
    /// Real matrices only. LAPACK's geqrf stores reflectors scaled as above, and R is diagonal with entries +-1.
    /// Where LAPACK needs no reflector (tau = 0, as in the last column of a square matrix) product reflects the
    /// coordinate instead, which the sign undoes.
    let factor (q: torch.Tensor) : torch.Tensor =
        if q.is_complex () then
            invalidArg (nameof q) $"The Householder factorization needs a real matrix, but this one is {q.dtype}."

        use _scope = torch.NewDisposeScope()
        use _noGrad = torch.no_grad ()
        let struct (reflectors, tau) = (Tensors.inDouble q).geqrf()
        let diagonal = reflectors.diagonal (0L, -2L, -1L)
        let one = torch.ones_like diagonal
        let sign = torch.where (diagonal.lt ((0.0).AsScalar()), -one, one)
        let sign = torch.where (tau.eq ((0.0).AsScalar()), -sign, sign)
        let x = reflectors.tril -1L
        x.diagonal(0L, -2L, -1L).copy_ sign |> ignore
        x.to_type(q.dtype).MoveToOuterDisposeScope()
