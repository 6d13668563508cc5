namespace Parametrize.LinearAlgebra

open TorchSharp
open Parametrize

/// Geodesics of subspaces: from the n x k matrix Q with orthonormal columns along H, orthogonal to it, with G = H^H H,
/// `Q cos(G^1/2) + H sin(G^1/2) G^-1/2` (Edelman, Arias & Smith 1998, theorem 2.3, in powers of G). Differentiable, and without a
/// factorization: Taylor polynomials of shortened H, and doubled angles.
[<RequireQualifiedAccess>]
module internal Geodesic =

    /// Up to which norm of H the polynomials are exact to rounding.
    let private reach = 0.5

    /// How often angles are doubled at most: beyond, rounding of H alone loses them, and it is cut.
    let private most = 40.0

    /// 1 / (2 j + odd)! with alternating signs.
    let private coefficients (odd: int) : float[] =
        let factorial (number: int) = Seq.fold (fun product factor -> product * float factor) 1.0 (seq { 2..number })
        Array.init 8 (fun j -> (if j % 2 = 0 then 1.0 else -1.0) / factorial (2 * j + odd))

    let private polynomial (g: torch.Tensor) (square: torch.Tensor) (coefficients: float[]) =
        let identity = Tensors.eyeLike g

        let pair (at: int) = identity * coefficients[2 * at].AsScalar() +. g * coefficients[2 * at + 1].AsScalar()

        (pair 3, [ 2; 1; 0 ]) ||> List.fold (fun sum at -> sum.matmul square +. pair at)

    /// Corrects the cosine and the sine to first order, so that their squares add up to the identity in spite of rounding.
    let private rounded (cosine: torch.Tensor) (sine: torch.Tensor) =
        let sum = cosine.mH.matmul cosine +. sine.mH.matmul sine
        let correction = Tensors.eyeLike cosine * 1.5.AsScalar() - sum * 0.5.AsScalar()
        struct (cosine.matmul correction, sine.matmul correction)

    let private largestOf (tensor: torch.Tensor) = Tensors.largest (tensor.nan_to_num 0.0)

    let private lengths (h: torch.Tensor) =
        use _ = torch.no_grad ()
        let dimensions = [| h.dim () - 2L; h.dim () - 1L |]
        let wide = Tensors.inDouble (h.detach ())
        let unit = Norms.largest wide dimensions
        let norm = torch.linalg.norm (Norms.inUnits wide unit, [| -2L; -1L |], true)
        (norm * unit).clamp_max(1e300.AsScalar())

    let private from (q: torch.Tensor) (h: torch.Tensor) (length: torch.Tensor) (counts: torch.Tensor) =
        let factor = ((-counts).exp2()).minimum(reach.AsScalar() / length.clamp_min (1e-300.AsScalar()))
        let factor = torch.where (counts.lt (most.AsScalar()), (-counts).exp2(), factor)
        let h = h * factor.``to`` h.dtype
        let g = Norms.gram h
        let square = g.matmul g

        // The sine is the n x k matrix: powers of G alone would magnify the rounding errors of its zeros.
        let doubled (struct (cosine: torch.Tensor, sine: torch.Tensor)) (step: int) =
            let struct (next, other) =
                rounded (cosine.matmul cosine - sine.mH.matmul sine) (sine.matmul cosine * 2.0.AsScalar())

            let isMeant = counts.ge ((float step).AsScalar())
            struct (torch.where (isMeant, next, cosine), torch.where (isMeant, other, sine))

        let first =
            struct (polynomial g square (coefficients 0), h.matmul (polynomial g square (coefficients 1)))

        let struct (cosine, sine) = Seq.fold doubled first (seq { 1 .. int (largestOf counts) })
        q.matmul cosine +. sine

    /// The end of the geodesic. H has to be orthogonal to Q. It waits for the device, to know how often angles are doubled.
    let along (q: torch.Tensor) (h: torch.Tensor) : torch.Tensor =
        use _scope = torch.NewDisposeScope()

        let on (h: torch.Tensor) =
            let length = lengths h
            let counts = (length / reach.AsScalar()).log2().ceil().clamp(0.0.AsScalar(), most.AsScalar())

            if largestOf counts <= 6.0 then
                from q h length counts
            else
                // Each doubling doubles the errors.
                let w = from (Tensors.inDouble q) (Tensors.inDouble h) length counts
                (Orthonormal.newtonSchulz (Orthonormal.newtonSchulz w)).to_type h.dtype

        (Orthonormal.whereFinite on h).MoveToOuterDisposeScope()
