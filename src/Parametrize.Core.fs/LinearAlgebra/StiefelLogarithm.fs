namespace Parametrize.LinearAlgebra

open System
open TorchSharp
open Parametrize

/// For tall n x k matrices W with orthonormal columns, n > k, the x, lower triangular, such that W is the first k
/// columns of exp A, or of the Cayley map of A, where A = [[B, -C^H], [C, 0]] = [x, 0] - [x, 0]^H.
[<RequireQualifiedAccess>]
module internal StiefelLogarithm =

    let private skewPart = Orthonormal.skewPart

    /// x from B and C. The diagonal of B, imaginary, is shared between x and its adjoint.
    let private lower (b: torch.Tensor) (c: torch.Tensor) =
        let diagonal = b.diagonal (0L, -2L, -1L)
        torch.cat ([| b.tril -1L + torch.diag_embed (diagonal * 0.5); c |], -2L)

    let private square (x: torch.Tensor) =
        let rows, columns = x.shape[x.shape.Length - 2], x.shape[x.shape.Length - 1]

        let empty =
            torch.zeros (Array.append x.shape[.. x.shape.Length - 2] [| rows - columns |], x.dtype, x.device)

        let padded = torch.cat ([| x; empty |], -1L)
        padded - padded.mH

    let private norm (t: torch.Tensor) = t.norm().item<float>()

    /// W - map(x), in the precision in which the map will be used.
    let private error (map: torch.Tensor -> torch.Tensor) (w: torch.Tensor) (x: torch.Tensor) =
        let reached = (map (square x)).narrow(-1L, 0L, w.shape[w.shape.Length - 1])
        (reached - w).abs().max().to_type(torch.float64).item<float>()

    let private tolerance (w: torch.Tensor) = 1e3 * float w.shape[w.shape.Length - 2] * float (torch.finfo w.dtype).eps

    /// A basis of the skew matrices with a zero last block, as one batch.
    let private directions (columns: int64) (extra: int64) (isComplex: bool) =
        let size = columns + extra
        let dtype = if isComplex then torch.complex128 else torch.float64

        let unitOf (factor: Scalar) (row: int64) (column: int64) =
            let unit = torch.zeros ([| size; size |], dtype = dtype, device = torch.CPU)
            unit[row].narrow(0L, column, 1L).fill_ factor |> ignore
            Orthonormal.skewPart unit

        let below first =
            [
                for column in 0L .. columns - 1L do
                    for row in column + first .. size - 1L -> row, column
            ]

        let realOnes = [ for row, column in below 1L -> unitOf (1.0.ToScalar()) row column ]
        let i = (Numerics.Complex.ImaginaryOne).ToScalar()
        let imaginaryOnes = if isComplex then [ for row, column in below 0L -> unitOf i row column ] else []
        torch.stack (List.toArray (realOnes @ imaginaryOnes))

    /// The Levenberg-Marquardt method for the first columns of exp A = w, from the given A: slower than the iteration
    /// below, but it converges from far away.
    let private shoot (w: torch.Tensor) (start: torch.Tensor) =
        let columns, extra = w.shape[1], w.shape[0] - w.shape[1]
        let basis = (directions columns extra (w.is_complex ())).``to`` w.device
        let step = 1e-7

        let residual (a: torch.Tensor) =
            let difference = (Exponential.ofSkew a).narrow(-1L, 0L, columns) - w
            let real = if w.is_complex () then torch.view_as_real difference else difference
            real.reshape (Array.append a.shape[.. a.shape.Length - 3] [| -1L |])

        let mutable a, damping, steps = start, 1e-2, 0
        let mutable value = residual a

        while norm value > 1e-14 && steps < 60 do
            let jacobian = ((residual (a + basis * step) - residual (a - basis * step)) * (0.5 / step)).mT
            let damped = jacobian.mT.matmul jacobian + Orthonormal.identityLike value basis.shape[0] * damping
            let change = torch.linalg.solve (damped, jacobian.mT.matmul value)
            let next = a - (basis * change.view (-1L, 1L, 1L)).sum(dim = 0L)
            let nextValue = residual next
            steps <- steps + 1

            if norm nextValue < norm value then
                a <- next
                value <- nextValue
                damping <- max (damping * 0.1) 1e-15
            elif norm value < 1e-12 then
                steps <- 60
            else
                damping <- damping * 10.0

        if norm value < 1e-12 then ValueSome a else ValueNone

    /// Beyond so many rows the Jacobian of the method above is too large.
    let private mostRowsToShoot = 40L

    /// One n x k matrix. With W = [M; Q N], Q the QR factor of the lower part, [M; N] is completed to a rotation
    /// V, and the completion is turned until the last block of log V vanishes (Zimmermann, A matrix-algebraic algorithm
    /// for the Riemannian logarithm on the Stiefel manifold, 2017, algorithm 3.1, with the Sylvester step of Zimmermann
    /// and Hueper, Computing the Riemannian logarithm on the Stiefel manifold, 2022, algorithm 4).
    let private ofMatrix (w: torch.Tensor) : torch.Tensor voption =
        let columns = w.shape[1]
        let top, rest = w.narrow (0L, 0L, columns), w.narrow (0L, columns, w.shape[0] - columns)
        let struct (outer, inner) = torch.linalg.qr rest
        let extra = inner.shape[0]
        let reduced = torch.cat ([| top; inner |], 0L)
        let completion = (Orthonormal.complete reduced).narrow(1L, columns, extra)

        let part (row: int64, rows: int64) (column: int64, width: int64) (a: torch.Tensor) =
            a.narrow(0L, row, rows).narrow(1L, column, width)

        let b, c, last =
            part (0L, columns) (0L, columns),
            part (columns, extra) (0L, columns),
            part (columns, extra) (columns, extra)

        // The turn that brings the last block to zero, to second order in it.
        let turnFor (a: torch.Tensor) =
            let struct (values, basis) = torch.linalg.eigh ((c a).matmul (c a).mH * (1.0 / 12.0))
            let sums = (values.unsqueeze -1L + values.unsqueeze -2L - 1.0).clamp_max((-0.25).ToScalar())
            let generator = basis.matmul(basis.mH.matmul(last a).matmul basis / sums).matmul basis.mH
            torch.linalg.matrix_exp (skewPart generator)

        let rec iterate steps (turn: torch.Tensor) =
            let a = Rotation.logarithm (torch.cat ([| reduced; completion.matmul turn |], 1L))

            if norm (last a) <= 1e-14 * float (columns + extra) then
                ValueSome a
            elif steps > 0 then
                iterate (steps - 1) (Orthonormal.polar (turn.matmul (turnFor a)))
            elif columns + extra <= mostRowsToShoot then
                let start = a.clone ()
                (last start).zero_() |> ignore
                shoot reduced start
            else
                ValueNone

        // Turns the completion of a real matrix into that of a rotation.
        let positive (turn: torch.Tensor) =
            let completed = torch.cat ([| reduced; completion.matmul turn |], 1L)

            if w.is_complex () || torch.linalg.det(completed).item<float>() > 0.0 then
                turn
            else
                let signs = torch.ones ([| extra |], dtype = w.dtype, device = w.device)
                signs.narrow(0L, extra - 1L, 1L).neg_() |> ignore
                turn * signs

        use generator = new torch.Generator(1UL, w.device)

        let turns =
            seq {
                // The completion nearest to the identity first (Procrustes), then random ones.
                yield Orthonormal.polar (completion.narrow (0L, columns, extra)).mH

                for _ in 1..20 do
                    yield Orthonormal.sample [| extra; extra |] w.dtype w.device generator
            }

        turns
        |> Seq.map (fun turn -> iterate 30 (positive turn))
        |> Seq.tryFind (fun result -> result.IsSome)
        |> Option.map (fun result -> lower (b result.Value) (outer.matmul (c result.Value)))
        |> Option.toValueOption

    /// The logarithm for the canonical metric; ValueNone when the iteration does not converge.
    let exponential (w: torch.Tensor) : torch.Tensor voption =
        use _scope = torch.NewDisposeScope()
        use _noGrad = torch.no_grad ()
        let rank = w.shape.Length

        let matrices = (Orthonormal.polar (Tensors.wide w)).reshape(-1L, w.shape[rank - 2], w.shape[rank - 1])

        let results = [| for matrix in matrices.unbind 0 -> ofMatrix matrix |]

        if results |> Array.forall (fun result -> result.IsSome) then
            let x = torch.stack([| for result in results -> result.Value |]).reshape(w.shape).to_type w.dtype

            if error Exponential.ofSkew w x <= tolerance w then
                ValueSome(x.MoveToOuterDisposeScope())
            else
                ValueNone
        else
            ValueNone

    /// How large an entry of A may be for `cayley`: beyond, rounding decides where its image lies.
    let farthest = 1e4

    let private topPlusIdentity (w: torch.Tensor) =
        let columns = w.shape[w.shape.Length - 1]
        w.narrow (-2L, 0L, columns) + Orthonormal.identityLike w columns

    /// With W = [Q1; Q2], (I - A/2) W = (I + A/2) [I; 0] gives C = 2 Q2 (Q1 + I)^-1 and
    /// B = (2 (Q1 - I) + C^H Q2) (Q1 + I)^-1, in double precision. Not finite when Q1 + I is singular.
    let private cayleyExactly (w: torch.Tensor) =
        let rows, columns = w.shape[w.shape.Length - 2], w.shape[w.shape.Length - 1]
        let exact = Orthonormal.polar (Tensors.wide w)
        let shifted = topPlusIdentity exact
        // Singular values, because `inv` throws where there is no inverse, for the whole batch.
        let struct (left, values, right) = torch.linalg.svd (shifted, fullMatrices = false)
        let inverse = (right.mH * values.reciprocal().unsqueeze -2L).matmul left.mH
        let rest = exact.narrow (-2L, columns, rows - columns)
        let c = rest.matmul inverse * 2.0

        let b =
            ((shifted - Orthonormal.identityLike exact columns * 2.0) * 2.0 + c.mH.matmul rest).matmul inverse

        lower (skewPart b) c

    let private largestEntry (x: torch.Tensor) =
        let size = x.abs().max().item<float>()
        if Double.IsNaN size then infinity else size

    /// The largest entry of the A that `cayley` finds; infinite where Q1 has the eigenvalue -1.
    let cayleySize (w: torch.Tensor) : float =
        use _scope = torch.NewDisposeScope()
        use _noGrad = torch.no_grad ()
        largestEntry (cayleyExactly w)

    /// W with the directions reflected in which Q1 is close to -1, so that A is not larger than `farthest`.
    let awayFromInfinity (w: torch.Tensor) : torch.Tensor =
        use _scope = torch.NewDisposeScope()
        use _noGrad = torch.no_grad ()
        let exact = Tensors.wide w
        let struct (_, values, right) = torch.linalg.svd (topPlusIdentity exact, fullMatrices = false)
        let isNear = values.lt((8.0 / farthest).ToScalar()).unsqueeze(-1L).to_type right.dtype

        let reflector =
            Orthonormal.identityLike exact w.shape[w.shape.Length - 1] - right.mH.matmul (right * isNear) * 2.0

        (exact.matmul reflector).to_type(w.dtype).MoveToOuterDisposeScope()

    /// The x of W; ValueNone beyond `farthest`.
    let cayley (w: torch.Tensor) : torch.Tensor voption =
        use _scope = torch.NewDisposeScope()
        use _noGrad = torch.no_grad ()
        let x = cayleyExactly w

        if largestEntry x <= farthest then
            ValueSome((x.to_type w.dtype).MoveToOuterDisposeScope())
        else
            ValueNone
