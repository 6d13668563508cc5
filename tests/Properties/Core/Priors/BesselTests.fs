/// The normalising constant of directions, against its series in whole numbers.
module Properties.Core.Priors.BesselTests

open System.Numerics
open Expecto
open Parametrize

/// Bits behind the point.
let private bits = 256

/// `log 0F1(; n/2; k^2/4) - k` by the series of positive terms `(k^2/4)^m / (m! (n/2)_m)`, to all digits.
let private exactly (size: int64) (k: int64) : float =
    let one = BigInteger.One <<< bits
    // (k^2/4) / ((m + 1) (n/2 + m)) = k^2 / (2 (m + 1) (n + 2 m))
    let square = BigInteger k * BigInteger k

    let rec add (m: int64) (term: BigInteger) (sum: BigInteger) : BigInteger =
        let next = term * square / (BigInteger 2 * BigInteger(m + 1L) * BigInteger(size + 2L * m))
        if next.IsZero then sum else add (m + 1L) next (sum + next)

    let sum = add 0L one one
    // Halves of the exponent: the logarithm of a large number less k would lose digits.
    let length = int (sum.GetBitLength())
    let shift = max 0 (length - 1000)
    let mantissa = BigInteger.Log(sum >>> shift) - float (length - shift) * log 2.0
    let exponent = float (length - bits)
    mantissa + (exponent * log 2.0 - float k)

let private agrees (size: int64) (k: int64) : Test =
    testCase $"vectors of {size} entries around one of length {k}" (fun () ->
        let found = Special.logHypergeometric size (float k)
        let expected = exactly size k
        // Logarithms of many terms add up in the series, which is for short vectors around short ones.
        let isSeries = float size / 2.0 - 1.0 < 1000.0 && k < 1000L
        let allowed = (if isSeries then 4e-14 else 2e-15) * (abs expected + float k + float size)
        Expect.isLessThan (abs (found - expected)) allowed $"{found} for {expected}")

let tests: Test =
    testList
        "constants of directions"
        [
            for size in [ 1L; 2L; 3L; 10L; 101L ] do
                for k in [ 1L; 30L; 400L; 999L; 1001L; 1500L; 5000L ] do
                    agrees size k
            // By the expansion for large orders, which counts where the vectors are long or their concentration is.
            for size in [ 1990L; 2010L; 2500L; 4001L ] do
                for k in [ 1L; 20L; 300L; 1100L; 3000L ] do
                    agrees size k
        ]
