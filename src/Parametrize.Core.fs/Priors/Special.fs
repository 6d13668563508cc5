namespace Parametrize

open System

/// Numbers that normalise densities.
[<RequireQualifiedAccess>]
module internal Special =

    /// `log Gamma(x)` of a positive number: Stirling's series from 16 on, and from there back by `Gamma(x + 1) = x Gamma(x)`.
    let rec logGamma (x: float) : float =
        if x < 16.0 then
            logGamma (x + 1.0) - log x
        else
            let square = 1.0 / (x * x)

            let series =
                (1.0 / 12.0
                 - square * (1.0 / 360.0 - square * (1.0 / 1260.0 - square * (1.0 / 1680.0 - square / 1188.0))))
                / x

            (x - 0.5) * log x - x + log (2.0 * Math.PI) / 2.0 + series

    /// That of n x n matrices: `pi^(n(n-1)/4) prod_j Gamma(x - j/2)` for j < n.
    let logMultiGamma (size: int64) (x: float) : float =
        let n = float size

        n * (n - 1.0) / 4.0 * log Math.PI
        + Seq.sumBy (fun j -> logGamma (x - float j / 2.0)) (seq { 0L .. size - 1L })

    /// `log` of the area of the unit sphere in n dimensions, `2 pi^(n/2) / Gamma(n/2)`: of 2 points for n = 1.
    let logArea (size: int64) : float =
        let half = float size / 2.0
        log 2.0 + half * log Math.PI - logGamma half

    /// `log 0F1(; a; z)` for positive a and z, by the series, all terms of which are positive: the largest is that of
    /// `m (a + m) = z`.
    let private logSeries (a: float) (z: float) : float =
        let rec add (m: float) (term: float) (largest: float) (sum: float) =
            let next = term + log z - log ((m + 1.0) * (a + m))
            let largest, sum = if next > largest then next, sum * exp (largest - next) else largest, sum
            let added = exp (next - largest)

            if next < term && added < 1e-17 * sum then
                largest + log (sum + added)
            else
                add (m + 1.0) next largest (sum + added)

        add 0.0 0.0 0.0 1.0

    /// `log 0F1(; n/2; k^2/4) - k` for k >= 0, Bessel's I of order n/2 - 1: by the series, and for large numbers by Debye's expansion
    /// (DLMF 10.41.3), of which k cancels.
    let logHypergeometric (size: int64) (k: float) : float =
        let order = float size / 2.0 - 1.0
        let length = Double.Hypot(order, k)

        if k = 0.0 then
            0.0
        elif length < 1000.0 then
            logSeries (order + 1.0) (k * k / 4.0) - k
        else
            let p = order / length * (order / length)

            let first = (3.0 - 5.0 * p) / 24.0
            let second = (81.0 - p * (462.0 - 385.0 * p)) / 1152.0
            let third = (30375.0 - p * (369603.0 - p * (765765.0 - 425425.0 * p))) / 414720.0

            logGamma (order + 1.0) + order * log (2.0 / (order + length)) + order / (length + k) * order
            - log (2.0 * Math.PI * length) / 2.0
            + Double.LogP1((first + (second + third / length) / length) / length)
