namespace Parametrize.LinearAlgebra

open TorchSharp
open Parametrize

/// The inverse of the exponential on tall matrices: for n x k matrices W with orthonormal columns, n > k, the X, lower
/// triangular, such that W is the first k columns of exp A, where A is the `SkewMatrix` of X.
[<RequireQualifiedAccess>]
module internal StiefelLogarithm =

    /// How far X is from giving W, in the precision in which it will be used.
    let private error (w: torch.Tensor) (x: torch.Tensor) = Tensors.distance (ThinMaps.exponential x) w

    let private tolerance (w: torch.Tensor) = 1e3 * float (Tensors.rows w) * Form.epsilon w.dtype

    /// The same matrix with a determinant of 1, by its last column; unitary ones as they are.
    let private ofDeterminantOne (completed: torch.Tensor) =
        if completed.is_complex () || Tensors.number (Tensors.determinantSign completed) > 0.0 then
            completed
        else
            let last = Tensors.last completed - 1L
            torch.cat ([| completed.narrow (1L, 0L, last); -completed.narrow(1L, last, 1L) |], 1L)

    /// Descent reaches a solution from everywhere; from another start when rounding has stopped it before.
    let private mostStarts = 4

    /// One n x k matrix, in double precision. With W = [M; Q N], Q the QR factor of the lower part, [M; N] is completed
    /// to a rotation whose logarithm has a zero last block.
    let private ofMatrix (goal: float) (w: torch.Tensor) : torch.Tensor =
        use _scope = torch.NewDisposeScope()
        let rows, columns = Tensors.rows w, Tensors.last w
        let struct (outer, inner) = torch.linalg.qr (w.narrow (0L, columns, rows - columns))
        let extra = Tensors.rows inner
        let reduced = torch.cat ([| w.narrow (0L, 0L, columns); inner |], 0L)
        let completion = (Orthonormal.complete reduced).narrow(1L, columns, extra)
        use generator = new torch.Generator(1UL, torch.CPU)

        let blocks (turn: torch.Tensor) =
            let completed = ofDeterminantOne (torch.cat ([| reduced; completion.matmul turn |], 1L))
            let a = ShortestCompletion.logarithm goal columns completed |> StiefelShooting.refine goal reduced
            let left = a.narrow (1L, 0L, columns)
            SkewMatrix.ofBlocks (left.narrow (0L, 0L, columns)) (left.narrow (0L, columns, extra))

        let starts =
            seq {
                // The completion nearest to the identity first (Procrustes), then random ones.
                yield Orthonormal.polar (completion.narrow (0L, columns, extra)).mH

                for _ in 2..mostStarts do
                    yield Orthonormal.sample [| extra; extra |] w.dtype w.device generator
            }

        let found =
            starts
            |> Seq.map (fun turn ->
                let x = blocks turn
                struct (error reduced x, x))
            |> Seq.cache

        let struct (_, best) =
            found
            |> Seq.tryFind (fun (struct (error, _)) -> error <= 2.0 * goal)
            |> Option.defaultWith (fun () -> found |> Seq.minBy (fun (struct (error, _)) -> error))

        let top, below = best.narrow (0L, 0L, columns), best.narrow (0L, columns, extra)
        torch.cat([| top; outer.matmul below |], 0L).MoveToOuterDisposeScope()

    /// The X of W; ValueNone when rounding keeps it from being found.
    let tryOf (w: torch.Tensor) : torch.Tensor voption =
        use _scope = torch.NewDisposeScope()
        use _noGrad = torch.no_grad ()
        let rows, columns = Tensors.rows w, Tensors.last w

        if w.numel () = 0L then
            ValueSome((torch.zeros_like w).MoveToOuterDisposeScope())
        else
            let goal = max (1e-14 * float (2L * columns)) (1e-2 * Form.epsilon w.dtype)
            let matrices = (Orthonormal.polar (Tensors.inDouble w)).reshape(-1L, rows, columns)
            let results = [| for matrix in matrices.unbind 0 -> ofMatrix goal matrix |]
            let x = torch.stack(results).reshape(w.shape).to_type w.dtype

            if error w x <= tolerance w then
                ValueSome(x.MoveToOuterDisposeScope())
            else
                ValueNone
