namespace Parametrize.LinearAlgebra

open System
open TorchSharp
open Parametrize

/// The inverse of the exponential on tall matrices: for n x k matrices W with orthonormal columns, n > k, the X, lower
/// triangular, such that W is the first k columns of exp A, where A is the `SkewMatrix` of X.
[<RequireQualifiedAccess>]
module internal StiefelLogarithm =

    let private norm (t: torch.Tensor) = t.norm().item<float>()

    /// How far X is from giving W, in the precision in which it will be used.
    let private error (w: torch.Tensor) (x: torch.Tensor) =
        let reached = (Exponential.ofSkew (SkewMatrix.ofLower x)).narrow(-1L, 0L, Tensors.last w)
        (reached - w).abs().max().to_type(torch.float64).item<float>()

    let private tolerance (w: torch.Tensor) = 1e3 * float (Tensors.rows w) * float (torch.finfo w.dtype).eps

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

    /// B, C and the last block of A = [[B, -C^H], [C, last]], where B has so many columns.
    let private blocks (columns: int64) (a: torch.Tensor) =
        let extra = Tensors.last a - columns
        let left, right = a.narrow (1L, 0L, columns), a.narrow (1L, columns, extra)
        struct (left.narrow (0L, 0L, columns), left.narrow (0L, columns, extra), right.narrow (0L, columns, extra))

    /// The turn that brings the last block to zero, to second order in it.
    let private turnFor (c: torch.Tensor) (last: torch.Tensor) =
        let struct (values, basis) = torch.linalg.eigh (c.matmul c.mH * (1.0 / 12.0))
        let sums = (values.unsqueeze -1L + values.unsqueeze -2L - 1.0).clamp_max((-0.25).ToScalar())
        let generator = basis.matmul(basis.mH.matmul(last).matmul basis / sums).matmul basis.mH
        torch.linalg.matrix_exp (Orthonormal.skewPart generator)

    /// Turns the completion until the last block of the logarithm vanishes.
    let rec private iterate (steps: int) (reduced: torch.Tensor) (completion: torch.Tensor) (turn: torch.Tensor) =
        let a = Rotation.logarithm (torch.cat ([| reduced; completion.matmul turn |], 1L))
        let struct (_, c, last) = blocks (Tensors.last reduced) a

        if norm last <= 1e-14 * float (Tensors.last a) then
            ValueSome a
        elif steps > 0 then
            iterate (steps - 1) reduced completion (Orthonormal.polar (turn.matmul (turnFor c last)))
        elif Tensors.last a <= mostRowsToShoot then
            last.zero_ () |> ignore
            shoot reduced a
        else
            ValueNone

    /// The turn with which the completion of a real matrix makes it a rotation, by the last column.
    let private ofDeterminantOne (reduced: torch.Tensor) (completion: torch.Tensor) (turn: torch.Tensor) =
        let completed = torch.cat ([| reduced; completion.matmul turn |], 1L)

        if reduced.is_complex () || torch.linalg.det(completed).item<float>() > 0.0 then
            turn
        else
            let signs = torch.ones ([| Tensors.last turn |], dtype = turn.dtype, device = turn.device)
            signs.narrow(0L, Tensors.last turn - 1L, 1L).neg_() |> ignore
            turn * signs

    /// One n x k matrix. With W = [M; Q N], Q the QR factor of the lower part, [M; N] is completed to a rotation
    /// V, and the completion is turned until the last block of log V vanishes (Zimmermann, A matrix-algebraic algorithm
    /// for the Riemannian logarithm on the Stiefel manifold, 2017, algorithm 3.1, with the Sylvester step of Zimmermann
    /// and Hueper, Computing the Riemannian logarithm on the Stiefel manifold, 2022, algorithm 4).
    let private ofMatrix (w: torch.Tensor) : torch.Tensor voption =
        let rows, columns = Tensors.rows w, Tensors.last w
        let struct (outer, inner) = torch.linalg.qr (w.narrow (0L, columns, rows - columns))
        let extra = Tensors.rows inner
        let reduced = torch.cat ([| w.narrow (0L, 0L, columns); inner |], 0L)
        let completion = (Orthonormal.complete reduced).narrow(1L, columns, extra)
        use generator = new torch.Generator(1UL, w.device)

        let turns =
            seq {
                // The completion nearest to the identity first (Procrustes), then random ones.
                yield Orthonormal.polar (completion.narrow (0L, columns, extra)).mH

                for _ in 1..20 do
                    yield Orthonormal.sample [| extra; extra |] w.dtype w.device generator
            }

        turns
        |> Seq.map (ofDeterminantOne reduced completion >> iterate 30 reduced completion)
        |> Seq.tryFind _.IsSome
        |> Option.map (fun found ->
            let struct (b, c, _) = blocks columns found.Value
            SkewMatrix.ofBlocks b (outer.matmul c))
        |> Option.toValueOption

    /// The X of W, a logarithm for the canonical metric; ValueNone when the iteration does not converge.
    let tryOf (w: torch.Tensor) : torch.Tensor voption =
        use _scope = torch.NewDisposeScope()
        use _noGrad = torch.no_grad ()
        let rank = w.shape.Length

        let matrices =
            (Orthonormal.polar (Tensors.inDouble w)).reshape(-1L, w.shape[rank - 2], w.shape[rank - 1])

        let results = [| for matrix in matrices.unbind 0 -> ofMatrix matrix |]

        if results |> Array.forall (fun result -> result.IsSome) then
            let x = torch.stack([| for result in results -> result.Value |]).reshape(w.shape).to_type w.dtype

            if error w x <= tolerance w then
                ValueSome(x.MoveToOuterDisposeScope())
            else
                ValueNone
        else
            ValueNone
