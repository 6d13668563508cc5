namespace Parametrize

/// How `spdBy` makes a matrix positive definite.
[<RequireQualifiedAccess>]
type SpdMap =
    /// `L L^H` of a lower triangular L with a positive diagonal.
    | Cholesky
    /// `Q diag(l) Q^T` of an orthogonal Q and positive l.
    | Eigenvalues
    /// `exp S` of a symmetric S.
    | Exponential

namespace Parametrize.Values

open System
open Parametrize

/// The values `eigen`, `eigenFull`, `psd`, `psdLowRank`, `psdFixedRank`, `spdBy` and `spdWithTrace`.
[<AutoOpen>]
module EigenValues =

    /// `Q diag(l) Q^T` from values of Q (n x rank) and l (rank numbers): real symmetric n x n matrices with `rank` eigenvalues
    /// from l; the others are zero. Projects by taking the eigenvalues of the largest moduli (the largest ones if l cannot be
    /// negative), and projecting them by the value of l. The result is the nearest matrix if that value finds the nearest
    /// numbers, in any order. O(n^2 rank); projecting O(n^3). Throws ArgumentException for a rank below 1, other than two values,
    /// and values whose spaces do not fit.
    let eigen (rank: int64) (inputs: Parametrization list) : Parametrization =
        Options.requireRank rank

        Parametrization.join (EigenNode(ValueSome rank, false)) inputs

    /// `Q diag(l) Q^T` from values of Q (n x n) and l (all n eigenvalues): real symmetric n x n matrices. Otherwise as `eigen`.
    let eigenFull (inputs: Parametrization list) : Parametrization =
        Parametrization.join (EigenNode(ValueNone, false)) inputs

    let private squares: Parametrization = positiveBy PositiveMap.Square

    /// Real positive semidefinite n x n matrices, `Q diag(x^2) Q^T` with orthogonal Q. Projects to the nearest one: negative
    /// eigenvalues become zero (Higham 1988), O(n^3). Registering keeps eigenvalues of zero as tiny numbers (below rounding),
    /// which can grow exponentially in training; negative ones start at half the mean modulus of all.
    let psd: Parametrization = eigenFull [ orthogonal; squares ]

    /// Real positive semidefinite n x n matrices of that rank at most, `Q diag(x^2) Q^T` with orthonormal Q (n x rank). Projects to
    /// the nearest one, and starts, as `psd`. O(n^2 rank). Throws ArgumentException for a rank below 1.
    let psdLowRank (rank: int64) : Parametrization = eigen rank [ orthogonal; squares ]

    /// Real positive semidefinite n x n matrices of exactly that rank, `Q diag(l) Q^T` with orthonormal Q (n x rank) and l by
    /// softplus. Projects to the nearest one, in which an eigenvalue that has to be positive may be tiny. O(n^2 rank). Throws
    /// ArgumentException for a rank below 1.
    let psdFixedRank (rank: int64) : Parametrization = eigen rank [ orthogonal; positive ]

    /// Symmetric positive definite n x n matrices by the given map: `spd` by Cholesky's factor; by eigenvalues, for real matrices
    /// with softplus; or by `symmetric >>> matrixExponential`. All project by lifting eigenvalues.
    let spdBy (map: SpdMap) : Parametrization =
        match map with
        | SpdMap.Cholesky -> spd
        | SpdMap.Eigenvalues -> eigenFull [ orthogonal; positive ]
        | SpdMap.Exponential -> symmetric >>> matrixExponential

    /// Real symmetric positive definite n x n matrices (n >= 2) of that trace: `Q diag(l) Q^T` where l is `trace` times a
    /// probability vector. Projects to the nearest one, whose eigenvalues are the nearest on the simplex; zeros become tiny.
    /// Trace 1 makes density matrices. O(n^3). Throws ArgumentException for a trace that is not positive and finite.
    let spdWithTrace (trace: float) : Parametrization =
        Options.requirePositive (nameof trace) trace

        eigenFull [ orthogonal; simplex >>> scale trace ]
