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

    let private inverseForm (a: torch.Tensor) =
        let identity = Orthonormal.identityLike a (Tensors.last a)
        let inverse = torch.linalg.inv (identity.add (a, (-0.5).AsScalar()))
        identity.neg().add(inverse, (2.0).AsScalar())

    /// For large entries: in double precision, bounded, with Newton-Schulz steps until the result is orthogonal.
    let private careful (a: torch.Tensor) =
        let exact = Tensors.inDouble a
        let size = float (Tensors.last a)
        let entry = exact.detach().abs().amax([| -2L; -1L |], keepdim = true)
        let limit = (largest / size).AsScalar()
        let factor = entry.clamp_min(limit).reciprocal() * limit
        let mutable q = inverseForm (exact * factor)
        let mutable steps = 0

        while steps < 6 && Orthonormal.defect q > 1e-15 * size do
            q <- Orthonormal.newtonSchulz q
            steps <- steps + 1

        q.to_type a.dtype

    /// 2 (I - A/2)^-1 - I, the same with one inverse, which costs its backward two products. Differentiable.
    let ofSkew (a: torch.Tensor) : torch.Tensor =
        use _scope = torch.NewDisposeScope()

        let norms =
            if a.dim () = 2L then
                a.detach().norm()
            else
                torch.linalg.vector_norm(a.detach (), 2.0, [| -2L; -1L |]).max()

        let isSmall = a.numel () = 0L || norms.ToDouble() < large a
        let q = if isSmall then inverseForm a else Orthonormal.whereFinite careful a
        q.MoveToOuterDisposeScope()
