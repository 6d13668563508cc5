namespace Parametrize.LinearAlgebra

open System
open TorchSharp
open Parametrize

/// The real Schur form of one matrix, in place: `A = V H V^T` with V orthogonal and H upper triangular but for blocks of two rows, by
/// Householder reflections and Francis' double steps (Golub & Van Loan 2013, section 7.5; EISPACK's orthes and hqr2). libtorch has
/// eigenvectors only, of which matrices with equal eigenvalues have too few.
type private SchurForm(n: int, h: float[]) =

    let v: float[] = Array.zeroCreate (n * n)

    /// Whether a row and the next are a block of two, whose eigenvalues are not real.
    let isPair: bool[] = Array.zeroCreate (n + 1)

    let mostSteps = 300

    let norm () =
        let mutable sum = 0.0

        for i in 0 .. n - 1 do
            for j in max 0 (i - 1) .. n - 1 do
                sum <- sum + abs h[i * n + j]

        sum

    /// `M <- (I - u u^T / c) M (I - u u^T / c)` for M = H, and V from the right, with u in the rows from `first` on.
    let reflect (first: int) (u: float[]) (c: float) =
        let last = first + u.Length - 1

        for j in 0 .. n - 1 do
            let mutable sum = 0.0

            for i in first..last do
                sum <- sum + u[i - first] * h[i * n + j]

            let sum = sum / c

            for i in first..last do
                h[i * n + j] <- h[i * n + j] - sum * u[i - first]

        for matrix in [| h; v |] do
            for i in 0 .. n - 1 do
                let mutable sum = 0.0

                for j in first..last do
                    sum <- sum + matrix[i * n + j] * u[j - first]

                let sum = sum / c

                for j in first..last do
                    matrix[i * n + j] <- matrix[i * n + j] - sum * u[j - first]

    /// The reflection that takes a vector to a multiple of the unit vector at a place.
    let reflectTo (place: int) (first: int) (x: float[]) =
        let largest = x |> Array.fold (fun most number -> max most (abs number)) 0.0

        if largest > 0.0 then
            let inUnits = x |> Array.map (fun number -> number / largest)
            let length = sqrt (Array.sumBy (fun number -> number * number) inUnits)
            let u = inUnits |> Array.map (fun number -> number / length)
            u[place] <- u[place] + (if u[place] < 0.0 then -1.0 else 1.0)
            reflect first u (abs u[place])

    let toHessenberg () =
        for i in 0 .. n - 1 do
            v[i * n + i] <- 1.0

        for k in 0 .. n - 3 do
            let x = [| for i in k + 1 .. n - 1 -> h[i * n + k] |]

            if x |> Array.exists (fun number -> number <> 0.0) && Array.exists ((<>) 0.0) x[1..] then
                reflectTo 0 (k + 1) x

            for i in k + 2 .. n - 1 do
                h[i * n + k] <- 0.0

    /// One of Francis' steps on the rows from m to `last`, the first reflection for (p, q, r).
    let step (l: int) (m: int) (last: int) (p: float) (q: float) (r: float) =
        let mutable p, q, r = p, q, r

        for k in m .. last - 1 do
            let isThree = k <> last - 1

            if k <> m then
                p <- h[k * n + k - 1]
                q <- h[(k + 1) * n + k - 1]
                r <- if isThree then h[(k + 2) * n + k - 1] else 0.0

            let size = abs p + abs q + abs r

            if size > 0.0 then
                p <- p / size
                q <- q / size
                r <- r / size
                let s = (if p < 0.0 then -1.0 else 1.0) * sqrt (p * p + q * q + r * r)

                if k <> m then
                    h[k * n + k - 1] <- -s * size
                elif l <> m then
                    h[k * n + k - 1] <- -h[k * n + k - 1]

                p <- p + s
                let x, y, z = p / s, q / s, r / s
                q <- q / p
                r <- r / p

                for j in k .. n - 1 do
                    let a, b = k * n + j, (k + 1) * n + j
                    let c = b + n
                    let sum = h[a] + q * h[b] + (if isThree then r * h[c] else 0.0)
                    h[a] <- h[a] - sum * x
                    h[b] <- h[b] - sum * y

                    if isThree then
                        h[c] <- h[c] - sum * z

                let right (matrix: float[]) (most: int) =
                    for i in 0..most do
                        let a = i * n + k
                        let sum = x * matrix[a] + y * matrix[a + 1] + (if isThree then z * matrix[a + 2] else 0.0)
                        matrix[a] <- matrix[a] - sum
                        matrix[a + 1] <- matrix[a + 1] - sum * q

                        if isThree then
                            matrix[a + 2] <- matrix[a + 2] - sum * r

                right h (min last (k + 3))
                right v (n - 1)

                // What the reflection has made zero.
                if k <> m then
                    h[(k + 1) * n + k - 1] <- 0.0

                    if isThree then
                        h[(k + 2) * n + k - 1] <- 0.0

    /// A pair with real eigenvalues becomes two single rows, by a rotation.
    let split (l: int) =
        let a, b, c, d = l * n + l, l * n + l + 1, (l + 1) * n + l, (l + 1) * n + l + 1
        let half = (h[a] - h[d]) / 2.0
        let square = half * half + h[b] * h[c]
        isPair[l] <- square < 0.0

        if not isPair[l] then
            let z = half + (if half < 0.0 then -1.0 else 1.0) * sqrt square
            let length = sqrt (h[c] * h[c] + z * z)
            let sin, cos = h[c] / length, z / length

            for j in l .. n - 1 do
                let first, second = h[l * n + j], h[(l + 1) * n + j]
                h[l * n + j] <- cos * first + sin * second
                h[(l + 1) * n + j] <- cos * second - sin * first

            let right (matrix: float[]) (most: int) =
                for i in 0..most do
                    let at = i * n + l
                    let first, second = matrix[at], matrix[at + 1]
                    matrix[at] <- cos * first + sin * second
                    matrix[at + 1] <- cos * second - sin * first

            right h (l + 1)
            right v (n - 1)
            h[c] <- 0.0

    /// From the last row up: single rows and pairs are split off where an entry beside the diagonal is rounding.
    let iterate () =
        let norm = norm ()
        // Entries below this count as zero, because their squares would underflow.
        let nothing = 1e-140 * norm
        let at (i: int) (j: int) = h[i * n + j]
        let mutable last = n - 1
        let mutable steps = 0

        while last >= 0 do
            let mutable l = last
            let mutable isSearching = l > 0

            while isSearching do
                let beside = abs (at (l - 1) (l - 1)) + abs (at l l)
                let beside = if beside = 0.0 then norm else beside

                if abs (at l (l - 1)) <= max nothing (2.3e-16 * beside) || steps > mostSteps then
                    h[l * n + l - 1] <- 0.0
                    isSearching <- false
                else
                    l <- l - 1
                    isSearching <- l > 0

            if l = last then
                last <- last - 1
                steps <- 0
            elif l = last - 1 then
                split l
                last <- last - 2
                steps <- 0
            else
                let x, y, w = at last last, at (last - 1) (last - 1), at last (last - 1) * at (last - 1) last
                steps <- steps + 1
                // Every tenth step uses another shift, because the usual one can cycle.
                let sum, product =
                    if steps % 10 = 0 then
                        let s = abs (at last (last - 1)) + abs (at (last - 1) (last - 2))
                        1.5 * s, s * s
                    else
                        x + y, x * y - w

                let start (m: int) =
                    let z = at m m
                    let p = (z * z - sum * z + product) / at (m + 1) m + at m (m + 1)
                    let q = at (m + 1) (m + 1) + z - sum
                    let r = at (m + 2) (m + 1)
                    let size = abs p + abs q + abs r
                    struct (p / size, q / size, r / size)

                let isSmall (m: int) =
                    let struct (p, q, r) = start m
                    let around = abs (at (m - 1) (m - 1)) + abs (at m m) + abs (at (m + 1) (m + 1))
                    abs (at m (m - 1)) * (abs q + abs r) < 2.3e-16 * abs p * around

                let mutable m = last - 2

                while m > l && not (isSmall m) do
                    m <- m - 1

                for i in m + 2 .. last do
                    h[i * n + i - 2] <- 0.0

                    if i > m + 2 then
                        h[i * n + i - 3] <- 0.0

                let struct (p, q, r) = start m
                step l m last p q r

    /// A single row before a pair changes places with it: the left eigenvector of its eigenvalue becomes the last unit vector.
    let swap (k: int) =
        let at (i: int) (j: int) = h[(k + i) * n + k + j]
        let l = at 0 0
        let a, b, c, d = at 1 1 - l, at 1 2, at 2 1, at 2 2 - l
        let r, s = at 0 1, at 0 2
        reflectTo 2 k [| a * d - b * c; s * c - r * d; r * b - s * a |]
        h[(k + 2) * n + k] <- 0.0
        h[(k + 2) * n + k + 1] <- 0.0
        isPair[k] <- true
        isPair[k + 1] <- false

    /// Makes H the Schur form, and returns V. Every second row of H begins a block: single rows stand in pairs, and the last row of
    /// a matrix of odd size is single.
    member _.Find() : float[] =
        toHessenberg ()
        iterate ()

        for k in 0..2 .. n - 2 do
            if not isPair[k] && isPair[k + 1] then
                swap k

        for i in 0 .. n - 1 do
            for j in 0 .. i - 1 do
                if not (j = i - 1 && j % 2 = 0) then
                    h[i * n + j] <- 0.0

        v

