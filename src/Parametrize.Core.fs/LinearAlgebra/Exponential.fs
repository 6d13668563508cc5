namespace Parametrize.LinearAlgebra

open TorchSharp
open Parametrize

/// The exponential of skew-symmetric (skew-Hermitian) matrices: polynomials in three to five products
/// (`ExponentialPolynomials`), scaling and squaring. On the CPU products are so much faster than factorizations that this beats
/// Pade approximants, forward and backward. A skew matrix is normal: the error is that of the scalar polynomial at its
/// eigenvalues, and norms of powers bound these well.
[<RequireQualifiedAccess>]
module internal Exponential =

    /// A bound on the spectral norm of a from the Frobenius norm of its power: the eigenvalues of a real one come in
    /// pairs. One for each matrix of the batch.
    let private bound (a: torch.Tensor) (power: torch.Tensor) (exponent: float) =
        let norm = torch.linalg.vector_norm (power.detach (), 2.0, [| -2L; -1L |], true)
        let pairs = if a.is_complex () then norm else norm * (sqrt 0.5).AsScalar()
        pairs.pow ((1.0 / exponent).AsScalar())

    let private largestOf (t: torch.Tensor) = t.max().to_type(torch.float64).item<float>()

    /// How often each matrix has to be squared again after scaling.
    let private squarings (a: torch.Tensor) (size: torch.Tensor) =
        (size / (ExponentialPolynomials.highReach a).AsScalar()).log2().ceil().clamp_min((0.0).AsScalar())

    /// The same with a closer bound by A^6, where that by a lower power says that some are needed, and A^6 for others: a product
    /// that single precision needs for nothing else, and without a graph.
    let private squaringsBy (a: torch.Tensor) (size: torch.Tensor) (cube: torch.Tensor) =
        if ExponentialPolynomials.isSingle a then
            let bySquare = squarings a size

            if largestOf bySquare = 0.0 then
                struct (bySquare, (fun () -> cube.matmul cube))
            else
                let cube = cube.detach ()
                let sixth = cube.matmul cube
                struct (squarings a (torch.minimum (size, bound a sixth 6.0)), (fun () -> sixth))
        else
            let sixth = cube.matmul cube
            struct (squarings a (torch.minimum (size, bound a sixth 6.0)), (fun () -> sixth))

    /// Squares each matrix of the batch its own number of times.
    let private squareAgain (counts: torch.Tensor) (after: int -> torch.Tensor -> torch.Tensor) (q: torch.Tensor) =
        let least, most = int (counts.min().to_type(torch.float64).item<float>()), int (largestOf counts)

        ((q, [ 1..most ])
         ||> List.fold (fun q step ->
             let squared = after step (q.matmul q)

             if step <= least then
                 squared
             else
                 torch.where (counts.ge ((float step).AsScalar()), squared, q)))

    /// For large norms, in double precision. Each squaring doubles the distance to orthogonality: Newton-Schulz steps
    /// undo it. Norms beyond 1e15, where rounding of A alone loses its angles, are cut there.
    let private careful (a: torch.Tensor) =
        let exact = Tensors.inDouble a
        let entry = exact.detach().abs().amax([| -2L; -1L |], keepdim = true).clamp_min((1e-300).AsScalar())
        let size = torch.linalg.vector_norm (exact.detach () / entry, 2.0, [| -2L; -1L |], true)
        let counts = squarings exact (size * entry)
        let cut = counts.clamp_max ((50.0).AsScalar())
        let scaled = exact * (-counts).exp2()
        let square = scaled.matmul scaled
        let cube = square.matmul scaled
        let correct step q = if step % 6 = 0 then Orthonormal.newtonSchulz q else q

        let q =
            squareAgain cut correct (ExponentialPolynomials.high scaled square cube (fun () -> cube.matmul cube))

        (Orthonormal.newtonSchulz q).to_type a.dtype

    /// exp A, also of large A, orthogonal to rounding. Differentiable.
    let ofSkew (a: torch.Tensor) : torch.Tensor =
        use _scope = torch.NewDisposeScope()

        let q =
            if a.numel () = 0L then
                a.clone ()
            else
                let square = a.matmul a
                let size = bound a square 2.0

                if largestOf size <= ExponentialPolynomials.lowReach a then
                    ExponentialPolynomials.low a square
                else
                    let cube = square.matmul a
                    let struct (counts, sixth) = squaringsBy a size cube
                    let most = largestOf counts

                    if most = 0.0 then
                        ExponentialPolynomials.high a square cube sixth
                    elif most <= 6.0 then
                        let scale = (-counts).exp2().to_type a.dtype
                        let cubeScale = scale * scale * scale

                        let q =
                            ExponentialPolynomials.high
                                (a * scale)
                                (square * (scale * scale))
                                (cube * cubeScale)
                                (fun () -> sixth () * (cubeScale * cubeScale))
                            |> squareAgain counts (fun _ q -> q)

                        let isSmall = Tensors.last a <= 8L
                        if most >= 2.0 || isSmall then Orthonormal.newtonSchulz q else q
                    else
                        Orthonormal.whereFinite careful a

        q.MoveToOuterDisposeScope()

    /// exp A of a matrix whose eigenvalues are those of a skew one, and zeros. It is not brought back to orthogonality.
    /// Differentiable.
    let ofMatrix (a: torch.Tensor) : torch.Tensor =
        use _scope = torch.NewDisposeScope()
        let square = a.matmul a
        let size = bound a square 2.0

        let q =
            if largestOf size <= ExponentialPolynomials.lowReach a then
                ExponentialPolynomials.low a square
            else
                let cube = square.matmul a
                let struct (counts, _) = squaringsBy a size cube
                let scaled = a * (-counts).exp2().to_type a.dtype
                let square = scaled.matmul scaled
                let cube = square.matmul scaled

                ExponentialPolynomials.high scaled square cube (fun () -> cube.matmul cube)
                |> squareAgain counts (fun _ q -> q)

        q.MoveToOuterDisposeScope()

    /// The matrix in which the largest eigenvalue of modulus beyond this one is that, and a bound on the modulus: the
    /// Frobenius norm where it is enough.
    let private within (limit: float) (a: torch.Tensor) : struct (torch.Tensor * torch.Tensor) =
        use _ = torch.no_grad ()
        let norm = torch.linalg.vector_norm (Tensors.inDouble a, 2.0, [| -2L; -1L |], true)

        if largestOf norm <= limit then
            struct (torch.ones_like norm, norm)
        else
            let finite = (Tensors.inDouble a).nan_to_num 0.0
            let unit = finite.abs().amax([| -2L; -1L |], keepdim = true).clamp_min(1e-300.AsScalar())
            let values = torch.linalg.eigvalsh (finite / unit)
            let radius = values.abs().amax([| -1L |], keepdim = true).unsqueeze(-1L) * unit
            struct ((limit.AsScalar() / radius).clamp_max(1.0.AsScalar()), radius.clamp_max (limit.AsScalar()))

    /// The largest modulus of an eigenvalue whose exponential is a normal number of the element type.
    let private largestExponent (a: torch.Tensor) =
        if a.dtype = torch.float64 || a.dtype = torch.complex128 then 708.0 else 87.0

    /// By how much `ofHermitian` scales each matrix down.
    let scaleOfHermitian (a: torch.Tensor) : torch.Tensor =
        let struct (scale, _) = within (largestExponent a) a
        scale

    /// exp A of a Hermitian matrix, positive definite to rounding. Eigenvalues of A whose exponential is no normal number of
    /// the element type are scaled down with the others. Differentiable.
    let ofHermitian (a: torch.Tensor) : torch.Tensor =
        use _scope = torch.NewDisposeScope()
        // In double precision: the exponential magnifies rounding of A, and of each square, by the size of A.
        let struct (scale, size) = within (largestExponent a) a
        let exact = Tensors.inDouble a * scale
        // Half of A: the last square is that of a factor and its adjoint, which no rounding makes indefinite.
        let counts = squarings exact (size / 2.0.AsScalar())
        let scaled = exact * (0.5.AsScalar() * (-counts).exp2())
        let square = scaled.matmul scaled
        let cube = square.matmul scaled

        let root =
            squareAgain
                counts
                (fun _ q -> q)
                (ExponentialPolynomials.high scaled square cube (fun () -> cube.matmul cube))

        (root.matmul root.mH).to_type(a.dtype).MoveToOuterDisposeScope()
