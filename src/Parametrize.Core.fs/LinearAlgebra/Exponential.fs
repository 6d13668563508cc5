namespace Parametrize.LinearAlgebra

open TorchSharp
open Parametrize

/// The exponential of skew-symmetric (skew-Hermitian) matrices: Taylor polynomials of degree 8 and 18 in three and
/// five products (Bader, Blanes and Casas, Computing the matrix exponential with an optimized Taylor polynomial
/// approximation, Mathematics 2019, sections 3.1 and 3.3), scaling and squaring. On the CPU products are so much
/// faster than factorizations that this beats Pade approximants, forward and backward. A skew matrix is normal: the
/// error is that of the scalar polynomial at its eigenvalues, and norms of powers bound these well.
[<RequireQualifiedAccess>]
module internal Exponential =

    let private isSingle (a: torch.Tensor) = a.dtype = torch.float32 || a.dtype = torch.complex64

    /// Up to which spectral norm the polynomial of degree 8, or 18, is exact to rounding, derivatives included.
    let private reach8 (a: torch.Tensor) = if isSingle a then 0.5 else 0.06
    let private reach18 (a: torch.Tensor) = if isSingle a then 2.5 else 1.09

    let private square177 = sqrt 177.0

    /// Rows: combinations of I, A and A^2; the scheme for degree 8 has a solution in closed form (section 3.1).
    let private rows8 =
        let x = (1.0 + square177) / 132.0
        let y = (857.0 - 58.0 * square177) / 630.0
        let u, v = (-271.0 + 29.0 * square177) / 210.0, 11.0 * (square177 - 1.0) / 840.0
        let w = 11.0 * (square177 - 9.0) / 3360.0
        array2D [ [ 0.0; x; x / 4.0 ]; [ 1.0; 1.0; y ]; [ u; v; w ] ]

    let private last8 = (89.0 - square177) / 2240.0

    /// Rows: combinations B1 ... B5 of I, A, A^2, A^3 and A^6 such that with A9 = B1 B5 + B4 the Taylor polynomial of
    /// degree 18 is B2 + (B3 + A9) A9. Found by least squares for the 19 coefficients, refined to 40 digits.
    let private rows18 =
        array2D
            [
                [ 0.0; 0.0035465185317089735; 0.0002837214825367179; 3.152460917074643e-05; 0.0 ]
                [
                    1.0000029370063015
                    0.24590977827352564
                    1.3626670681449935
                    0.49892102753108697
                    -0.0006409274388832526
                ]
                [
                    -11.148503498662372
                    1.680158138789062
                    0.05717798464788655
                    -0.0069821012248805206
                    3.3497501708607054e-05
                ]
                [
                    2.634440013553307e-07
                    -0.06766490756911185
                    0.014164404373747668
                    0.010015009725430788
                    1.1591578393189114e-06
                ]
                [
                    0.006895681428140112
                    15.065413834054889
                    6.917502564560302
                    0.0010314049951038284
                    0.00039644210987437235
                ]
            ]

    /// All combinations of the powers at once, as one product with the rows of coefficients.
    let private combine (rows: float[,]) (powers: torch.Tensor list) =
        let first = powers.Head
        let identity = (Orthonormal.identityLike first (Tensors.last first)).expand_as first
        let stacked = torch.stack (List.toArray (identity :: powers))
        let coefficients = torch.tensor (rows, dtype = first.dtype, device = first.device)
        let combined = coefficients.matmul (stacked.view (int64 powers.Length + 1L, -1L))
        (combined.view (Array.append [| int64 (rows.GetLength 0) |] first.shape)).unbind 0

    let private taylor8 (a: torch.Tensor) (square: torch.Tensor) =
        let combined = combine rows8 [ a; square ]
        let fourth = square.matmul combined[0]
        let left = fourth.add (square, (2.0 / 3.0).AsScalar())
        let right = combined[2].add(fourth, last8.AsScalar())
        combined[1] + left.matmul right

    let private taylor18 (a: torch.Tensor) (square: torch.Tensor) (cube: torch.Tensor) (sixth: torch.Tensor) =
        let combined = combine rows18 [ a; square; cube; sixth ]
        let ninth = combined[0].matmul combined[4] + combined[3]
        combined[1] + (combined[2] + ninth).matmul ninth

    /// A bound on the spectral norm of a from the Frobenius norm of its power: the eigenvalues of a real one come in
    /// pairs. One for each matrix of the batch.
    let private bound (a: torch.Tensor) (power: torch.Tensor) (exponent: float) =
        let norm = torch.linalg.vector_norm (power.detach (), 2.0, [| -2L; -1L |], true)
        let pairs = if a.is_complex () then norm else norm * (sqrt 0.5).AsScalar()
        pairs.pow ((1.0 / exponent).AsScalar())

    let private largestOf (t: torch.Tensor) = t.max().to_type(torch.float64).item<float>()

    /// How often each matrix has to be squared again after scaling.
    let private squarings (a: torch.Tensor) (size: torch.Tensor) =
        (size / (reach18 a).AsScalar()).log2().ceil().clamp_min((0.0).AsScalar())

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
        let q = squareAgain cut correct (taylor18 scaled square cube (cube.matmul cube))
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

                if largestOf size <= reach8 a then
                    taylor8 a square
                else
                    let cube = square.matmul a
                    let sixth = cube.matmul cube
                    let counts = squarings a (torch.minimum (size, bound a sixth 6.0))
                    let most = largestOf counts

                    if most = 0.0 then
                        taylor18 a square cube sixth
                    elif most <= 6.0 then
                        let scale = (-counts).exp2().to_type a.dtype
                        let cubeScale = scale * scale * scale
                        let powers = taylor18 (a * scale) (square * (scale * scale)) (cube * cubeScale)
                        let q = squareAgain counts (fun _ q -> q) (powers (sixth * (cubeScale * cubeScale)))
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
            if largestOf size <= reach8 a then
                taylor8 a square
            else
                let sixth = square.matmul square |> square.matmul
                let counts = squarings a (torch.minimum (size, bound a sixth 6.0))
                let scaled = a * (-counts).exp2().to_type a.dtype
                let square = scaled.matmul scaled
                let cube = square.matmul scaled
                squareAgain counts (fun _ q -> q) (taylor18 scaled square cube (cube.matmul cube))

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
        let root = squareAgain counts (fun _ q -> q) (taylor18 scaled square cube (cube.matmul cube))
        (root.matmul root.mH).to_type(a.dtype).MoveToOuterDisposeScope()
