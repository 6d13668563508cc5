namespace Parametrize.LinearAlgebra

open TorchSharp
open Parametrize

/// Matrices with orthonormal columns: how far from it, the nearest in the QR sense, completion to a square one, and
/// random ones. Tall matrices, n x k with n >= k; the caller transposes wide ones. Nothing here is differentiable.
[<RequireQualifiedAccess>]
module internal Orthonormal =

    let identityLike (w: torch.Tensor) (size: int64) = torch.eye (size, dtype = w.dtype, device = w.device)

    /// Half the difference of a matrix and its adjoint.
    let skewPart (a: torch.Tensor) = (a - a.mH) * 0.5.AsScalar()

    /// One step of the Newton-Schulz iteration for the polar factor (Higham, Functions of Matrices, 2008, eq. 8.20). It
    /// squares the distance to orthonormality and is differentiable.
    let newtonSchulz (q: torch.Tensor) =
        use _scope = torch.NewDisposeScope()
        (q * 1.5.AsScalar() - q.matmul (Norms.gram q) * 0.5.AsScalar()).MoveToOuterDisposeScope()

    /// f a for a map f of square matrices that must not see infinite or undefined entries: matrices of a batch that
    /// have one become NaN, with gradients of NaN, and leave their neighbours alone.
    let whereFinite (f: torch.Tensor -> torch.Tensor) (a: torch.Tensor) =
        let finite = a.detach().isfinite().all(-1L, true).all(-2L, true)
        let result = f (torch.where (finite, a, torch.zeros_like a))

        let factor =
            torch.zeros_like(finite, dtype = Tensors.realType a).masked_fill(finite.logical_not (), nan.AsScalar())

        torch.where (finite, result, a.sum ([| -2L; -1L |], true) * factor)

    /// 1 for each rotation, -1 for other orthogonal matrices: multiplying the last column by it gives a rotation.
    let turn (w: torch.Tensor) : torch.Tensor = (Tensors.determinantSign w).``to``(w.dtype).unsqueeze(-1L).unsqueeze -1L

    /// The last column times a number for each matrix.
    let withLastTimes (factor: torch.Tensor) (w: torch.Tensor) : torch.Tensor =
        let others = Tensors.last w - 1L
        torch.cat ([| w.narrow (-1L, 0L, others); w.narrow (-1L, others, 1L) * factor |], -1L)

    /// A square matrix with orthonormal columns as a rotation: the last column turns where it is none.
    let asRotation (w: torch.Tensor) : torch.Tensor = withLastTimes (turn w) w

    /// Two matrices whose columns belong together in pairs. Multiplies the last pair by -1 where this makes the first matrix (or
    /// the second, if only that is square) a rotation, because some maps reach rotations only.
    let turnedTogether (left: torch.Tensor) (right: torch.Tensor) : struct (torch.Tensor * torch.Tensor) =
        let isSquare (w: torch.Tensor) = Tensors.rows w = Tensors.last w

        if isSquare left || isSquare right then
            let sign = turn (if isSquare left then left else right)
            struct (withLastTimes sign left, withLastTimes sign right)
        else
            struct (left, right)

    /// The largest entry of |W^H W - I|; NaN if W has one.
    let defect (w: torch.Tensor) : float =
        if w.numel () = 0L then
            0.0
        else
            use _scope = torch.NewDisposeScope()
            use _noGrad = torch.no_grad ()
            let w = Tensors.inDouble w
            (w.mH.matmul w - identityLike w (Tensors.last w)).abs().max().item<float>()

    /// `W^H W - I`.
    let private residualOf (exact: torch.Tensor) = exact.mH.matmul exact - identityLike exact (Tensors.last exact)

    let private squaredFrobenius (matrix: torch.Tensor) = matrix.abs().Squared().sum([| -2L; -1L |], keepdim = true)

    /// Whether |W^H W - I|_2, which is no less than the defect of W Q for any unitary Q, is within the limit; infinite where
    /// it overflows.
    let nearInSpectrum (condition: string) (limit: float) (w: torch.Tensor) : Result<unit, Violation> =
        use _scope = torch.NewDisposeScope()
        use _noGrad = torch.no_grad ()
        let residual = residualOf (Tensors.inDouble w)

        let frobenius (matrix: torch.Tensor) = sqrt (Tensors.largest (squaredFrobenius matrix))

        // Upper bounds that cost no eigenvalues; the second grows with the fourth root of the size.
        if frobenius residual <= limit || sqrt (frobenius (residual.matmul residual)) <= limit then
            Ok()
        // LAPACK refuses what is not finite.
        elif Tensors.nonFinite residual > 0L then
            Violation.unless condition infinity limit
        else
            Violation.unless condition (Tensors.largest (torch.linalg.eigvalsh residual)) limit

    /// Real and imaginary parts as entries of their own: complex division and moduli over- and underflow where these
    /// do not.
    let private parts (w: torch.Tensor) = if w.is_complex () then Tensors.reals w else w.unsqueeze -1L

    let private ofParts (like: torch.Tensor) (parts: torch.Tensor) =
        if like.is_complex () then torch.view_as_complex parts else parts.squeeze -1L

    /// Divides each column by a power of two near its largest entry. The factor Q does not depend on the lengths of the
    /// columns, and powers of two bring no rounding, so that this only keeps squares from over- and underflowing.
    let private balanced (w: torch.Tensor) =
        let entries = parts w
        let largest = entries.abs().amax([| -3L; -1L |], keepdim = true)
        let scale = largest.clamp_min(1e-300.AsScalar()).log2().floor().exp2()
        ofParts w (entries / scale)

    /// z / |z|, and 1 for 0. Rank-deficient matrices have diagonals of R down to the smallest number there is.
    let private phase (z: torch.Tensor) =
        let entries = parts z
        let largest = entries.abs().amax([| -1L |], keepdim = true)
        let isZero = largest.eq ((0.0).AsScalar())
        let direction = ofParts z (entries / torch.where (isZero, torch.ones_like largest, largest))
        torch.where (isZero.squeeze -1L, torch.ones_like z, direction / direction.abs ())

    /// Which matrices of a batch only rounding has moved away from orthonormal columns, by their residuals.
    let private areNear (residual: torch.Tensor) = (squaredFrobenius residual).lt(0.25.AsScalar())

    /// Newton-Schulz steps until only rounding in double precision is left; six are enough for every matrix that counts as near.
    /// Each step squares the distance, so a step from a small distance needs no check.
    let private polished (exact: torch.Tensor) (residual: torch.Tensor) : torch.Tensor =
        let rec go (steps: int) (q: torch.Tensor) (residual: torch.Tensor) =
            let distance = Tensors.largest residual

            if distance <= 4.0 * Form.epsilon torch.ScalarType.Float64 then
                q
            else
                let next = q - q.matmul residual * 0.5.AsScalar()

                if steps = 1 || distance * float (Tensors.last q) < 1e-8 then
                    next
                else
                    go (steps - 1) next (residualOf next)

        go 6 exact residual

    /// The nearest matrix with orthonormal columns to one that only rounding has moved away; others stay as they are. No
    /// factorization.
    let polish (w: torch.Tensor) : torch.Tensor =
        let exact = Tensors.inDouble w
        let residual = residualOf exact
        torch.where(areNear residual, polished exact residual, exact).to_type w.dtype

    /// The nearest matrix with orthonormal columns, in the precision of the input: without a factorization where only
    /// rounding has moved it away.
    let polar (w: torch.Tensor) : torch.Tensor =
        let exact = Tensors.inDouble w
        let residual = residualOf exact

        if (areNear residual).all().item<bool>() then
            (polished exact residual).to_type w.dtype
        else
            let struct (u, _, vh) = torch.linalg.svd (w, fullMatrices = false)
            u.matmul vh

    /// The factor Q of the QR decomposition whose R has a positive diagonal, 0 counting as positive. Householder
    /// reflectors keep Q orthonormal whatever the rank of W.
    let retract (w: torch.Tensor) : torch.Tensor =
        use _scope = torch.NewDisposeScope()
        use _noGrad = torch.no_grad ()
        let struct (q, r) = torch.linalg.qr (balanced (Tensors.inDouble w))
        (q * (phase (r.diagonal (0L, -2L, -1L))).unsqueeze -2L).to_type(w.dtype).MoveToOuterDisposeScope()

    /// An orthogonal (unitary) n x n matrix whose first k columns are those of q.
    let complete (q: torch.Tensor) : torch.Tensor =
        use _scope = torch.NewDisposeScope()
        use _noGrad = torch.no_grad ()
        let rows, columns = Tensors.rows q, Tensors.last q
        let struct (basis, _) = torch.linalg.qr (Tensors.inDouble q, torch.linalg.QRMode.Complete)
        let complement = basis.narrow(-1L, columns, rows - columns).to_type q.dtype
        torch.cat([| q; complement |], -1L).MoveToOuterDisposeScope()

    /// A random matrix with the uniform (Haar) distribution: the QR factor of a Gaussian one, with its signs fixed
    /// (Mezzadri, How to generate random matrices from the classical compact groups, 2007, section 5).
    let sample
        (shape: int64[])
        (dtype: torch.ScalarType)
        (device: torch.Device)
        (generator: torch.Generator | null)
        : torch.Tensor =
        use _scope = torch.NewDisposeScope()
        use _noGrad = torch.no_grad ()
        let rank = shape.Length

        if rank < 2 then
            invalidArg (nameof shape) $"A matrix needs at least 2 dimensions, but the shape is {Form.Shown shape}."

        let rows, columns = shape[rank - 2], shape[rank - 1]
        let tall = Array.append shape[.. rank - 3] [| max rows columns; min rows columns |]
        let wide = columns > rows

        let isComplex = (dtype = torch.complex64 || dtype = torch.complex128)
        let gaussianType = if isComplex then torch.complex128 else torch.float64
        let gaussian = Form.normal generator { Shape = tall; Dtype = gaussianType; Device = device }
        let q = retract gaussian
        (if wide then q.mT else q).to_type(dtype).contiguous().MoveToOuterDisposeScope()
