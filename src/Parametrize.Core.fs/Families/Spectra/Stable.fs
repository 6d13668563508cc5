namespace Parametrize

open TorchSharp
open Parametrize.LinearAlgebra

/// `W = A - alpha I`: the real parts of eigenvalues are below -alpha.
type internal HurwitzNode(alpha: float) =
    inherit StableNode()

    let shifted (amount: float) (matrix: torch.Tensor) = matrix + Tensors.eyeLike matrix * amount.AsScalar()

    override _.Code = Code.call "hurwitz" [ Code.Float alpha ]
    override _.Codomain _ = StableSpaces.hurwitz alpha
    override _.Condition = $"Re l + {alpha} < 0"
    override _.OfFactors(factor, core) = shifted -alpha (factor.matmul (factor.mT.matmul core))
    override _.ToStable w = shifted alpha w
    override _.Outside w = Lyapunov.abscissa (Entrywise.within (Form.greatest w.dtype) (shifted alpha w))

    /// Eigenvalues of the symmetric part are cut off; the skew part stays.
    override _.Retracted(w, margin) =
        let a = Entrywise.within 1e150 (shifted alpha w)
        let half (sign: float) = a / 2.0.AsScalar() + a.mT * (sign / 2.0).AsScalar()
        let struct (values, vectors) = torch.linalg.eigh (half 1.0)
        let scale = a.abs().mean([| -2L; -1L |], keepdim = true).squeeze -1L
        let scale = torch.where (scale.eq (0.0.AsScalar()), torch.ones_like scale, scale)
        let cut = values.minimum (scale * (-margin).AsScalar())
        shifted -alpha ((vectors * cut.unsqueeze -2L).matmul vectors.mT + half -1.0)

    interface IHoldsNumbers with
        member _.Factors = []
        member _.Offsets = [ alpha ]

/// `W = r (I + A)(I - A)^-1`: the moduli of eigenvalues are below r.
type internal SchurNode(radius: float) =
    inherit StableNode()

    override _.Code = Code.call "schur" [ Code.Float radius ]
    override _.Codomain _ = StableSpaces.schur radius
    override _.Condition = $"|l| / {radius} - 1 < 0"

    /// `A = -L N L^-1` with `N = -L^T K L`, whose symmetric part is definite: `W / r = 2 L (I + N)^-1 L^-1 - I`.
    override _.OfFactors(factor, core) =
        let eye = Tensors.eyeLike factor
        let definite = eye - factor.mT.matmul(core).matmul factor
        let inverse = torch.linalg.solve_triangular (factor, eye.expand_as factor, upper = false)
        (factor.matmul (torch.linalg.solve (definite, inverse)) * 2.0.AsScalar() - eye) * radius.AsScalar()

    override _.ToStable w =
        let unit = w / radius.AsScalar()
        let eye = Tensors.eyeLike w
        torch.linalg.solve (unit + eye, unit - eye)

    override _.Outside w =
        let moduli = (torch.linalg.eigvals (Entrywise.within 1e150 (w / radius.AsScalar()))).abs()
        moduli.amax([| -1L |], keepdim = true).unsqueeze -1L - 1.0.AsScalar()

    /// Singular values are cut off.
    override _.Retracted(w, margin) =
        let struct (left, values, right) =
            torch.linalg.svd (Entrywise.within 1e150 (w / radius.AsScalar()), fullMatrices = false)

        let cut = values.clamp_max ((1.0 - margin).AsScalar())
        (left * cut.unsqueeze -2L).matmul right * radius.AsScalar()

    interface IHoldsNumbers with
        member _.Factors = [ radius ]
        member _.Offsets = []

namespace Parametrize.Values

open System
open Parametrize

[<AutoOpen>]
module StableValues =

    /// Real n x n matrices whose eigenvalues have real parts below `-alpha`: `L L^T (S - I/2) - alpha I` with a positive definite
    /// `L L^T` and skew S, one to one. O(n^3). The right inverse solves a Lyapunov equation; matrices that rounding would move by
    /// more than itself, as those with nearly defective eigenvalues at the edge, are refused. Projects by cutting off eigenvalues
    /// of the symmetric part of `W + alpha I`: the nearest matrix whose symmetric part is below, a retraction. Throws
    /// ArgumentException for an alpha that is not finite.
    let hurwitz (alpha: float) : Parametrization =
        if not (Double.IsFinite alpha) then
            invalidArg (nameof alpha) $"Alpha must be finite, but it is {alpha}."

        Parametrization.ofNode (HurwitzNode alpha)

    /// Real n x n matrices of spectral radius below `radius`: `radius (I + A)(I - A)^-1` of the matrices A of `hurwitz 0`, one to one.
    /// O(n^3). Projects by cutting off singular values: the nearest matrix of spectral norm below, a retraction. Throws
    /// ArgumentException for a radius that is not positive and finite.
    let schur (radius: float) : Parametrization =
        if not (radius > 0.0 && Double.IsFinite radius) then
            invalidArg (nameof radius) $"The radius must be positive and finite, but it is {radius}."

        Parametrization.ofNode (SchurNode radius)
