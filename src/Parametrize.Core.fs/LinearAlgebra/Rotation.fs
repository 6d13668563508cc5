namespace Parametrize.LinearAlgebra

open System
open TorchSharp
open Parametrize

/// The inverse of the exponential: from a rotation (det = 1), or a unitary matrix, to a skew one.
[<RequireQualifiedAccess>]
module internal Rotation =

    /// angle / sin angle for the cosine of an angle that stays away from pi.
    let private angleOverSine (cosine: torch.Tensor) =
        let angle = cosine.clamp((-1.0).AsScalar(), (1.0).AsScalar()).acos()
        torch.where (angle.gt ((0.0).AsScalar()), angle / angle.sin (), torch.ones_like angle)

    /// f(S) K for the symmetric and skew parts Q = S + K of a rotation, in a basis in which S is the diagonal of these cosines. They
    /// commute, have the eigenvalues cos and i sin of the angles, and f, being smooth in the cosine, needs no pairs of
    /// eigenvectors.
    let private regular (cosines: torch.Tensor) (q: torch.Tensor) =
        Orthonormal.skewPart ((angleOverSine cosines).unsqueeze -1L * Orthonormal.skewPart q)

    /// The orthogonal polar factor J of a skew matrix of even size: J^2 = -I and J commutes with it. Newton's
    /// iteration X <- (g X + X^-T / g) / 2 with Higham's scaling g (Functions of Matrices, 2008, eqs. 8.24 and 8.25
    /// with Frobenius norms) keeps X skew where singular vectors would not. On the null space any J does; a
    /// perturbation of the size of rounding errors chooses one.
    let private complexStructure (a: torch.Tensor) =
        let size = a.shape[0]
        use generator = new torch.Generator(1UL, torch.CPU)

        let mutable x = a +. Orthonormal.skewPart (Form.normal generator (Form.ofTensor a)) * 1e-15.AsScalar()
        let mutable steps = 0
        let mutable change = infinity

        while change > 1e-14 && steps < 100 do
            let inverse = torch.linalg.inv x
            let scale = sqrt (inverse.norm().item<float>() / x.norm().item<float>())
            let scale = if change < 1e-2 then 1.0 else scale
            let next = Orthonormal.skewPart (x * (scale / 2.0).AsScalar() - inverse * (0.5 / scale).AsScalar())
            change <- (next - x).norm().item<float>() / next.norm().item<float>()
            x <- next
            steps <- steps + 1

        x

    /// How many of the ascending cosines belong to the critical angles near pi, split at the widest gap. Even, because
    /// they come in pairs.
    let private criticalCount (cosines: float[]) =
        let size = cosines.Length

        let gap count =
            let below = if count = 0 then -1.0 else cosines[count - 1]
            let above = if count = size then 1.0 else cosines[count]
            if below > -0.3 || above < -0.9 then -1.0 else above - below

        [ 0..2..size ] |> List.maxBy gap

    /// Where Q = -R with R = exp F away from angle pi, Q = exp(F - pi J), because J commutes with F and F = |F| J.
    let private critical (cosines: torch.Tensor) (q: torch.Tensor) =
        let opposite = regular -cosines -q
        opposite - complexStructure opposite * Math.PI.AsScalar()

    /// By invariant subspaces away from and near angle pi.
    let private logarithmReal (q: torch.Tensor) : torch.Tensor =
        let struct (cosines, basis) = torch.linalg.eigh ((q +. q.mT) * 0.5.AsScalar())
        let size = q.shape[0]
        let inner = basis.mT.matmul(q).matmul basis
        let first = int64 (criticalCount (Tensors.toArray<float> cosines))

        let logarithm =
            torch.block_diag
                [|
                    for part, start, length in [ critical, 0L, first; regular, first, size - first ] do
                        if length > 0L then
                            part
                                (cosines.narrow (0L, start, length))
                                (inner.narrow(0L, start, length).narrow(1L, start, length))
                |]

        Orthonormal.skewPart (basis.matmul(logarithm).matmul basis.mT)

    /// The middle of the widest gap between angles on the circle.
    let private middleOfWidestGap (angles: float[]) =
        let ascending = Array.sort angles
        let following = Array.append ascending[1..] [| ascending[0] + 2.0 * Math.PI |]
        let first, next = Array.zip ascending following |> Array.maxBy (fun (first, next) -> next - first)
        (first + next) / 2.0

    /// Eigenangles in (-pi, pi] and eigenvectors of a unitary matrix. Two of its eigenvalues share an eigenvector of
    /// its Hermitian part if they are conjugate, but this is good enough to find a gap between eigenvalues. Turned so
    /// that the gap is at -1, the matrix has a Hermitian inverse Cayley map, but for a factor i, with simple
    /// eigenvectors. Several turns before the first step make an unlucky coincidence of real parts harmless.
    let private unitaryEigen (q: torch.Tensor) =
        let imaginary = torch.complex (torch.zeros_like q.real, torch.ones_like q.real)
        let turned (angle: float) = q * (Math.Cos angle).AsScalar() +. q * imaginary * (Math.Sin angle).AsScalar()
        let identity = Orthonormal.identityLike q q.shape[0]
        let valuesFor (basis: torch.Tensor) = basis.mH.matmul(q.matmul basis).diagonal(0L, -2L, -1L)

        let attempt (start: float) =
            let probe = turned start
            let struct (_, rough) = torch.linalg.eigh ((probe +. probe.mH) * 0.5.AsScalar())
            let middle = middleOfWidestGap (Tensors.toArray<float>((valuesFor rough).angle()))
            let gapAtMinusOne = turned (Math.PI - middle)
            let skew = torch.linalg.solve (gapAtMinusOne +. identity, gapAtMinusOne - identity)
            let struct (_, basis) = torch.linalg.eigh ((skew - skew.mH) * -imaginary)
            let values = valuesFor basis
            let residual = (q.matmul basis - basis * values).abs().max().item<float>()
            struct (residual, values.angle (), basis)

        let attempts = Seq.cache (Seq.map attempt [ 0.7; 1.9; 3.1; 0.1; 2.3 ])
        let isGood (struct (residual, _, _)) = residual < 1e-14 * float (q.shape[0] + 4L)

        let struct (_, angles, basis) =
            attempts
            |> Seq.tryFind isGood
            |> Option.defaultWith (fun () -> attempts |> Seq.minBy (fun (struct (residual, _, _)) -> residual))

        struct (angles, basis)

    let private ofAngles (f: torch.Tensor -> torch.Tensor) (q: torch.Tensor) =
        let struct (angles, basis) = unitaryEigen q
        let diagonal = f angles
        Orthonormal.skewPart ((basis * torch.complex (torch.zeros_like diagonal, diagonal)).matmul basis.mH)

    /// The skew A with exp A = q and eigenangles in (-pi, pi], for one matrix that is orthogonal (unitary) to the roundoff
    /// of double precision.
    let logarithmOf (q: torch.Tensor) : torch.Tensor = if q.is_complex () then ofAngles id q else logarithmReal q

    let private matrixwise (f: torch.Tensor -> torch.Tensor) (q: torch.Tensor) : torch.Tensor =
        let size = Tensors.last q

        if q.numel () = 0L then
            torch.zeros_like q
        else
            let results = [| for matrix in (q.reshape (-1L, size, size)).unbind 0 -> f matrix |]
            torch.stack(results).reshape q.shape

    /// The same for batches of them.
    let logarithm (q: torch.Tensor) : torch.Tensor =
        use _scope = torch.NewDisposeScope()
        use _noGrad = torch.no_grad ()
        (matrixwise logarithmOf q).MoveToOuterDisposeScope()
