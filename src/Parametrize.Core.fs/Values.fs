/// The values of the library, as they are typed and printed.
module Parametrize.Values

open System
open Parametrize

let private value (link: Link) : Parametrization = Parametrization.ofLink link

/// `left >>> right`: first `left`, then `right`. Throws ArgumentException when their spaces do not fit.
let (>>>) (left: Parametrization) (right: Parametrization) : Parametrization = Parametrization.andThen right left

/// Every tensor.
let identity: Parametrization = Parametrization.identity

/// Symmetric n x n matrices, from one triangle and the diagonal. Projects to `(W + W^T) / 2`.
let symmetricFrom (triangle: Triangle) : Parametrization = value (SymmetricLink(triangle, false))

/// Symmetric n x n matrices, from the upper triangle, as in PyTorch's tutorial.
let symmetric: Parametrization = symmetricFrom Triangle.Upper

/// Hermitian n x n matrices, from one triangle and the real diagonal; real tensors are symmetric.
let hermitianFrom (triangle: Triangle) : Parametrization = value (SymmetricLink(triangle, true))

/// Hermitian n x n matrices, from the upper triangle.
let hermitian: Parametrization = hermitianFrom Triangle.Upper

/// Skew-symmetric n x n matrices, from one strict triangle. Projects to `(W - W^T) / 2`.
let skewFrom (triangle: Triangle) : Parametrization = value (SkewLink(triangle, false))

/// Skew-symmetric n x n matrices, from the upper triangle, as in PyTorch's tutorial.
let skew: Parametrization = skewFrom Triangle.Upper

/// Skew-Hermitian n x n matrices, from one strict triangle and the imaginary diagonal; real tensors are skew-symmetric.
let skewHermitianFrom (triangle: Triangle) : Parametrization = value (SkewLink(triangle, true))

/// Skew-Hermitian n x n matrices, from the upper triangle.
let skewHermitian: Parametrization = skewHermitianFrom Triangle.Upper

/// Triangular n x k matrices.
let triangular (triangle: Triangle) : Parametrization = value (TriangularLink(triangle, false))

/// Triangular n x k matrices with ones on the diagonal.
let unitTriangular (triangle: Triangle) : Parametrization = value (TriangularLink(triangle, true))

/// Diagonal n x k matrices.
let diagonal: Parametrization = value (DiagonalLink())

let internal stiefel (map: OrthogonalMap) (trivialized: bool) : Parametrization = value (StiefelLink(map, trivialized))

/// n x k matrices with orthonormal columns (rows, when wide) by the Cayley map, at a base that follows assignments.
/// Behind `skew` it takes the skew matrix as it is.
let cayley: Parametrization = stiefel OrthogonalMap.Cayley true

/// n x k matrices with orthonormal columns (rows, when wide) by the matrix exponential, at a base that follows
/// assignments.
let matrixExp: Parametrization = stiefel OrthogonalMap.MatrixExp true

/// Real n x k matrices with orthonormal columns (rows, when wide) as products of k Householder reflections, at a base
/// that follows assignments.
let householder: Parametrization = stiefel OrthogonalMap.Householder true

/// Orthogonal matrices with PyTorch's defaults: `matrixExp` for square or complex tensors, else `householder`, at a
/// base. Projects by QR, as PyTorch does.
let orthogonal: Parametrization = stiefel OrthogonalMap.Default true

/// The map alone, as PyTorch's `use_trivialization=False`. Square real matrices of the exponential and the Cayley map
/// then have determinant 1; the Cayley map reaches tall matrices whose top block has the eigenvalue -1 in the limit only.
let orthogonalWithoutBase (map: OrthogonalMap) : Parametrization = stiefel map false