/// The real Schur form of batches of matrices.
[<RequireQualifiedAccess>]
module internal RealSchur =

    /// Matrices with many equal eigenvalues take hundreds of steps, whose roundoff adds up. So Q is made orthonormal again, and T is
    /// what W is in that basis.
    let private polished (matrices: torch.Tensor) (q: torch.Tensor) (t: torch.Tensor) =
        let q = Orthonormal.newtonSchulz q
        let inBasis = (q.mT.matmul matrices).matmul q
        struct (q, torch.where ((t.tril -1L).eq(0.0.AsScalar()), inBasis.triu 0L, inBasis))

    /// `W = Q T Q^T` in double precision with Q orthogonal and T upper triangular but for the blocks of rows 2i and 2i + 1, whatever
    /// their eigenvalues are. On the CPU, O(n^3) a matrix.
    let decompose (matrices: torch.Tensor) : struct (torch.Tensor * torch.Tensor) =
        let matrices = Tensors.inDouble matrices
        let n = int (Tensors.last matrices)
        let entries = Tensors.toArray<float> matrices
        let vectors: float[] = Array.zeroCreate entries.Length
        let size = n * n

        for index in 0 .. entries.Length / size - 1 do
            let one = Array.sub entries (index * size) size
            Array.blit (SchurForm(n, one).Find()) 0 vectors (index * size) size
            Array.blit one 0 entries (index * size) size

        let tensor (numbers: float[]) =
            torch.tensor(numbers, dtype = torch.ScalarType.Float64, device = torch.CPU).reshape(matrices.shape).``to``
                matrices.device

        polished matrices (tensor vectors) (tensor entries)
