namespace Parametrize.LinearAlgebra

open System
open TorchSharp

/// For tall n x k matrices W with orthonormal columns, n > k, the x, lower triangular, such that W is the first k columns
/// of exp A, or of the Cayley map of A, where A = [[B, -C^H], [C, 0]] = [x, 0] - [x, 0]^H.
[<RequireQualifiedAccess>]
module internal StiefelLogarithm =

    let private skewPart = Orthonormal.skewPart

    /// x from B and C. The diagonal of B, imaginary, is shared between x and its adjoint.
    let private lower (b: torch.Tensor) (c: torch.Tensor) =
        let diagonal = b.diagonal (0L, -2L, -1L)
        torch.cat ([| b.tril -1L + torch.diag_embed (diagonal * 0.5); c |], -2L)

    let private square (x: torch.Tensor) =
        let rows, columns = x.shape[x.shape.Length - 2], x.shape[x.shape.Length - 1]
        let empty = torch.zeros (Array.append x.shape[.. x.shape.Length - 2] [| rows - columns |], x.dtype, x.device)
        let padded = torch.cat ([| x; empty |], -1L)
        padded - padded.mH

    let private norm (t: torch.Tensor) = t.norm().item<float> ()

    /// W - map(x), in the precision in which the map will be used.
    let private error (map: torch.Tensor -> torch.Tensor) (w: torch.Tensor) (x: torch.Tensor) =
        let reached = (map (square x)).narrow (-1L, 0L, w.shape[w.shape.Length - 1])
        (reached - w).abs().max().to_type(torch.float64).item<float> ()

    let private tolerance (w: torch.Tensor) =
        1e3 * float w.shape[w.shape.Length - 2] * float (torch.finfo w.dtype).eps

    /// One n x k matrix. With W = [M; Q N], Q the QR factor of the lower part, [M; N] is completed to a rotation
    /// V, and the completion is turned until the last block of log V vanishes (Zimmermann, A matrix-algebraic algorithm
    /// for the Riemannian logarithm on the Stiefel manifold, 2017, algorithm 3.1, with the Sylvester step of Zimmermann
    /// and Hueper, Computing the Riemannian logarithm on the Stiefel manifold, 2022, algorithm 4).
    let private ofMatrix (w: torch.Tensor) : torch.Tensor voption =
        let columns = w.shape[1]
        let top, rest = w.narrow (0L, 0L, columns), w.narrow (0L, columns, w.shape[0] - columns)
        let struct (outer, inner) = torch.linalg.qr rest
        let extra = inner.shape[0]
        let start = Orthonormal.complete (torch.cat ([| top; inner |], 0L))
        let completion = start.narrow (1L, columns, extra)

        let rotation (turn: torch.Tensor) =
            torch.cat ([| start.narrow (1L, 0L, columns); completion.matmul turn |], 1L)

        let block (a: torch.Tensor) = a.narrow(0L, columns, extra).narrow (1L, columns, extra)

        let solve (initial: torch.Tensor) =
            let mutable turn = initial
            let mutable result = ValueNone
            let mutable steps = 0

            while result.IsNone && steps < 60 do
                let a = Rotation.logarithm (rotation turn)
                let last = block a

                if norm last <= 1e-14 * float (columns + extra) then
                    result <- ValueSome a
                else
                    let c = a.narrow(0L, columns, extra).narrow (1L, 0L, columns)
                    let symmetric = c.matmul c.mH * (1.0 / 12.0)
                    let struct (values, basis) = torch.linalg.eigh symmetric
                    let sums = (values.unsqueeze -1L + values.unsqueeze -2L - 1.0).clamp_max ((-0.25).ToScalar ())
                    let generator = basis.matmul(basis.mH.matmul(last).matmul basis / sums).matmul basis.mH
                    turn <- Orthonormal.polar (turn.matmul (torch.linalg.matrix_exp (skewPart generator)))
                    steps <- steps + 1

            result

        use generator = new torch.Generator (1UL, torch.CPU)

        let candidates =
            seq {
                // The completion nearest to the identity first (Procrustes), then random ones.
                let near = Orthonormal.polar (completion.narrow (0L, columns, extra)).mH
                yield near

                for _ in 1..40 do
                    yield Orthonormal.sample [| extra; extra |] w.dtype w.device generator
            }

        let positive (turn: torch.Tensor) =
            if w.is_complex () || torch.linalg.det(rotation turn).item<float> () > 0.0 then
                turn
            else
                let signs = torch.ones ([| extra |], dtype = w.dtype, device = w.device)
                signs.narrow(0L, extra - 1L, 1L).neg_ () |> ignore
                turn * signs

        candidates
        |> Seq.map (fun turn -> solve (positive turn))
        |> Seq.tryFind (fun result -> result.IsSome)
        |> Option.map (fun result ->
            let a = result.Value
            let b = a.narrow(0L, 0L, columns).narrow (1L, 0L, columns)
            let c = a.narrow(0L, columns, extra).narrow (1L, 0L, columns)
            lower b (outer.matmul c))
        |> Option.toValueOption

    /// The logarithm for the canonical metric; ValueNone when the iteration does not converge.
    let exponential (w: torch.Tensor) : torch.Tensor voption =
        use _scope = torch.NewDisposeScope()
        use _noGrad = torch.no_grad ()
        let rank = w.shape.Length
        let matrices = (Orthonormal.polar (Orthonormal.precise w)).reshape (-1L, w.shape[rank - 2], w.shape[rank - 1])
        let results = [| for matrix in matrices.unbind 0 -> ofMatrix matrix |]

        if results |> Array.forall (fun result -> result.IsSome) then
            let x = torch.stack([| for result in results -> result.Value |]).reshape(w.shape).to_type w.dtype

            if error Exponential.ofSkew w x <= tolerance w then
                ValueSome (x.MoveToOuterDisposeScope ())
            else
                ValueNone
        else
            ValueNone

    /// With W = [Q1; Q2], (I - A/2) W = (I + A/2) [I; 0] gives C = 2 Q2 (Q1 + I)^-1 and
    /// B = (2 (Q1 - I) + C^H Q2) (Q1 + I)^-1; ValueNone when Q1 + I is singular, to rounding.
    let cayley (w: torch.Tensor) : torch.Tensor voption =
        use _scope = torch.NewDisposeScope()
        use _noGrad = torch.no_grad ()
        let rows, columns = w.shape[w.shape.Length - 2], w.shape[w.shape.Length - 1]
        let exact = Orthonormal.polar (Orthonormal.precise w)
        let top, rest = exact.narrow (-2L, 0L, columns), exact.narrow (-2L, columns, rows - columns)
        let identity = Orthonormal.identityLike exact columns
        let singular = torch.linalg.svdvals(top + identity).min().item<float> ()

        if singular < float (torch.finfo w.dtype).eps then
            ValueNone
        else
            let inverse = torch.linalg.inv (top + identity)
            let c = rest.matmul inverse * 2.0
            let b = skewPart (((top - identity) * 2.0 + c.mH.matmul rest).matmul inverse)
            let x = (lower b c).to_type w.dtype

            if error CayleyMap.ofSkew w x <= tolerance w then
                ValueSome (x.MoveToOuterDisposeScope ())
            else
                ValueNone
