namespace Parametrize.LinearAlgebra

open TorchSharp
open Parametrize

/// Sums of `log |sin x / x|` or `log (sinh x / x)` over the pairs of eigenvalues of Hermitian matrices, x half their difference: by how
/// much the exponential of a matrix stretches volumes. In double precision, for each matrix of a batch. Differentiable twice also
/// where all eigenvalues are equal, which is where trivializations start; where some are, once.
[<RequireQualifiedAccess>]
module internal EigenvaluePairs =

    /// `log (sinh x / x) = sum_k c_k x^2k`, k from 1; for sin the signs are all negative.
    let private coefficients: float list =
        [ 1.0 / 6.0; -1.0 / 180.0; 1.0 / 2835.0; -1.0 / 37800.0; 1.0 / 467775.0 ]

    let private coefficientsOf (isHyperbolic: bool) : float list =
        if isHyperbolic then
            coefficients
        else
            coefficients |> List.map (fun c -> -(abs c))

    /// `sum_k c_k y^k` of the squares y.
    let private series (isHyperbolic: bool) (squares: torch.Tensor) : torch.Tensor =
        (coefficientsOf isHyperbolic, torch.zeros_like squares)
        ||> List.foldBack (fun c sum -> (sum .+ c.AsScalar()) * squares)

    /// Where the next term of the series is below rounding.
    let private near = 0.1

    let private byBranches isHyperbolic (far: torch.Tensor -> torch.Tensor) (x: torch.Tensor) =
        let isNear = x.abs().lt(near.AsScalar())
        // Each branch sees numbers that it can compute with, and so does its derivative.
        let ofNear = series isHyperbolic (torch.where(isNear, x, torch.zeros_like x).Squared())
        torch.where (isNear, ofNear, far (torch.where (isNear, torch.ones_like x, x)))

    /// `log |sin x / x|`, of each entry.
    let logSinc (x: torch.Tensor) : torch.Tensor = byBranches false (fun x -> (x.sin () / x).abs().log()) x

    /// `log (sinh x / x)`, of each entry.
    let private logSinhc: torch.Tensor -> torch.Tensor =
        byBranches true (fun x ->
            let y = x.abs ()
            let twice = y * 2.0.AsScalar()
            y +. (-((-twice).expm1())).log() - twice.log ())

    let private logarithm (isHyperbolic: bool) : torch.Tensor -> torch.Tensor =
        if isHyperbolic then logSinhc else logSinc

    let private ofValues (isHyperbolic: bool) (isRotation: bool) (values: torch.Tensor) =
        let halves = values / 2.0.AsScalar()
        let logarithm = logarithm isHyperbolic
        let pairs = (logarithm (halves.unsqueeze -1L - halves.unsqueeze -2L)).sum [| -2L; -1L |]
        let pairs = pairs / 2.0.AsScalar()

        if isRotation then
            pairs - (logarithm values).sum [| -1L |] / 2.0.AsScalar()
        else
            pairs

    let private binomial (n: int) (k: int) : float =
        Seq.fold (fun product j -> product * float (n - j) / float (j + 1)) 1.0 (seq { 0 .. k - 1 })

    /// The same by traces of powers of matrices without a trace, whose eigenvalues are small.
    let private ofPowers (isHyperbolic: bool) (isRotation: bool) (m: torch.Tensor) =
        let trace (left: torch.Tensor) (right: torch.Tensor) =
            let product = left.conj () * right
            (if product.is_complex () then product.real else product).sum [| -2L; -1L |]

        let square = m.matmul m
        let cube = square.matmul m
        let fourth = square.matmul square
        let fifth = cube.matmul square
        let powers = [| m; square; cube; fourth; fifth |]

        /// The traces of the second to the tenth power.
        let sums = [| for power in 2..10 -> trace powers[power / 2 - 1] powers[(power + 1) / 2 - 1] |]

        let count = torch.full_like (sums[0], (float (Tensors.last m)).AsScalar(), requires_grad = false)

        let sumOf (power: int) : torch.Tensor option =
            match power with
            | 0 -> Some count
            | 1 -> None
            | _ -> Some sums[power - 2]

        /// The sum over all pairs of an even power of their difference.
        let ofDifferences (power: int) : torch.Tensor =
            [
                for j in 0..power do
                    match sumOf j, sumOf (power - j) with
                    | Some left, Some right ->
                        let sign = if j % 2 = 0 then 0.5 else -0.5
                        left * right * (sign * binomial power j).AsScalar()
                    | _ -> ()
            ]
            |> List.reduce (fun sum next -> sum +. next)

        coefficientsOf isHyperbolic
        |> List.mapi (fun index c ->
            let power = 2 * (index + 1)
            let pairs = ofDifferences power * (c / 2.0 ** float power).AsScalar()

            if isRotation then pairs - sums[power - 2] * (c / 2.0).AsScalar() else pairs)
        |> List.reduce (fun sum next -> sum +. next)

    /// The Frobenius norm, beyond which eigenvalues are computed.
    let private small = 0.1

    let private ofHermitian (isHyperbolic: bool) (isRotation: bool) (matrix: torch.Tensor) : torch.Tensor =
        let size = Tensors.last matrix
        let identity = Orthonormal.identityLike matrix size
        let mean = (Tensors.diagonal matrix).mean([| -1L |], keepdim = true).unsqueeze -1L
        let centred = matrix - identity * mean
        let norm = torch.linalg.norm (centred.detach (), [| -2L; -1L |], true)
        let isFinite = norm.isfinite ()
        let isSmall = norm.lt (small.AsScalar())
        let apart = Tensors.range 0L size (Tensors.realType matrix) matrix.device
        let others = (torch.diag_embed apart).``to`` matrix.dtype
        let isFar = isSmall.logical_not().logical_and isFinite
        let far = ofValues isHyperbolic isRotation (torch.linalg.eigvalsh (torch.where (isFar, matrix, others)))
        let near = ofPowers isHyperbolic isRotation (torch.where (isSmall, centred, torch.zeros_like centred))
        let flat (mask: torch.Tensor) = mask.squeeze(-1L).squeeze -1L
        let found = torch.where (flat isSmall, near, far)
        torch.where (flat isFinite, found, torch.full_like (found, nan.AsScalar(), requires_grad = false))

    /// `sum_{i<j} log (sinh x / x)` with x = (l_i - l_j) / 2, for the eigenvalues l of symmetric (Hermitian) matrices.
    let logSinhcOfHermitian (matrix: torch.Tensor) : torch.Tensor = ofHermitian true false (Tensors.inDouble matrix)

    let private ofPairs (combined: torch.Tensor) =
        let identity = Tensors.eyeLike combined
        // On the diagonal there are no pairs.
        let others = combined * (1.0.AsScalar() .- identity) +. identity
        (others.abs().log()).sum [| -2L; -1L |] / 2.0.AsScalar()

    /// `sum_{i<j} log |l_i - l_j|`: minus infinity where two are equal.
    let logDifferences (values: torch.Tensor) : torch.Tensor = ofPairs (values.unsqueeze -1L - values.unsqueeze -2L)

    /// `sum_{i<j} log |l_i + l_j|`.
    let logSums (values: torch.Tensor) : torch.Tensor = ofPairs (values.unsqueeze -1L +. values.unsqueeze -2L)

    /// `-i A`, Hermitian.
    let private turned (skew: torch.Tensor) : torch.Tensor =
        if skew.is_complex () then
            torch.complex (skew.imag, -skew.real)
        else
            torch.complex (torch.zeros_like skew, -skew)

    /// How much the exponential stretches volumes of skew-symmetric matrices (A = -A^T): `sum_{i<j} log |sin x / x|` with x =
    /// (l_i + l_j) / 2, for the eigenvalues i l of A, which come in pairs of both signs. Of skew-Hermitian ones twice the
    /// sum with x = (l_i - l_j) / 2.
    let logSincOfSkew (skew: torch.Tensor) : torch.Tensor =
        let exact = Tensors.inDouble skew

        if exact.is_complex () then
            ofHermitian false false (turned exact) * 2.0.AsScalar()
        else
            ofHermitian false true (turned exact)
