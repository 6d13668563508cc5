namespace Parametrize.LinearAlgebra

open TorchSharp
open Parametrize

/// The Cayley map of skew-symmetric (skew-Hermitian) matrices, (I + A/2) (I - A/2)^-1.
[<RequireQualifiedAccess>]
module internal CayleyMap =

    /// Frobenius norm from which the rounding errors of the inverse are corrected. They grow with the condition number
    /// of I - A/2, which is at most 1 + |A|/2; that of the result may grow with the size.
    let private large (a: torch.Tensor) = 6.0 * sqrt (float (Tensors.last a))

    /// Larger matrices are scaled down to this norm: their eigenvalues are then within 1e-13 of -1 or are lost in the
    /// rounding of A itself.
    let private largest = 1e13

    /// Up to this number of rows, LAPACK inverts a matrix; larger ones are halved, because products of blocks are faster.
    let private many = 64L

    /// The inverse of a matrix whose Hermitian part is the identity, as that of I - A/2 is, by Schur complements (Golub & Van Loan
    /// 2013, section 3.2.11). Without pivoting, since the Hermitian parts of the complements are no less than the identity.
    let rec private byBlocks (m: torch.Tensor) : torch.Tensor =
        let size = Tensors.last m

        if size <= many || m.device_type <> DeviceType.CPU then
            torch.linalg.inv m
        else
            let halves = [| size / 2L; size - size / 2L |]
            let rows = m.split (halves, -2L)
            let top, bottom = rows[0].split(halves, -1L), rows[1].split(halves, -1L)
            let first = byBlocks top[0]
            let right, below = first.matmul top[1], bottom[0].matmul first
            let second = byBlocks (bottom[1] - bottom[0].matmul right)
            let corner = right.matmul second
            let upper = torch.cat ([| first +. corner.matmul below; corner.neg () |], -1L)
            torch.cat ([| upper; torch.cat ([| (second.matmul below).neg(); second |], -1L) |], -2L)

    /// 2 M - I, where M is the inverse of I - A/2. The gradient by A is `M^H G M^H`.
    let private byInverse (inverse: torch.Tensor -> torch.Tensor) (a: torch.Tensor) : WithPullback =
        let identity = Orthonormal.identityLike a (Tensors.last a)
        let m = inverse (identity.add (a, (-0.5).AsScalar()))

        {
            Value = identity.neg().add(m, (2.0).AsScalar())
            Kept = fun () -> [ m ]
            Pullback =
                fun saved gradient ->
                    let adjoint = saved[1].mH
                    adjoint.matmul(gradient).matmul adjoint
        }

    /// For large entries: in double precision, bounded, with Newton-Schulz steps until the result is orthogonal.
    let private careful (a: torch.Tensor) =
        let exact = Tensors.inDouble a
        let size = float (Tensors.last a)
        let entry = exact.detach().abs().amax([| -2L; -1L |], keepdim = true)
        let limit = (largest / size).AsScalar()
        let factor = entry.clamp_min(limit).reciprocal() * limit
        let mutable q = CustomGradient.apply (byInverse torch.linalg.inv) (exact * factor)
        let mutable steps = 0

        while steps < 6 && Orthonormal.defect q > 1e-15 * size do
            q <- Orthonormal.newtonSchulz q
            steps <- steps + 1

        q.to_type a.dtype

    /// The Cayley map of A. Differentiable; the gradient takes two products.
    let ofSkew (a: torch.Tensor) : torch.Tensor =
        use _scope = torch.NewDisposeScope()

        let norms =
            if a.dim () = 2L then
                a.detach().norm()
            else
                torch.linalg.norm(a.detach (), [| -2L; -1L |]).max()

        let isSmall = a.numel () = 0L || Tensors.number norms < large a

        let q =
            if isSmall then
                CustomGradient.apply (byInverse byBlocks) a
            else
                Orthonormal.whereFinite careful a

        q.MoveToOuterDisposeScope()
