namespace Parametrize.LinearAlgebra

open TorchSharp
open Parametrize

/// Finds matrices of a given determinant near others.
[<RequireQualifiedAccess>]
module internal FixedDeterminant =

    /// The share by which the determinant of each matrix has to grow, given log |det W| minus its target. Clamped, so that no
    /// matrix becomes singular or leaves the range.
    let missing (excess: torch.Tensor) : torch.Tensor =
        ((-excess).expm1().clamp((-1.0 + 1e-6).AsScalar(), 1e6.AsScalar()).unsqueeze -1L).unsqueeze -1L

    /// An interval of length 600 shrinks to 1e-15.
    let private halvings = 60

    /// Where an increasing function of one number for each vector reaches zero.
    let private root (least: float) (greatest: float) (f: torch.Tensor -> torch.Tensor) (like: torch.Tensor) =
        let halve (struct (low: torch.Tensor, high: torch.Tensor)) () =
            Tensors.keeping (fun struct (low, high) -> [ low; high ]) (fun () ->
                let middle = (low +. high) / 2.0.AsScalar()
                let isBelow = (f middle).lt(0.0.AsScalar())
                struct (torch.where (isBelow, middle, low), torch.where (isBelow, high, middle)))

        let struct (low, high) =
            Seq.init halvings ignore
            |> Seq.fold
                halve
                (struct (torch.full_like (like, least.AsScalar()), torch.full_like (like, greatest.AsScalar())))

        (low +. high) / 2.0.AsScalar()

    /// Positive numbers x near given ones v whose logarithms have a given mean, for each vector in ascending order: those with
    /// `x_i - v_i = c / x_i` for one c, which is where the distance is stationary. To raise the product, all grow. To lower it, all
    /// shrink, down to half of the least one; beyond that the least one shrinks alone, and the others grow again.
    let nearestNumbers (ascending: torch.Tensor) (mean: torch.Tensor) : torch.Tensor =
        let unit = Norms.oneWhereZero (ascending.abs().amax([| -1L |], keepdim = true))
        let v = ascending / unit
        let mean = mean - unit.log ()
        let least = v.narrow (-1L, 0L, 1L)
        let isLeast = Tensors.range 0L (Tensors.last v) v.dtype v.device |> _.eq(0.0.AsScalar())
        let excess (numbers: torch.Tensor) = numbers.log().mean([| -1L |], keepdim = true) - mean

        /// With c = r^2, given log r.
        let raised (logarithm: torch.Tensor) =
            let r = logarithm.exp ()
            let length = v.hypot (r * 2.0.AsScalar())
            let isPositive = v.ge (0.0.AsScalar())
            torch.where (isPositive, (v +. length) / 2.0.AsScalar(), r * (r * 2.0.AsScalar() / (length - v)))

        /// With c = -q: at 1 nothing shrinks, at 0 the least number is halved, and below 0 it shrinks alone.
        let lowered (place: torch.Tensor) =
            let isAlone = place.lt (0.0.AsScalar())
            let share = torch.where (isAlone, place.exp (), 1.0.AsScalar() .- place)
            let q = least.Squared() * share / 4.0.AsScalar()
            let length = (v.Squared() - q * 4.0.AsScalar()).clamp_min(0.0.AsScalar()).sqrt()
            let large = (v +. length) / 2.0.AsScalar()
            torch.where (isAlone.logical_and isLeast, q / large, large)

        let isBelow (numbers: torch.Tensor) = (excess numbers).lt(0.0.AsScalar())
        let isRaised = least.le(0.0.AsScalar()).logical_or(isBelow (v.clamp_min (1e-300.AsScalar())))
        let larger = raised (root -300.0 300.0 (raised >> excess) mean)
        let isHalvedEnough = isBelow (lowered (torch.zeros_like mean))
        let smaller = lowered (root 0.0 1.0 (lowered >> excess) mean)
        let smallest = lowered (root -300.0 0.0 (lowered >> excess) mean)
        torch.where (isRaised, larger, torch.where (isHalvedEnough, smaller, smallest)) * unit