/// The value on convolution kernels `[out, in, k...]`, read as matrices `out x (in k...)`. Throws ArgumentException for
/// values that read several tensors.
let onKernel (matrix: Parametrization) : Parametrization =
    if Parametrization.parameterCount matrix > 1 then
        invalidArg (nameof matrix) $"{matrix} reads several tensors, which a kernel does not have."

    matrix |> Composition.mapLinks (fun link -> KernelLink link)

/// Magnitude `g` and direction `v` apart, the norm over all dimensions but one: `W = g v / |v|`.
let weightNorm (dimension: int) : Parametrization = value (WeightNormLink(Some dimension))

/// Magnitude and direction apart, one norm for the whole tensor.
let weightNormWhole: Parametrization = value (WeightNormLink None)

/// Spectral norm by power iteration with the given options. Throws ArgumentException for a bound or an epsilon that is
/// not positive, or fewer than 1 iteration.
let spectralNormWith (options: SpectralNormOptions) : Parametrization =
    if not (options.Bound > 0.0 && Double.IsFinite options.Bound) then
        invalidArg (nameof options) $"The bound must be positive and finite, but it is {options.Bound}."

    if not (options.Epsilon > 0.0) then
        invalidArg (nameof options) $"Epsilon must be positive, but it is {options.Epsilon}."

    if options.Iterations < 1 then
        invalidArg (nameof options) $"At least 1 power iteration is needed, but {options.Iterations} were asked for."

    value (SpectralNormLink options)

/// Spectral norm 1 by power iteration, with PyTorch's defaults.
let spectralNorm: Parametrization = spectralNormWith SpectralNorm.defaults

let private requireRadius (radius: float) : unit =
    if not (radius > 0.0 && Double.IsFinite radius) then
        invalidArg (nameof radius) $"The radius must be positive and finite, but it is {radius}."

/// Vectors (the last dimension) of norm `radius`, by normalising.
let sphere (radius: float) : Parametrization =
    requireRadius radius
    value (NormalizedSphereLink radius)

/// Vectors (the last dimension) of norm `radius`, by the exponential map at a base that follows assignments.
let sphereExp (radius: float) : Parametrization =
    requireRadius radius
    value (GeodesicSphereLink radius)

/// Positive tensors by the given function of each entry.
let positiveBy (map: PositiveMap) : Parametrization = value (PositiveLink map)

/// Positive tensors by softplus.
let positive: Parametrization = positiveBy PositiveMap.Softplus

/// Tensors between `lo` and `hi`, one of which may be infinite. Throws ArgumentException unless lo < hi.
let bounded (lo: float) (hi: float) : Parametrization =
    if not (lo < hi) then
        invalidArg (nameof hi) $"bounded needs lo < hi, but lo is {lo} and hi is {hi}."

    if Double.IsInfinity lo && Double.IsInfinity hi then
        invalidArg (nameof hi) "bounded needs at least one finite end; use identity for the whole line."

    value (BoundedLink(lo, hi))

/// Positive definite n x n matrices `L L^H` with `L_ii >= floor`. Throws ArgumentException for a negative floor.
let spdAbove (floor: float) : Parametrization =
    if not (floor >= 0.0 && Double.IsFinite floor) then
        invalidArg (nameof floor) $"The floor must be finite and not negative, but it is {floor}."

    value (PositiveDefiniteLink floor)

/// Symmetric (Hermitian) positive definite n x n matrices by their Cholesky factors. Projects by lifting eigenvalues.
let spd: Parametrization = spdAbove 0.0

/// Real n x n matrices with a positive determinant, by their LU factors; see `Invertible` for inverse and determinant.
let invertible: Parametrization = value (InvertibleLink())

/// Tensors with zeros at fixed places; one behind another prunes what is left. Throws ArgumentException for shares and
/// probabilities outside [0, 1], negative counts, norms of negative power, and groups that keep more than they have.
let pruned (pruning: Pruning) : Parametrization =
    match PruningRules.fault pruning with
    | Some fault -> invalidArg (nameof pruning) fault
    | None -> value (PrunedLink pruning)
